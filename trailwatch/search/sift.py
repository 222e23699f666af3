"""Finds the matching events in pieces of an archive, file by file. Lists and fetches none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from trailwatch.backtest.piece import Piece, Problem
from trailwatch.backtest.records import Fault, form_of, salvage
from trailwatch.backtest.unpack import Truncated, unpack
from trailwatch.event import BadRecord, Event, parse_event
from trailwatch.pattern import Pattern


@dataclass
class Sifted:
    """What was found so far: distinct events by their ids, and what was gone through."""

    events: dict[str, Event] = field(default_factory=dict)
    files: int = 0
    records: int = 0
    problems: list[Problem] = field(default_factory=list)

    def newest_first(self) -> list[Event]:
        """The events in an order that is the same each time."""
        return sorted(self.events.values(), key=lambda one: (one.time, one.id), reverse=True)


def sift(
    pieces: Iterable[Piece | Problem], pattern: Pattern, start: datetime, end: datetime
) -> Iterator[Sifted]:
    """Go through the pieces: the same Sifted, further on, after each of them.

    start, end: between which moments (UTC, both included) an event counts.
    """
    found = Sifted()
    for piece in pieces:
        if isinstance(piece, Problem):
            found.problems.append(piece)
            yield found
            continue
        try:
            data = unpack(piece.read())
        except Truncated as error:
            found.problems.append(Problem(piece.name, str(error)))
            data = error.data
        except OSError as error:
            found.problems.append(Problem(piece.name, f"it cannot be read: {error.strerror}"))
            data = b""
        found.files += 1
        for raw in salvage(data, form_of(data)):
            if isinstance(raw, Fault):
                found.problems.append(Problem(piece.name, f"record {raw.at}: {raw.reason}"))
            elif raw.strip():
                found.records += 1
                _take(found, raw.decode(errors="replace"), pattern, start, end)
        yield found


def _take(found: Sifted, text: str, pattern: Pattern, start: datetime, end: datetime) -> None:
    if not pattern.matches(text):
        return
    try:
        event = parse_event(text)
    except BadRecord:
        return  # what is no record is no event, in the log group neither
    if start <= event.time <= end:
        found.events.setdefault(event.id or text, event)
