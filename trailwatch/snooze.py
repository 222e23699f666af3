"""Knows until when a snooze lasts, in the time zone of whoever asks. Pure: reads no clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

HOURS = (1, 2, 4, 8, 12, 24)
MONDAY = "monday"
MORNING = time(9)


def until(choice: str, now: datetime, zone: str) -> datetime | None:
    """The UTC time that "4h" or "monday" (its next 9:00) stands for; None for other choices."""
    if choice == MONDAY:
        return next_monday(now, zone)
    hours = {f"{hours}h": hours for hours in HOURS}.get(choice)
    return now + timedelta(hours=hours) if hours else None


def next_monday(now: datetime, zone: str) -> datetime:
    """The next Monday, 9:00 in a time zone, as UTC; of an unknown zone in UTC."""
    try:
        there = now.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        there = now.astimezone(UTC)
    day = there.date() + timedelta(days=-there.weekday() % 7)
    morning = datetime.combine(day, MORNING, there.tzinfo)
    if morning <= there:
        morning = datetime.combine(day + timedelta(days=7), MORNING, there.tzinfo)
    return morning.astimezone(UTC)
