"""Knows how live metric filters are read, with what follows each of them. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from setup.clients import Clients
from trailwatch.coverage import LiveFilter
from trailwatch.errors import AwsError
from trailwatch.site import parse_arn

T = TypeVar("T")
Metric = tuple[str, str]

SUMMED = frozenset({"Sum", "SampleCount", "Maximum"})
"""Statistics that one match moves over a threshold of 1, whatever came with it."""


@dataclass(frozen=True)
class LiveFilters:
    """The metric filters of the log groups that trails feed. `notes` say what was not looked at."""

    filters: tuple[LiveFilter, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Feed:
    """A log group that a trail delivers to; `problem` says why it does not carry everything."""

    log_group: str
    problem: str


def live_filters(clients: Clients, region: str) -> LiveFilters:
    """Every metric filter, in the home Region, of a log group that any trail feeds.

    Whether somebody is told of a match: the trail logs in all Regions, an alarm watches the
    metric, its actions are on, and one goes to a topic with a confirmed subscriber (CloudWatch
    controls, Security Hub User Guide). Raises AwsError.
    """
    feeds, notes = _feeds(clients, region)
    groups = tuple(dict.fromkeys(feed.log_group for feed in feeds))
    reads = (partial(_allowed, notes, partial(_filters, clients, group)) for group in groups)
    found = clients.together(partial(_alarms, clients), *reads)
    alarms, *filters = (ones or [] for ones in found)
    watched = _by_metric(alarms)
    topics = {arn for alarm in alarms for arn in _topics(alarm)}
    subscribed, more = _subscribed(clients, sorted(topics))
    live = [
        _live(one, group, feeds, watched, subscribed)
        for group, ones in zip(groups, filters, strict=True)
        for one in ones
    ]
    return LiveFilters(tuple(live), (*notes, *more))


def _filters(clients: Clients, group: str) -> list[Mapping[str, Any]]:
    found = clients.metric_filters(group)
    return [found[name] for name in sorted(found)]


def _alarms(clients: Clients) -> list[Mapping[str, Any]]:
    """All metric alarms of the Region, whoever made them."""
    return clients.pages(
        "cloudwatch",
        "DescribeAlarms",
        "MetricAlarms",
        "NextToken",
        AlarmTypes=["MetricAlarm"],
        MaxRecords=100,
    )


def _feeds(clients: Clients, region: str) -> tuple[list[_Feed], list[str]]:
    """The log groups that trails feed; a group of another Region is told as not looked at."""
    described = clients.call("cloudtrail", "DescribeTrails", includeShadowTrails=True)
    feeds, notes = [], []
    for trail in described.get("trailList", ()):
        arn = parse_arn(str(trail.get("CloudWatchLogsLogGroupArn", "")))
        if arn is None:
            continue
        group = arn.resource.removeprefix("log-group:").removesuffix(":*")
        if arn.region != region:
            notes.append(f"{trail['Name']} feeds {group} in {arn.region}; not looked at there.")
            continue
        feeds.append(_Feed(group, _trail_problem(clients, trail, notes)))
    return feeds, notes


def _trail_problem(clients: Clients, trail: Mapping[str, Any], notes: list[str]) -> str:
    """Why a trail does not carry the management events of all Regions; "" where it does."""
    name, arn = str(trail["Name"]), str(trail["TrailARN"])
    if not trail.get("IsMultiRegionTrail"):
        return f"The trail {name} is of one Region only."
    status, selectors = clients.together(
        partial(_allowed, notes, partial(clients.call, "cloudtrail", "GetTrailStatus", Name=arn)),
        partial(
            _allowed, notes, partial(clients.call, "cloudtrail", "GetEventSelectors", TrailName=arn)
        ),
    )
    if status is not None and not status.get("IsLogging"):
        return f"The trail {name} does not log."
    if selectors is not None and not _whole(selectors):
        return f"The trail {name} does not record all management events."
    return ""


def _allowed(notes: list[str], read: Callable[[], T]) -> T | None:
    """What a read gives; None, and a note, where the role may not."""
    try:
        return read()
    except AwsError as error:
        if not error.permission:
            raise
        notes.append(f"Not allowed: {error.permission}.")
        return None


def _whole(selectors: Mapping[str, Any]) -> bool:
    """Whether read and write management events are recorded. Source: GetEventSelectors."""
    for one in selectors.get("AdvancedEventSelectors") or ():
        fields = {field["Field"]: field for field in one.get("FieldSelectors", ())}
        category = fields.get("eventCategory", {}).get("Equals", ())
        if "Management" in category and "readOnly" not in fields:
            return True
    return any(
        one.get("IncludeManagementEvents", True) and one.get("ReadWriteType", "All") == "All"
        for one in selectors.get("EventSelectors") or ()
    )


def _by_metric(alarms: Sequence[Mapping[str, Any]]) -> dict[Metric, list[Mapping[str, Any]]]:
    found: dict[Metric, list[Mapping[str, Any]]] = {}
    for alarm in alarms:
        metric = (str(alarm.get("Namespace", "")), str(alarm.get("MetricName", "")))
        found.setdefault(metric, []).append(alarm)
    return found


def _topics(alarm: Mapping[str, Any]) -> list[str]:
    found = ((str(action), parse_arn(str(action))) for action in alarm.get("AlarmActions", ()))
    return [action for action, arn in found if arn is not None and arn.service == "sns"]


def _subscribed(clients: Clients, topics: Sequence[str]) -> tuple[set[str], list[str]]:
    """The topics with a confirmed subscriber; those that may not be looked at count as such."""
    notes: list[str] = []
    reads = (partial(clients.subscriptions, topic) for topic in topics)
    found = clients.together(*(partial(_allowed, notes, read) for read in reads)) if topics else []
    confirmed = {
        topic
        for topic, subscriptions in zip(topics, found, strict=True)
        if subscriptions is None
        or any(str(one.get("SubscriptionArn", "")).startswith("arn:") for one in subscriptions)
    }
    return confirmed, notes


def _live(
    one: Mapping[str, Any],
    group: str,
    feeds: Sequence[_Feed],
    watched: Mapping[Metric, Sequence[Mapping[str, Any]]],
    subscribed: set[str],
) -> LiveFilter:
    problems = [feed.problem for feed in feeds if feed.log_group == group]
    delivered = "" in problems
    alarms = [
        alarm
        for metric in one.get("metricTransformations", ())
        for alarm in watched.get((metric["metricNamespace"], metric["metricName"]), ())
    ]
    whys = [_alarm_problem(alarm, subscribed) for alarm in alarms]
    telling = [alarm for alarm, why in zip(alarms, whys, strict=True) if not why]
    trouble = [] if delivered else problems[:1]
    if not alarms:
        trouble.append("No alarm watches its metric.")
    elif not telling:
        trouble.append(whys[0])
    patiences = [_patience(alarm) for alarm in telling]
    return LiveFilter(
        name=str(one["filterName"]),
        log_group=group,
        pattern=str(one.get("filterPattern", "")),
        alarms=tuple(str(alarm["AlarmName"]) for alarm in alarms),
        problems=tuple(trouble),
        delivered=delivered,
        alarmed=bool(alarms),
        patience="" if "" in patiences else next(iter(patiences), ""),
    )


def _alarm_problem(alarm: Mapping[str, Any], subscribed: set[str]) -> str:
    """Why an alarm tells nobody; "" where it does."""
    name = alarm["AlarmName"]
    topics = _topics(alarm)
    if not alarm.get("ActionsEnabled", True):
        return f"The actions of the alarm {name} are off."
    if not topics:
        return f"The alarm {name} goes to no SNS topic."
    if not subscribed.intersection(topics):
        return f"No topic of the alarm {name} has a confirmed subscriber."
    return ""


def _patience(alarm: Mapping[str, Any]) -> str:
    """What an alarm waits for beyond one match, in words; "" where one is enough."""
    least = float(alarm.get("Threshold", 0))
    at_least = alarm.get("ComparisonOperator") == "GreaterThanOrEqualToThreshold"
    matches = int(least) if at_least and least == int(least) else int(least) + 1
    periods = int(alarm.get("DatapointsToAlarm") or alarm.get("EvaluationPeriods") or 1)
    period = int(alarm.get("Period", 0))
    statistic = alarm.get("Statistic", "")
    if statistic not in SUMMED:
        return f"the alarm looks at the {statistic or 'percentile'}, not at the sum"
    if periods > 1:
        return f"the alarm waits for matches in {periods} periods of {period} s"
    if matches > 1:
        return f"the alarm waits for {matches} matches within {period} s"
    return ""
