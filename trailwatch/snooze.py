"""Knows until when a snooze lasts, in the time zone of whoever asks. Pure: reads no clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

HOURS = (1, 2, 4, 8, 12, 24)
MONDAY = "monday"
MORNING = time(9)


def until(choice: str, now: datetime, zones: Sequence[str]) -> datetime | None:
    """The UTC time that "4h" or "monday" (its next 9:00) stands for; None for other choices.

    zones: names of time zones, the first that there is counts.
    """
    if choice == MONDAY:
        return next_monday(now, zones)
    hours = {f"{hours}h": hours for hours in HOURS}.get(choice)
    return now + timedelta(hours=hours) if hours else None


def next_monday(now: datetime, zones: Sequence[str]) -> datetime:
    """The next Monday, 9:00 in the first of these time zones that there is, else in UTC; as UTC."""
    there = now.astimezone(next(filter(None, map(_zone, zones)), ZoneInfo("UTC")))
    day = there.date() + timedelta(days=-there.weekday() % 7)
    morning = datetime.combine(day, MORNING, there.tzinfo)
    if morning <= there:
        morning = datetime.combine(day + timedelta(days=7), MORNING, there.tzinfo)
    return morning.astimezone(UTC)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
