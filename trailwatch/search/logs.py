"""Knows how to find events in the trail's log group. Reads only; never guesses a window."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from trailwatch.aws import Aws
from trailwatch.errors import AwsError
from trailwatch.event import BadRecord, Event, parse_event
from trailwatch.log_filters import LogFilter, LogFilters
from trailwatch.pattern import Pattern, PatternError, parse
from trailwatch.site import parse_arn

LONGEST = 1024
"""Characters of a pattern that FilterLogEvents takes, CloudWatch Logs API reference."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class EventQuery:
    """What to look for: a filter pattern over a window, both ends included, UTC."""

    pattern: Pattern
    start: datetime
    end: datetime


@dataclass(frozen=True)
class EventPage:
    """What a search found: distinct events newest first.

    `complete` is False where the search stopped at its limit of events or seconds.
    """

    events: tuple[Event, ...]
    total: int
    complete: bool = True
    unreadable: int = 0


@dataclass(frozen=True)
class NewestPage:
    """A page of events, newest first by when they came to the log group.

    `next` is where the older ones begin: the end of a window and how many events of that very time
    to skip; None where there are none. Not `complete`: the search stopped at its limit of seconds,
    so that fewer were found than wanted.
    """

    events: tuple[Event, ...]
    next: tuple[datetime, int] | None
    complete: bool = True
    unreadable: int = 0


class LogsSource:
    """Searches one log group with FilterLogEvents.

    A page may be empty and not the last: only a missing nextToken ends the search. A record that
    the trail delivered twice counts once. Source: FilterLogEvents, CloudWatch Logs API reference.
    """

    def __init__(
        self,
        aws: Aws,
        log_group: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        pace: float = 0.0,
        sleep: Callable[[float], None] = time.sleep,
        filters: LogFilters | None = None,
        key: str = "",
    ) -> None:
        """filters: what is remembered of them, shared by all sources. key: names account and Region
        of the log group there.
        """
        self._aws = aws
        self._log_group = log_group
        self._clock = clock
        self._pace = pace
        self.sleep = sleep
        self._filters = filters or LogFilters()
        self._key = key

    def paced(self, pace: float) -> LogsSource:
        """The same log group, `pace` seconds before each call: for what nobody waits for.

        All of an account's searches in a Region share five calls a second ("CloudWatch Logs
        quotas", CloudWatch Logs user guide).
        """
        return LogsSource(
            self._aws,
            self._log_group,
            clock=self._clock,
            pace=pace,
            sleep=self.sleep,
            filters=self._filters,
            key=self._key,
        )

    def search(self, query: EventQuery, *, limit: int = 1000, seconds: float = 20.0) -> EventPage:
        """Matching events; at most `limit`, within about `seconds`. Raises AwsError.

        AWS evaluates the pattern; each answer is held against our own evaluator too, so that a
        source that ignores patterns shows no stranger's event.
        """
        deadline = self._clock() + seconds
        found: dict[str, Event] = {}
        unreadable = 0
        token: str | None = None
        while True:
            page = self._page(query, token)
            for item in page.get("events", []):
                message = item.get("message", "")
                if not query.pattern.matches(message):
                    continue
                try:
                    event = parse_event(message)
                except BadRecord:
                    unreadable += 1
                    continue
                found[event.id or item.get("eventId", message)] = event
            token = page.get("nextToken")
            if not token:
                return _result(found, unreadable, complete=True)
            if len(found) >= limit or self._clock() > deadline:
                return _result(found, unreadable, complete=False)

    def newest(
        self, query: EventQuery, *, want: int, skip: int = 0, seconds: float = 20.0
    ) -> NewestPage:
        """The newest `want` matching events of the window, and from where the older ones follow.

        skip: how many events with the time of the window's end were given before, so that pages
        neither overlap nor leave anything out. Stops after about `seconds`; `next` leads on then,
        too. Raises AwsError. CloudWatch Logs reads from the newest on since 2024
        (startFromHead=false, FilterLogEvents, CloudWatch Logs API reference).
        """
        deadline = self._clock() + seconds
        end = _milliseconds(query.end)
        found: dict[str, tuple[int, Event]] = {}
        reached, token, unreadable = end, None, 0
        while True:
            page = self._page(query, token, newest_until=end)
            # Within a page the order is AWS's; over pages they go back in time.
            items = sorted(page.get("events", ()), key=_timestamp, reverse=True)
            for item in items:
                reached = min(reached, _timestamp(item))
                message = item.get("message", "")
                if not query.pattern.matches(message):
                    continue
                try:
                    event = parse_event(message)
                except BadRecord:
                    unreadable += 1
                    continue
                key = event.id or item.get("eventId", message)
                found.setdefault(key, (_timestamp(item), event))
            token = page.get("nextToken")
            in_order = sorted(found.values(), key=lambda one: one[0], reverse=True)
            left = _after(in_order, end, skip)
            # One more than wanted, and older ones: then all of the last one's time are at hand.
            if not token or (len(left) > want and left[want - 1][0] > reached):
                return _newest(left, want, end, skip, unreadable, whole=not token)
            if self._clock() > deadline:
                return _cut_off(left, want, end, skip, unreadable, reached)

    def oldest(self, start: datetime, end: datetime, *, seconds: float = 5.0) -> datetime | None:
        """When the oldest event of a window happened, whatever it is: how far back there are any.

        None where there is none, or none was found in time. Raises AwsError.
        """
        deadline = self._clock() + seconds
        token: str | None = None
        while True:
            more: dict[str, Any] = {"nextToken": token} if token else {}
            page = self._call(start, _milliseconds(end), limit=1, **more)
            if found := page.get("events"):
                return _moment(_timestamp(found[0]))
            token = page.get("nextToken")
            if not token or self._clock() > deadline:
                return None

    def filter_pattern(self, name: str) -> str | None:
        """The text of the log group's metric filter of that name; None where there is none. It may
        be half a minute old (trailwatch.log_filters). Raises AwsError.
        """
        if not name:
            return None
        return self._pattern(lambda one: one.name == name)

    def pattern_behind(self, alarm: str) -> str | None:
        """The text of the filter that counts into an alarm's metrics, whatever the two are called:
        alarms that others made. Where several filters do, what any of them matches. None where
        there is none, or where alarms may not be read. Raises AwsError.
        """
        try:
            answer = self._aws.call("cloudwatch", "DescribeAlarms", AlarmNames=[alarm])
        except AwsError as error:
            if error.permission:
                return None
            raise
        alarms = answer.get("MetricAlarms", ())
        metrics = {name for one in alarms for name in _metrics(one)}
        return self._pattern(lambda one: bool(metrics & one.metrics)) if metrics else None

    def alarm_is_on(self, arn: str) -> bool:
        """Whether an alarm is on now; False where it is none of this account's and Region's, is no
        more, or may not be read. Raises AwsError. Source: DescribeAlarms, CloudWatch API reference.
        """
        found = parse_arn(arn)
        if found is None or found.service != "cloudwatch":
            return False
        try:
            answer = self._aws.call(
                "cloudwatch",
                "DescribeAlarms",
                AlarmNames=[found.resource.removeprefix("alarm:")],
                AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            )
        except AwsError as error:
            if error.permission:
                return False
            raise
        alarms = (*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ()))
        return any(
            one.get("AlarmArn") == arn and one.get("StateValue") == "ALARM" for one in alarms
        )

    def _pattern(self, wanted: Callable[[LogFilter], bool]) -> str | None:
        group = f"{self._key}:{self._log_group}"
        found = self._filters.find(group, wanted, self._read_filters)
        return _any_of([one.pattern for one in found]) if found else None

    def _read_filters(self) -> list[LogFilter]:
        found: list[LogFilter] = []
        more: dict[str, str] = {}
        while True:
            page = self._aws.call(
                "logs", "DescribeMetricFilters", logGroupName=self._log_group, **more
            )
            found += [_filter(item) for item in page.get("metricFilters", ())]
            if not page.get("nextToken"):
                return found
            more = {"nextToken": page["nextToken"]}

    def _page(
        self, query: EventQuery, token: str | None, *, newest_until: int | None = None
    ) -> dict[str, Any]:
        more: dict[str, Any] = {"nextToken": token} if token else {}
        until = int(query.end.timestamp() * 1000) + 1
        if newest_until is not None:
            more["startFromHead"] = False
            until = newest_until
        return self._call(query.start, until, filterPattern=query.pattern.text, **more)

    def _call(self, start: datetime, until: int, **more: Any) -> dict[str, Any]:
        if self._pace:
            self.sleep(self._pace)
        return self._aws.call(
            "logs",
            "FilterLogEvents",
            logGroupName=self._log_group,
            startTime=int(start.timestamp() * 1000),
            endTime=until,
            **more,
        )


def _metrics(alarm: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Namespace and name of each metric that an alarm looks at; of an expression, those in it."""
    stats = [one.get("MetricStat", {}).get("Metric", {}) for one in alarm.get("Metrics", ())]
    for one in (alarm, *stats):
        if one.get("MetricName"):
            yield one.get("Namespace"), one["MetricName"]


def _any_of(patterns: Sequence[str]) -> str:
    """One pattern for what any of these matches; the first alone where they make none together."""
    whole = " || ".join(f"({one.strip()[1:-1].strip()})" for one in dict.fromkeys(patterns))
    if len(set(patterns)) > 1 and all(one.strip().startswith("{") for one in patterns):
        with contextlib.suppress(PatternError):
            together = f"{{ {whole} }}"
            return parse(together).text if len(together) <= LONGEST else patterns[0]
    return patterns[0]


def _filter(item: Mapping[str, Any]) -> LogFilter:
    """A metric filter as DescribeMetricFilters names it."""
    counted = item.get("metricTransformations", ())
    return LogFilter(
        name=str(item.get("filterName", "")),
        pattern=str(item.get("filterPattern", "")),
        metrics=frozenset((one.get("metricNamespace"), one.get("metricName")) for one in counted),
    )


def _result(found: dict[str, Event], unreadable: int, *, complete: bool) -> EventPage:
    events = sorted(found.values(), key=lambda event: event.time, reverse=True)
    return EventPage(tuple(events), len(events), complete, unreadable)


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _timestamp(item: Mapping[str, Any]) -> int:
    """When a log event happened, as the log group has it, in milliseconds."""
    return int(item.get("timestamp", 0))


Stamped = tuple[int, Event]


def _after(found: Sequence[Stamped], end: int, skip: int) -> list[Stamped]:
    """What is left when the first `skip` of the end's own time are taken away."""
    at_end = [one for one in found if one[0] >= end]
    return [*at_end[skip:], *found[len(at_end) :]]


def _newest(
    left: Sequence[Stamped], want: int, end: int, skip: int, unreadable: int, *, whole: bool
) -> NewestPage:
    page = left[:want]
    events = tuple(event for _, event in page)
    if len(left) <= want:
        return NewestPage(events, None, unreadable=unreadable)
    return NewestPage(events, _onward(page, end, skip), unreadable=unreadable)


def _cut_off(
    left: Sequence[Stamped], want: int, end: int, skip: int, unreadable: int, reached: int
) -> NewestPage:
    """Only what is newer than the place reached is sure to be complete."""
    sure = [one for one in left if one[0] > reached][:want]
    events = tuple(event for _, event in sure)
    if len(sure) == want:
        return NewestPage(events, _onward(sure, end, skip), False, unreadable)
    onward = (_moment(reached), 0 if reached < end else skip)
    return NewestPage(events, onward, False, unreadable)


def _onward(page: Sequence[Stamped], end: int, skip: int) -> tuple[datetime, int]:
    last = page[-1][0]
    same = sum(1 for stamp, _ in page if stamp == last)
    return _moment(last), same + (skip if last >= end else 0)


def _moment(stamp: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=stamp)
