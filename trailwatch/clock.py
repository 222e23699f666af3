"""Knows what time it is; never sleeps. Everything that needs the time is given a Clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the present as a UTC-aware datetime."""


def utc_now() -> datetime:
    """The system's clock, UTC-aware."""
    return datetime.now(UTC)


def parse_time(text: str) -> datetime:
    """An ISO 8601 time as AWS writes it, UTC-aware; raises ValueError.

    Takes CloudTrail's "2025-02-02T12:06:35Z", CloudWatch's "2025-02-02T12:06:35.472+0000" and
    fractions of any length.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def plausible(moment: datetime) -> datetime | None:
    """The moment; None outside of this century, where no windows can be reckoned around it."""
    return moment if 2000 <= moment.year < 2100 else None


def iso(moment: datetime) -> str:
    """A UTC-aware datetime as "2025-02-02T12:06:35.472Z"."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
