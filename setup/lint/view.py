"""Knows which parts of a chain belong to CloudTrail's alarms, and what meets what. Judges nothing.

An account holds metric filters and alarms of many applications: those are none of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from setup.lint.chain import Alarm, Chain, MetricFilter, Topic, Trail, same

TRAIL_FIELD = re.compile(
    r"\$\.(?:eventName|eventSource|eventType|userIdentity|errorCode|errorMessage|sourceIPAddress"
    r"|requestParameters|responseElements|additionalEventData|recipientAccountId)\b"
)
"""A pattern that looks at one of these is about CloudTrail's records."""
TRAIL_NAMESPACE = re.compile(r"cloud.?trail|^cis(?:benchmark)?$|^logmetrics$", re.IGNORECASE)
"""Namespaces that the usual recipes use: Security Hub's guide, CIS and AWS's own template."""


def plainest(text: str | None) -> str:
    """A name without what is easily mistyped: case, blanks and punctuation."""
    return re.sub(r"[\W_]+", "", text or "").lower()


@dataclass(frozen=True)
class View:
    """A chain as the rules look at it."""

    chain: Chain

    @cached_property
    def filters(self) -> tuple[MetricFilter, ...]:
        """The metric filters on groups of CloudTrail's records."""
        groups = {
            one.log_group
            for one in self.chain.filters
            if one.log_group is not None
            and (
                self.feeding(one.log_group)
                or (one.pattern is not None and TRAIL_FIELD.search(one.pattern))
            )
        }
        return tuple(
            one
            for one in self.chain.filters
            if one.log_group in groups
            or (one.log_group is None and TRAIL_FIELD.search(one.pattern or ""))
        )

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The names of the groups with such filters, in order."""
        return tuple(dict.fromkeys(one.log_group for one in self.filters if one.log_group))

    @cached_property
    def trails(self) -> tuple[Trail, ...]:
        """The trails that feed these groups, or may; all of them where none does."""
        feeding = tuple(
            trail
            for trail in self.chain.trails
            if any(same(trail.log_group, group) is not False for group in self.groups)
        )
        return feeding or self.chain.trails

    @cached_property
    def alarms(self) -> tuple[Alarm, ...]:
        """The alarms on metrics of such filters, and those that were meant to be."""
        return tuple(one for one in self.chain.alarms if self._ours(one))

    @cached_property
    def topics(self) -> tuple[Topic, ...]:
        """The topics that these alarms notify, or may."""
        actions = [arn for one in self.alarms for arn in one.alarm_actions or ()]
        unsure = any(one.alarm_actions is None for one in self.alarms)
        return tuple(
            topic
            for topic in self.chain.topics
            if unsure or any(same(topic.arn, arn) for arn in actions)
        )

    def feeding(self, group: str) -> tuple[Trail, ...]:
        """The trails that deliver to a group here; one in another region is another group."""
        here = self.chain.region
        return tuple(
            trail
            for trail in self.chain.trails
            if same(trail.log_group, group)
            and not (here and trail.group_region and trail.group_region != here)
        )

    def makers(self, alarm: Alarm) -> tuple[MetricFilter, ...]:
        """The metric filters that make an alarm's metric."""
        return tuple(one for one in self.chain.filters if _meet(one, alarm))

    def watchers(self, one: MetricFilter) -> tuple[Alarm, ...]:
        """The alarms that look at a filter's metric."""
        return tuple(alarm for alarm in self.chain.alarms if _meet(one, alarm))

    def in_expression(self, one: MetricFilter) -> bool:
        """Whether an alarm on an expression looks at a filter's metric."""
        return (one.namespace, one.metric) in self.chain.in_expressions

    def may_meet(self, one: MetricFilter | Alarm) -> bool:
        """Whether a metric that isn't known to its last character could be this one's."""
        others: Iterable[MetricFilter | Alarm]
        others = self.chain.alarms if isinstance(one, MetricFilter) else self.chain.filters
        return any(_meet(one, other) is None for other in others)

    def notified(self, topic: Topic) -> tuple[Alarm, ...]:
        """The alarms that notify a topic."""
        return tuple(
            one
            for one in self.alarms
            if any(same(topic.arn, arn) for arn in one.alarm_actions or ())
        )

    def _ours(self, alarm: Alarm) -> bool:
        if alarm.namespace is None or alarm.namespace.startswith("AWS/") or alarm.metric is None:
            return False
        if any(_meet(one, alarm) for one in self.filters):
            return True
        if any(_meet(one, alarm) for one in self.chain.filters):
            return False
        spaces = {one.namespace for one in self.filters}
        near = {plainest(one.metric) for one in self.filters if one.metric}
        return (
            alarm.namespace in spaces
            or plainest(alarm.metric) in near
            or TRAIL_NAMESPACE.search(alarm.namespace) is not None
        )


def _meet(one: MetricFilter | Alarm, other: MetricFilter | Alarm) -> bool | None:
    spaces, names = same(one.namespace, other.namespace), same(one.metric, other.metric)
    if spaces is False or names is False:
        return False
    return True if spaces and names else None
