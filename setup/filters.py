"""Knows the metric filters on a log group with the alarms on their metrics. Reads only."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from setup.clients import Clients
from setup.lint.rules_firing import LATE
from trailwatch.site import Site, SiteConfig


@dataclass(frozen=True)
class FoundAlarm:
    """An alarm on a filter's metric. `fault` says why it may stay silent, "" for nothing seen."""

    name: str
    topics: tuple[str, ...]
    """ARNs of the SNS topics that it tells when it goes off."""
    fault: str = ""
    least: float = 1
    """How many matches in a period set it off."""
    late: bool = False
    """Whether a record that comes ten minutes late may find it looking elsewhere."""


@dataclass(frozen=True)
class FoundFilter:
    """A metric filter as it stands, with the alarms on its metric."""

    name: str
    pattern: str
    namespace: str
    metric: str
    alarms: tuple[FoundAlarm, ...] = ()


def filters_on(log_group: str, clients: Clients) -> tuple[FoundFilter, ...]:
    """Every metric filter of a log group; two bulk reads. Raises AwsError."""
    filters = clients.metric_filters(log_group)
    if not filters:
        return ()
    on: dict[tuple[str, str], list[FoundAlarm]] = {}
    for alarm in _alarms(clients):
        key = (str(alarm.get("Namespace", "")), str(alarm.get("MetricName", "")))
        on.setdefault(key, []).append(_alarm(alarm))
    found = []
    for name, one in sorted(filters.items()):
        metric: Mapping[str, Any] = next(iter(one.get("metricTransformations", ())), {})
        key = (str(metric.get("metricNamespace", "")), str(metric.get("metricName", "")))
        found.append(
            FoundFilter(name, str(one.get("filterPattern", "")), *key, tuple(on.get(key, ())))
        )
    return tuple(found)


def is_ours(config: SiteConfig, name: str, namespace: str) -> bool:
    """Whether a metric filter is ours, by its name and its metric's namespace: filters have no
    tags."""
    return name.startswith(f"{config.prefix}-") and namespace == config.namespace


def ours_on(config: SiteConfig, log_group: str, clients: Clients) -> tuple[str, ...]:
    """The names of our metric filters on a log group; one bulk read. Raises AwsError."""
    return tuple(
        name
        for name, one in sorted(clients.metric_filters(log_group).items())
        for metric in one.get("metricTransformations", ())
        if is_ours(config, name, str(metric.get("metricNamespace", "")))
    )


def topics_of(site: Site, filters: Sequence[FoundFilter]) -> str:
    """The name of this site's topic that most of their alarms tell; "" for none."""
    here = site.topic_arn("")
    counts = Counter(
        topic.removeprefix(here)
        for one in filters
        for alarm in one.alarms
        for topic in alarm.topics
        if topic.startswith(here)
    )
    return min(counts, key=lambda name: (-counts[name], name)) if counts else ""


def alarm_names(clients: Clients) -> frozenset[str]:
    """The names of every alarm of the Region. Raises AwsError."""
    return frozenset(str(one.get("AlarmName", "")) for one in _alarms(clients))


def _alarms(clients: Clients) -> list[dict[str, Any]]:
    def read() -> list[dict[str, Any]]:
        return clients.pages(
            "cloudwatch",
            "DescribeAlarms",
            "MetricAlarms",
            "NextToken",
            AlarmTypes=["MetricAlarm"],
            MaxRecords=100,
        )

    return clients.once("every alarm", read)


def _alarm(one: Mapping[str, Any]) -> FoundAlarm:
    topics = tuple(str(action) for action in one.get("AlarmActions", ()) if ":sns:" in str(action))
    fault = ""
    statistic = one.get("Statistic") or one.get("ExtendedStatistic") or "no statistic"
    if not one.get("ActionsEnabled", True):
        fault = "its actions are off"
    elif statistic not in ("Sum", "SampleCount", "Maximum"):
        fault = f"it looks at {statistic}, not at the Sum"
    least = _least(one)
    if not fault and least is None:
        fault = "it goes off when there are few matches, not when there are many"
    newest, of = int(one.get("EvaluationPeriods") or 1), one.get("DatapointsToAlarm")
    wants = int(of or newest)
    if not fault and wants > 1:
        fault = f"it waits for {wants} periods with matches"
    late = (newest - wants) * int(one.get("Period") or 0) < LATE
    return FoundAlarm(str(one.get("AlarmName", "")), topics, fault, least or 0, late)


def _least(alarm: Mapping[str, Any]) -> float | None:
    """The least value that sets an alarm off; None where small values do, or bands."""
    threshold = float(alarm.get("Threshold") or 0)
    match alarm.get("ComparisonOperator"):
        case "GreaterThanOrEqualToThreshold":
            return threshold
        case "GreaterThanThreshold":
            return math.floor(threshold) + 1
    return None
