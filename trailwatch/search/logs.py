"""Knows how to find events in the trail's log group. Reads only; never guesses a window."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trailwatch.aws import Aws
from trailwatch.errors import AwsError
from trailwatch.event import BadRecord, Event, parse_event
from trailwatch.pattern import Pattern


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
    ) -> None:
        self._aws = aws
        self._log_group = log_group
        self._clock = clock

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

    def filter_pattern(self, name: str) -> str | None:
        """The text of the log group's metric filter of that name; None where there is none."""
        if not name:
            return None
        answer = self._aws.call(
            "logs",
            "DescribeMetricFilters",
            logGroupName=self._log_group,
            filterNamePrefix=name,
        )
        for item in answer.get("metricFilters", []):
            if item.get("filterName") == name:
                return str(item.get("filterPattern", ""))
        return None

    def pattern_behind(self, alarm: str) -> str | None:
        """The text of the filter that counts into an alarm's metric, whatever the two are called:
        alarms that others made. None where there is none, or where alarms may not be read. Raises
        AwsError.
        """
        try:
            answer = self._aws.call("cloudwatch", "DescribeAlarms", AlarmNames=[alarm])
        except AwsError as error:
            if error.permission:
                return None
            raise
        alarms = answer.get("MetricAlarms", ())
        metrics = {(one.get("Namespace"), one.get("MetricName")) for one in alarms}
        more: dict[str, str] = {}
        while metrics:
            page = self._aws.call(
                "logs", "DescribeMetricFilters", logGroupName=self._log_group, **more
            )
            for item in page.get("metricFilters", ()):
                for one in item.get("metricTransformations", ()):
                    if (one.get("metricNamespace"), one.get("metricName")) in metrics:
                        return str(item.get("filterPattern", ""))
            if not page.get("nextToken"):
                break
            more = {"nextToken": page["nextToken"]}
        return None

    def _page(self, query: EventQuery, token: str | None) -> dict[str, Any]:
        more = {"nextToken": token} if token else {}
        return self._aws.call(
            "logs",
            "FilterLogEvents",
            logGroupName=self._log_group,
            startTime=int(query.start.timestamp() * 1000),
            endTime=int(query.end.timestamp() * 1000) + 1,
            filterPattern=query.pattern.text,
            **more,
        )


def _result(found: dict[str, Event], unreadable: int, *, complete: bool) -> EventPage:
    events = sorted(found.values(), key=lambda event: event.time, reverse=True)
    return EventPage(tuple(events), len(events), complete, unreadable)
