"""Searches who is behind an event and what else they did. Bounded; keeps and shows nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from trailwatch.event import Event
from trailwatch.pattern import parse
from trailwatch.profile import Deed
from trailwatch.search.logs import EventPage, EventQuery, LogsSource
from trailwatch.who import (
    LONGEST_SESSION,
    MOST_STEPS,
    Who,
    began,
    issuing_pattern,
    principal_of,
    session_began,
    session_key,
    session_pattern,
    twin_pattern,
    who_is,
)

SECONDS = 5.0
"""For one search; a person is worth a few."""
MOST_DEEDS = 500
MOST_SESSIONS = 5
"""Of an alert so many are followed back to see whether one person is behind all of them."""
AROUND = timedelta(hours=1)
_EARLY, _LATE = timedelta(minutes=2), timedelta(minutes=20)
"""Around the moment at which a session began: clocks differ, and records come late."""


def record_of(event: Event) -> Mapping[str, Any]:
    """The decoded record of an event that was just searched; {} where it is not at hand."""
    found = json.loads(event.raw) if event.raw else {}
    return found if isinstance(found, dict) else {}


def by_principal(events: Sequence[Event]) -> dict[str, list[Event]]:
    """The events of each principal, in the order in which they come."""
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(principal_of(record_of(event)), []).append(event)
    return found


def deeds_of(events: Sequence[Event]) -> list[Deed]:
    """What these events show of their principals."""
    return [
        Deed(principal_of(record_of(event)), event.time, event.address, event.region)
        for event in events
    ]


def traced(source: LogsSource, record: Mapping[str, Any]) -> Who:
    """Who is behind a record, its sessions followed back. Raises AwsError."""
    found: list[Mapping[str, Any]] = []
    here = record
    for _ in range(MOST_STEPS):
        found += _records(source, issuing_pattern(here), *_beginning(here))
        step = began(here, found)
        if step is None:
            break
        if twin := twin_pattern(step):
            found += _records(source, twin, *_beginning(here))
            step = began(here, found) or step
        here = step
    return who_is(record, found)


def one_person(
    source: LogsSource, page: EventPage, known: Mapping[str, Who] = MappingProxyType({})
) -> str:
    """The name of the one person who surely is behind all these events; "" where it is nobody, or
    not sure. known: whose sessions were followed back already, by their keys. Raises AwsError.
    """
    records = {session_key(record): record for record in map(record_of, page.events)}
    if not page.complete or page.unreadable or not 0 < len(records) <= MOST_SESSIONS:
        return ""
    names: set[str] = set()
    for key, record in records.items():
        who = known.get(key) or traced(source, record)
        names.add(who.person)
        if len(names) > 1 or "" in names:
            return ""
    return names.pop()


def session_of(source: LogsSource, event: Event, now: datetime) -> EventPage:
    """What the same session, key or principal did within an hour of an event. Raises AwsError."""
    pattern = session_pattern(record_of(event))
    if not pattern:
        return EventPage((), 0)
    start, end = event.time - AROUND, min(now, event.time + AROUND)
    query = EventQuery(parse(pattern), start, max(start, end))
    return source.search(query, limit=MOST_DEEDS, seconds=SECONDS)


def counted(events: Sequence[Event]) -> tuple[tuple[str, int, int], ...]:
    """How often each was called, and how often refused; the most frequent first."""
    times = Counter(event.name for event in events)
    failed = Counter(event.name for event in events if event.result != "ok")
    order = sorted(times.items(), key=lambda one: (-one[1], one[0]))
    return tuple((name, count, failed[name]) for name, count in order)


def _beginning(record: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """When the event that began a record's session can have come."""
    born = session_began(record)
    if born is not None:
        return born - _EARLY, born + _LATE
    at = datetime.fromisoformat(str(record["eventTime"]))
    return at - LONGEST_SESSION, at + _EARLY


def _records(
    source: LogsSource, pattern: str, start: datetime, end: datetime
) -> list[Mapping[str, Any]]:
    if not pattern:
        return []
    page = source.search(EventQuery(parse(pattern), start, end), limit=10, seconds=SECONDS)
    return [record_of(event) for event in page.events]
