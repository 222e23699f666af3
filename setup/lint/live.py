"""Knows how a chain is read from an account's region: bulk calls, few and at once. Writes nothing.

What may not be read stays unknown and is told in `Chain.unread`; only an account that cannot be
reached at all is an error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from setup.clients import Clients
from setup.lint import items
from setup.lint.answers import (
    alarm_of,
    composite_of,
    delivery_errors,
    looked_at,
    metric_filter,
    named_groups,
)
from setup.lint.chain import (
    Bucket,
    Chain,
    Composite,
    LogGroup,
    MetricFilter,
    Subscription,
    Topic,
    Trail,
    region_of,
)
from setup.lint.items import Props
from setup.lint.view import View
from setup.resource import Need
from trailwatch.clock import Clock
from trailwatch.errors import AwsError
from trailwatch.site import Site

T = TypeVar("T")

NEEDS: tuple[Need, ...] = tuple(
    ("read", action, "*")
    for action in (
        "cloudtrail:DescribeTrails",
        "cloudtrail:GetEventSelectors",
        "cloudtrail:GetTrailStatus",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:GetAlarmMuteRule",
        "cloudwatch:ListAlarmMuteRules",
        "iam:GetRole",
        "kms:GetKeyPolicy",
        "logs:DescribeLogGroups",
        "logs:DescribeMetricFilters",
        "s3:GetBucketPolicy",
        "s3:GetBucketPublicAccessBlock",
        "sns:GetSubscriptionAttributes",
        "sns:GetTopicAttributes",
        "sns:ListSubscriptionsByTopic",
    )
)
"""What reading a stranger's pipeline needs. None of it changes anything."""
_UNSUPPORTED = ("InvalidAction", "NotImplemented", "UnknownOperationException", "InternalFailure")
_NO_TOPIC = ("NotFound", "NotFoundException")
_NO_ROLE = ("NoSuchEntity", "NoSuchEntityException")
_FILTERED = ("FilterPolicy", "FilterPolicyScope")


def chain_of_site(site: Site, clients: Clients, clock: Clock) -> Chain:
    """Everything in the site's region that belongs to CloudTrail's alarms.

    Raises AwsError where trails or alarms cannot be read.
    """
    reader = _Reader(site, clients.fresh(), clock)
    return reader.chain()


class _Reader:
    def __init__(self, site: Site, clients: Clients, clock: Clock) -> None:
        self.site = site
        self.clients = clients
        self.clock = clock
        self.unread: dict[str, None] = {}

    def chain(self) -> Chain:
        """Two rounds of calls: the bulk first, then what the alarms and trails lead to."""
        bulk: tuple[Callable[[], Any], ...] = (
            self._trails,
            self._filters,
            self._alarms,
            self._composites,
            self._groups,
            self._mutes,
        )
        trails, filters, alarms, composites, groups, mutes = self.clients.together(*bulk)
        if filters is None:
            filters = self._filters_of_trails(trails)
        if groups is None:
            groups = named_groups(trails, filters)
        chain = Chain(
            self.site.name,
            complete=True,
            region=self.site.region,
            account=self.site.account,
            now=self.clock(),
            trails=trails,
            groups=groups,
            filters=filters,
            alarms=tuple(
                replace(alarm, muted_by=mutes.get(alarm.name, ""))
                for one in alarms
                if (alarm := alarm_of(one)) is not None
            ),
            composites=composites,
            in_expressions=frozenset(pair for one in alarms for pair in looked_at(one)),
        )
        return self._rest(chain)

    def _rest(self, chain: Chain) -> Chain:
        view = View(chain)
        arns = {arn for one in view.alarms for arn in one.alarm_actions or () if ":sns:" in arn}
        here = sorted(arn for arn in arns if region_of(arn) == self.site.region)
        ours = [trail for trail in view.trails if trail.region in (None, self.site.region)]
        roles = sorted({trail.role for trail in ours if trail.role})
        buckets = sorted({trail.bucket for trail in ours if trail.bucket})
        told = self._each(here, self._topic)
        missing = self._each(roles, self._role_is_missing)
        found = self._each(buckets, self._bucket)
        topics = [one for one in told if one is not None]
        return replace(
            chain,
            topics=tuple(topic for topic, _ in topics),
            subscriptions=tuple(one for _, several in topics for one in several),
            missing_topics=frozenset(
                arn for arn, one in zip(here, told, strict=True) if one is None
            ),
            missing_roles=frozenset(
                role for role, gone in zip(roles, missing, strict=True) if gone
            ),
            buckets=tuple(found),
            unread=tuple(self.unread),
        )

    def _each(self, names: Iterable[str], read: Callable[[str], T]) -> list[T]:
        return self.clients.together(*(partial(read, name) for name in names))

    def _may(self, what: str, read: Callable[[], T], otherwise: T) -> T:
        """What `read` gives, or `otherwise` where we lack the right or AWS refuses the call for
        another reason that does not pass."""
        try:
            return read()
        except AwsError as error:
            if error.retryable and error.code not in _UNSUPPORTED:
                raise
            why = f"it needs {error.permission}" if error.permission else error.code
            self.unread[f"{what} ({why})"] = None
            return otherwise

    # The bulk

    def _trails(self) -> tuple[Trail, ...]:
        found = self.clients.call("cloudtrail", "DescribeTrails", includeShadowTrails=True)
        return tuple(
            self.clients.together(*(partial(self._trail, one) for one in found["trailList"]))
        )

    def _trail(self, one: Mapping[str, Any]) -> Trail:
        arn = str(one.get("TrailARN", one.get("Name", "")))
        ask = partial(self.clients.find, "cloudtrail", absent=("TrailNotFoundException",))
        status = self._may(
            "the state of a trail", lambda: ask(operation="GetTrailStatus", Name=arn), None
        )
        selectors = self._may(
            "a trail's selectors", lambda: ask(operation="GetEventSelectors", TrailName=arn), None
        )
        values: dict[str, Any] = {
            "HomeRegion": one.get("HomeRegion"),
            "IsMultiRegionTrail": one.get("IsMultiRegionTrail", False),
            "IncludeGlobalServiceEvents": one.get("IncludeGlobalServiceEvents", True),
            "EnableLogFileValidation": one.get("LogFileValidationEnabled", False),
            "IsLogging": (status or {}).get("IsLogging"),
            "CloudWatchLogsLogGroupArn": one.get("CloudWatchLogsLogGroupArn", ""),
            "CloudWatchLogsRoleArn": one.get("CloudWatchLogsRoleArn", ""),
            "S3BucketName": one.get("S3BucketName", ""),
            "EventSelectors": None,
        }
        if selectors is not None:
            values["EventSelectors"] = selectors.get("EventSelectors") or ()
            values["AdvancedEventSelectors"] = selectors.get("AdvancedEventSelectors") or ()
        trail = items.trail(Props(values, str(one.get("Name", arn))))
        return replace(trail, delivery_errors=delivery_errors(status or {}))

    def _groups(self) -> tuple[LogGroup, ...] | None:
        return self._may("log groups", self._all_groups, None)

    def _all_groups(self) -> tuple[LogGroup, ...]:
        found = self.clients.pages("logs", "DescribeLogGroups", "logGroups", "nextToken")
        return tuple(
            LogGroup(
                str(one["logGroupName"]),
                retention=int(one.get("retentionInDays", 0)),
                group_class=str(one.get("logGroupClass", "STANDARD")),
            )
            for one in found
        )

    def _filters(self) -> tuple[MetricFilter, ...] | None:
        return self._may("metric filters of other log groups", self._all_filters, None)

    def _all_filters(self) -> tuple[MetricFilter, ...]:
        found = self.clients.pages("logs", "DescribeMetricFilters", "metricFilters", "nextToken")
        return tuple(metric_filter(one) for one in found)

    def _filters_of_trails(self, trails: Iterable[Trail]) -> tuple[MetricFilter, ...]:
        """The filters of the groups that trails feed here: the right may reach no further."""
        here = (None, self.site.region)
        names = sorted({one.log_group or "" for one in trails if one.group_region in here} - {""})
        return tuple(one for several in self._each(names, self._filters_of) for one in several)

    def _filters_of(self, group: str) -> tuple[MetricFilter, ...]:
        none: Mapping[str, dict[str, Any]] = {}
        found = self._may(
            f"metric filters of {group}", lambda: self.clients.metric_filters(group), none
        )
        return tuple(metric_filter(one) for one in found.values())

    def _alarms(self) -> list[dict[str, Any]]:
        return self._described("MetricAlarm")

    def _composites(self) -> tuple[Composite, ...]:
        return tuple(map(composite_of, self._described("CompositeAlarm")))

    def _described(self, kind: str) -> list[dict[str, Any]]:
        return self.clients.pages(
            "cloudwatch",
            "DescribeAlarms",
            f"{kind}s",
            "NextToken",
            AlarmTypes=[kind],
            MaxRecords=100,
        )

    def _mutes(self) -> dict[str, str]:
        """The names of muted alarms, with the rule that mutes each. Not every partition has
        mute rules, so whatever goes wrong costs no more than this."""
        try:
            return self._may("mute rules", self._active_mutes, {})
        except AwsError as error:
            self.unread[f"mute rules ({error.what.rstrip('.')})"] = None
            return {}

    def _active_mutes(self) -> dict[str, str]:
        found = self.clients.pages(
            "cloudwatch",
            "ListAlarmMuteRules",
            "AlarmMuteRuleSummaries",
            "NextToken",
            Statuses=["ACTIVE"],
        )
        muted: dict[str, str] = {}
        for one in found:
            name = str(one.get("AlarmMuteRuleArn", "")).rpartition(":")[2]
            rule = self.clients.call("cloudwatch", "GetAlarmMuteRule", AlarmMuteRuleName=name)
            for alarm in rule.get("MuteTargets", {}).get("AlarmNames", ()):
                muted[str(alarm)] = name
        return muted

    # What alarms and trails lead to

    def _topic(self, arn: str) -> tuple[Topic, tuple[Subscription, ...]] | None:
        """A topic with its subscriptions; None where it does not exist."""
        unknown: dict[str, Any] = {"Attributes": None}
        found = self._may(
            "a topic's policy",
            lambda: self.clients.find("sns", "GetTopicAttributes", _NO_TOPIC, TopicArn=arn) or {},
            unknown,
        )
        if not found:
            return None
        attributes = found.get("Attributes")
        subscriptions = self._may(
            "a topic's subscriptions", lambda: self.clients.subscriptions(arn), None
        )
        values: dict[str, Any] = dict.fromkeys(("Policy", "KmsMasterKeyId", "SignatureVersion"))
        if attributes is not None:
            values = {
                "Policy": attributes.get("Policy") or "{}",
                "KmsMasterKeyId": attributes.get("KmsMasterKeyId", ""),
                # An answer without the version says nothing about it.
                "SignatureVersion": attributes.get("SignatureVersion"),
            }
        topic = items.topic(Props(values, arn.rpartition(":")[2]), arn)
        topic = replace(
            topic,
            key_policy=self._key_policy(topic.key),
            subscriptions_known=subscriptions is not None,
        )
        return topic, tuple(self.clients.together(*map(self._reading, subscriptions or ())))

    def _key_policy(self, key: str | None) -> Mapping[str, Any] | None:
        if not key or "alias/" in key:
            return None
        policy = self._may(
            "a key's policy",
            lambda: self.clients.find(
                "kms", "GetKeyPolicy", ("NotFoundException",), KeyId=key, PolicyName="default"
            ),
            None,
        )
        return items.document((policy or {}).get("Policy"))

    def _reading(self, one: Mapping[str, Any]) -> Callable[[], Subscription]:
        return partial(self._subscription, one)

    def _subscription(self, one: Mapping[str, Any]) -> Subscription:
        arn = str(one.get("SubscriptionArn", ""))
        confirmed = arn.startswith("arn:")
        protocol = str(one.get("Protocol", ""))
        endpoint = items.host(str(one.get("Endpoint", "")))
        attributes: Mapping[str, Any] | None = {}
        if confirmed:
            answer = self._may(
                "a subscription's filter",
                lambda: self.clients.find(
                    "sns", "GetSubscriptionAttributes", _NO_TOPIC, SubscriptionArn=arn
                ),
                None,
            )
            attributes = (answer or {}).get("Attributes")
        asked = {key: (attributes or {}).get(key, "") for key in _FILTERED}
        filtered = bool(asked["FilterPolicy"]) and asked["FilterPolicyScope"] != "MessageBody"
        return Subscription(
            f"{protocol} {endpoint}",
            topic=str(one.get("TopicArn", "")),
            protocol=protocol,
            endpoint=endpoint,
            confirmed=confirmed,
            filtered=None if attributes is None else filtered,
        )

    def _role_is_missing(self, arn: str) -> bool:
        name = arn.rpartition("/")[2]
        if f":{self.site.account}:" not in arn:
            return False
        unknown: dict[str, Any] | None = {}
        found = self._may(
            "the role of a trail",
            lambda: self.clients.find("iam", "GetRole", _NO_ROLE, RoleName=name),
            unknown,
        )
        return found is None

    def _bucket(self, name: str) -> Bucket:
        ask = partial(self.clients.find, "s3", Bucket=name)
        gone = ("NoSuchBucket", "404", "NoSuchBucketPolicy", "PermanentRedirect", "301")
        policy = self._may(
            "the bucket's policy",
            lambda: ask(operation="GetBucketPolicy", absent=gone) or {"Policy": "{}"},
            None,
        )
        unset = (*gone, "NoSuchPublicAccessBlockConfiguration")
        block = self._may(
            "the bucket's public access block",
            lambda: ask(operation="GetPublicAccessBlock", absent=unset) or {},
            None,
        )
        flags = (block or {}).get("PublicAccessBlockConfiguration", {})
        return Bucket(
            name,
            policy=None if policy is None else json.loads(policy.get("Policy") or "{}"),
            blocked=None if block is None else all(flags.get(one) for one in items.BLOCKS),
        )
