"""Knows what a chain from trail to subscriber is made of, whoever made it. Judges nothing.

In every field None means "not known": a template may leave it to a parameter, a reader may lack
the right. Empty ("" or ()) means that it is known to be empty. A text may hold parts that are not
known, written `${...}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")


@dataclass(frozen=True, order=True)
class Place:
    """Where something is written: line and column from 1; 0 for what no file holds."""

    line: int = 0
    column: int = 0


NOWHERE = Place()


@dataclass(frozen=True)
class Item:
    """What every part of a chain has. `address` is its id in a template or plan, "" in AWS."""

    name: str
    address: str = ""
    places: Mapping[str, Place] = field(default_factory=dict, compare=False)
    """Where its fields are written; "" for itself."""

    def place(self, name: str = "") -> Place:
        """Where a field is written, else the item itself, else NOWHERE."""
        return self.places.get(name) or self.places.get("") or NOWHERE


@dataclass(frozen=True)
class Trail(Item):
    """A trail. `log_group` is the group's name, `group_region` where that group is."""

    region: str | None = None
    multi_region: bool | None = None
    global_events: bool | None = None
    validation: bool | None = None
    logging: bool | None = None
    log_group: str | None = None
    group_region: str | None = None
    role: str | None = None
    bucket: str | None = None
    management: frozenset[str] | None = None
    """Which management events it records: of "Read" and "Write"."""
    excluded: tuple[str, ...] | None = None
    """The services whose management events it leaves out."""
    delivery_errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class LogGroup(Item):
    retention: int | None = None
    """Days; 0 keeps for ever."""
    group_class: str | None = None


@dataclass(frozen=True)
class MetricFilter(Item):
    """A metric filter with its one transformation. `default` is None also where it has none."""

    log_group: str | None = None
    pattern: str | None = None
    namespace: str | None = None
    metric: str | None = None
    value: str | None = None
    has_default: bool | None = None
    default: float | None = None
    dimensions: frozenset[str] | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Alarm(Item):
    """An alarm on one metric. `since` is when its state last changed."""

    namespace: str | None = None
    metric: str | None = None
    dimensions: frozenset[str] | None = None
    unit: str | None = None
    statistic: str | None = None
    period: int | None = None
    evaluation_periods: int | None = None
    datapoints: int | None = None
    """M of M out of N; the number of evaluation periods where it isn't set."""
    comparison: str | None = None
    threshold: float | None = None
    missing: str | None = None
    actions_enabled: bool | None = None
    alarm_actions: tuple[str, ...] | None = None
    ok_actions: tuple[str, ...] | None = None
    description: str | None = None
    region: str | None = None
    state: str | None = None
    since: datetime | None = None
    muted_by: str = ""
    """The name of a mute rule that is active now."""


@dataclass(frozen=True)
class Composite(Item):
    """A composite alarm. `suppressor` names the alarm that holds its actions back."""

    rule: str | None = None
    alarm_actions: tuple[str, ...] | None = None
    actions_enabled: bool | None = None
    suppressor: str | None = None


@dataclass(frozen=True)
class Topic(Item):
    """A topic. An empty policy is the one that SNS gives every topic."""

    arn: str = ""
    policy: Mapping[str, Any] | None = None
    key: str | None = None
    key_policy: Mapping[str, Any] | None = None
    signature_version: str | None = None
    subscriptions_known: bool = False
    """Whether every subscription of this topic is in the chain."""


@dataclass(frozen=True)
class Subscription(Item):
    """`endpoint` never holds more than the host: a path may hold a key."""

    topic: str | None = None
    protocol: str | None = None
    endpoint: str | None = None
    confirmed: bool | None = None
    filtered: bool | None = None


@dataclass(frozen=True)
class Bucket(Item):
    policy: Mapping[str, Any] | None = None
    blocked: bool | None = None
    """Whether all four public access blocks are on."""


@dataclass(frozen=True)
class Chain:
    """Everything that was found in one account and region, or in one file.

    `complete`: nothing can exist that isn't here, so that what isn't here is missing.
    `unread` says in words what could not be looked at.
    """

    source: str
    complete: bool = False
    region: str | None = None
    account: str | None = None
    now: datetime | None = None
    trails: tuple[Trail, ...] = ()
    groups: tuple[LogGroup, ...] = ()
    filters: tuple[MetricFilter, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    composites: tuple[Composite, ...] = ()
    in_expressions: frozenset[tuple[str, str]] = frozenset()
    """(namespace, metric) at which alarms on expressions look."""
    topics: tuple[Topic, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    missing_roles: frozenset[str] = frozenset()
    """ARNs of roles that trails name and that do not exist."""
    missing_topics: frozenset[str] = frozenset()
    unread: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to judge."""
        return not (self.trails or self.filters or self.alarms or self.topics or self.groups)


def known(text: str | None) -> bool:
    """Whether a text is known to its last character."""
    return text is not None and ("${" not in text or PLACEHOLDER.search(text) is None)


def same(one: str | None, other: str | None) -> bool | None:
    """Whether two texts are the same; None where what is not known decides."""
    if one is None or other is None:
        return None
    if one == other:
        return True
    if known(one) and known(other):
        return False
    for a, b in ((one, other), (other, one)):
        if known(b) and not _could_be(a, b):
            return False
    return None


def _could_be(text: str, other: str) -> bool:
    parts = [re.escape(part) for part in PLACEHOLDER.split(text)]
    return re.fullmatch(".*".join(parts), other, re.DOTALL) is not None


def group_of(arn: str) -> str:
    """The name in a log group's ARN, with or without ":*"; a plain name stays as it is."""
    name = arn.partition(":log-group:")[2] or arn
    return name.removesuffix(":*")


def region_of(arn: str | None) -> str | None:
    """The region in an ARN, None where it isn't known."""
    parts = (arn or "").split(":", 5)
    if len(parts) < 6 or parts[0] != "arn" or not known(parts[3]):
        return None
    return parts[3] or None
