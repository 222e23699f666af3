"""What a backtest found, as values, and as JSON; it prints nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trailwatch.backtest.alarms import Raised
from trailwatch.backtest.piece import Problem
from trailwatch.backtest.subject import Subject
from trailwatch.clock import iso


@dataclass(frozen=True)
class Share:
    """How many of the matching events have this name, principal or address."""

    name: str
    events: int


@dataclass(frozen=True)
class Found:
    """What one detection would have found and told. Times are UTC.

    Each match either raised an alarm (or was in the period that did), came while one was on and
    was `hidden`, or came with too few others: `below` the threshold.
    """

    subject: Subject
    matches: int
    alarms: tuple[Raised, ...]
    hidden: int
    below: int
    principals: tuple[Share, ...]
    addresses: tuple[Share, ...]
    names: tuple[Share, ...]
    first: datetime | None
    last: datetime | None
    hours: tuple[tuple[datetime, int], ...]
    """The hours that have matches, in time, and how many."""


@dataclass(frozen=True)
class Backtest:
    """What a whole archive gave, or the part of it that was read."""

    found: tuple[Found, ...]
    """One for each subject, in their order."""
    files: int
    records: int
    duplicates: int
    """Matching records that were there a second time and count once."""
    problems: tuple[Problem, ...]
    since: datetime | None
    complete: bool
    """False where it was stopped before the end."""

    @property
    def matches(self) -> int:
        """The matching events of all detections together."""
        return sum(one.matches for one in self.found)


def moment(minute: int) -> datetime:
    """The UTC time of a minute since 1970."""
    return datetime.fromtimestamp(minute * 60, UTC)


def as_json(backtest: Backtest) -> dict[str, Any]:
    """A backtest as plain JSON values; times as ISO 8601."""
    return {
        "complete": backtest.complete,
        "since": iso(backtest.since) if backtest.since else None,
        "files": backtest.files,
        "records": backtest.records,
        "duplicates": backtest.duplicates,
        "problems": [
            {"name": problem.name, "reason": problem.reason} for problem in backtest.problems
        ],
        "detections": [_found_json(one) for one in backtest.found],
    }


def _found_json(found: Found) -> dict[str, Any]:
    subject = found.subject
    return {
        "id": subject.id,
        "title": subject.title,
        "severity": subject.severity,
        "pattern": subject.pattern.text,
        "period_seconds": int(subject.period.total_seconds()),
        "threshold": subject.threshold,
        "matches": found.matches,
        "alarms": [
            {
                "raised": iso(moment(alarm.start)),
                "ok": iso(moment(alarm.end)),
                "events": alarm.events,
            }
            for alarm in found.alarms
        ],
        "notified": len(found.alarms),
        "hidden": found.hidden,
        "below_threshold": found.below,
        "principals": _shares(found.principals),
        "addresses": _shares(found.addresses),
        "event_names": _shares(found.names),
        "first": iso(found.first) if found.first else None,
        "last": iso(found.last) if found.last else None,
        "hours": [{"hour": iso(hour), "events": count} for hour, count in found.hours],
    }


def _shares(shares: tuple[Share, ...]) -> list[dict[str, Any]]:
    return [{"name": share.name, "events": share.events} for share in shares]
