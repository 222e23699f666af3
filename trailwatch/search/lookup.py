"""Knows how to find events in CloudTrail's event history. Reads only; has 90 days, not more.

The history needs no trail: it tells who stopped one. It lags by minutes, takes one attribute a
lookup and two lookups a second in an account and region. Source: LookupEvents, CloudTrail API
reference.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from trailwatch.aws import Aws
from trailwatch.event import BadRecord, Event, parse_event

PACE = 0.5
"""Least seconds between two lookups."""
PAGE = 50


class Attribute(StrEnum):
    """What events can be looked up by."""

    EVENT_ID = "EventId"
    EVENT_NAME = "EventName"
    RESOURCE_NAME = "ResourceName"
    USER_NAME = "Username"


@dataclass(frozen=True)
class LookupPage:
    """Distinct events, newest first; not `complete` where the lookup stopped at its limit."""

    events: tuple[Event, ...]
    complete: bool = True
    unreadable: int = 0


class LookupSource:
    """Looks events up in the event history of one account and region. Safe for threads."""

    def __init__(
        self,
        aws: Aws,
        *,
        pace: float = PACE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._aws = aws
        self._pace = pace
        self._sleep = sleep
        self._lock = threading.Lock()
        self._last: float | None = None

    def find(
        self, by: Attribute, value: str, start: datetime, end: datetime, *, limit: int = 100
    ) -> LookupPage:
        """Events with that attribute from `start` to `end`, about `limit` at most.

        Raises AwsError.
        """
        found: dict[str, Event] = {}
        unreadable = 0
        token: str | None = None
        while True:
            page = self._page(by, value, start, end, token)
            for item in page.get("Events", ()):
                try:
                    event = parse_event(str(item.get("CloudTrailEvent", "")))
                except BadRecord:
                    unreadable += 1
                    continue
                found.setdefault(event.id or str(item.get("EventId", "")), event)
            token = page.get("NextToken")
            if not token or len(found) >= limit:
                newest = sorted(found.values(), key=lambda event: event.time, reverse=True)
                return LookupPage(tuple(newest), not token, unreadable)

    def _page(
        self, by: Attribute, value: str, start: datetime, end: datetime, token: str | None
    ) -> dict[str, Any]:
        with self._lock:
            if self._last is not None:
                wait = self._last + self._pace - time.monotonic()
                if wait > 0:
                    self._sleep(wait)
            self._last = time.monotonic()
        more = {"NextToken": token} if token else {}
        return self._aws.call(
            "cloudtrail",
            "LookupEvents",
            LookupAttributes=[{"AttributeKey": by.value, "AttributeValue": value}],
            StartTime=start,
            EndTime=end,
            MaxResults=PAGE,
            **more,
        )
