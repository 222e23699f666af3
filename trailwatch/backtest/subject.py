"""What is backtested: a filter pattern and the alarm on it. Pure; never looks a detection up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from trailwatch.detections import Detection, SiteFacts, pattern_at
from trailwatch.pattern import Pattern, parse

_NOWHERE = SiteFacts()


@dataclass(frozen=True)
class Subject:
    """A pattern under test: its alarm goes off at `threshold` matches within one `period`."""

    id: str
    title: str
    pattern: Pattern
    period: timedelta = timedelta(minutes=1)
    """Whole minutes."""
    threshold: int = 1
    severity: str = ""
    """P1 to P5; "" for a pattern of nobody's catalogue."""


def subject_of(detection: Detection, facts: SiteFacts = _NOWHERE) -> Subject:
    """A detection as a site would have it, see `trailwatch.detections.pattern_at`."""
    return Subject(
        detection.id,
        detection.title,
        parse(pattern_at(detection, facts)),
        detection.period,
        detection.threshold,
        detection.severity,
    )
