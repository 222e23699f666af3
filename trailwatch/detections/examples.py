"""Tells where a detection does not do on its own examples what they say; it reads no file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from trailwatch.detections.detection import CloudTrailRecord, Detection
from trailwatch.pattern import Clause, parse


@dataclass(frozen=True, slots=True)
class WrongExample:
    """An example that matches though it should not, or the other way round.

    place: its key, e.g. `examples.matches[0]`. clause: which parts of the pattern hold for it.
    """

    place: str
    event_name: str
    matched: bool
    clause: Clause


def wrong_examples(detection: Detection) -> tuple[WrongExample, ...]:
    """The examples of a detection that its pattern gets wrong; () if it is right."""
    return tuple(_wrong(detection))


def _wrong(detection: Detection) -> Iterator[WrongExample]:
    pattern = parse(detection.pattern)
    for key, records, wanted in (
        ("matches", detection.examples.matches, True),
        ("near_misses", detection.examples.near_misses, False),
    ):
        for place, record in enumerate(records):
            message = json.dumps(record)
            if pattern.matches(message) is not wanted:
                clause = pattern.explain(message)
                name = _name(record)
                yield WrongExample(f"examples.{key}[{place}]", name, not wanted, clause)


def _name(record: CloudTrailRecord) -> str:
    name = record.get("eventName")
    return name if isinstance(name, str) else "no eventName"
