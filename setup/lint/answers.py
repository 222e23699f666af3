"""Makes parts of a chain from what AWS answers; what may be missing in an answer has its default.

Asks AWS nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from setup.lint import items
from setup.lint.chain import Alarm, Composite, LogGroup, MetricFilter, Trail, region_of
from setup.lint.items import Props


def delivery_errors(status: Mapping[str, Any]) -> tuple[str, ...]:
    """What CloudTrail says of its latest deliveries. Source: GetTrailStatus."""
    named = {
        "CloudWatch Logs": "LatestCloudWatchLogsDeliveryError",
        "S3": "LatestDeliveryError",
    }
    return tuple(
        f"{where} says {str(status[key])[:200].rstrip('.')}"
        for where, key in named.items()
        if status.get(key)
    )


def named_groups(trails: Iterable[Trail], filters: Iterable[MetricFilter]) -> tuple[LogGroup, ...]:
    """The groups that are named somewhere; nothing more is known of them."""
    named = [*(one.log_group for one in trails), *(one.log_group for one in filters)]
    return tuple(LogGroup(name) for name in dict.fromkeys(named) if name)


def metric_filter(one: Mapping[str, Any]) -> MetricFilter:
    """One of DescribeMetricFilters; system fields are dimensions, too."""
    found = (one.get("metricTransformations") or [{}])[0]
    default = found.get("defaultValue")
    system = one.get("emitSystemFieldDimensions") or ()
    return MetricFilter(
        str(one.get("filterName", "")),
        log_group=str(one.get("logGroupName", "")) or None,
        pattern=str(one.get("filterPattern", "")),
        namespace=str(found.get("metricNamespace", "")),
        metric=str(found.get("metricName", "")),
        value=str(found.get("metricValue", "")),
        has_default=default is not None,
        default=None if default is None else float(default),
        dimensions=frozenset([*(found.get("dimensions") or {}), *system]),
        unit=str(found.get("unit") or "None"),
    )


def alarm_of(one: Mapping[str, Any]) -> Alarm | None:
    """One of DescribeAlarms; None for an alarm on an expression or a band."""
    if one.get("Metrics") or not one.get("MetricName"):
        return None
    values = {key: value for key, value in one.items() if value is not None}
    alarm = items.alarm(Props(values, str(one["AlarmName"])))
    since = one.get("StateTransitionedTimestamp") or one.get("StateUpdatedTimestamp")
    if alarm is None:
        return None
    return replace(
        alarm,
        region=region_of(str(one.get("AlarmArn", ""))),
        state=str(one.get("StateValue", "")),
        since=since if isinstance(since, datetime) else None,
    )


def looked_at(one: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """(namespace, metric) at which an alarm on an expression looks."""
    return tuple(items.expression_metrics(Props(one, "")))


def composite_of(one: Mapping[str, Any]) -> Composite:
    """One of DescribeAlarms' composite alarms."""
    suppressor = str(one.get("ActionsSuppressor") or "")
    return Composite(
        str(one.get("AlarmName", "")),
        rule=str(one.get("AlarmRule", "")),
        alarm_actions=tuple(one.get("AlarmActions", ())),
        actions_enabled=bool(one.get("ActionsEnabled", True)),
        suppressor=suppressor.rpartition(":alarm:")[2] or suppressor or None,
    )
