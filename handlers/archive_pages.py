"""Searches one page of events in the trail's archive, the newest day first. Bounded; posts none.

The log group keeps its records for a while, the bucket for years: each file of a day is read and
held against the pattern here, so that a search takes a minute and a day is its smallest part.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from handlers.blocks.events import SHOWN_EVENTS
from handlers.blocks.kit import count, span
from handlers.deps import Deps
from handlers.jobs.job import JobContext
from trailwatch.backtest import Problem
from trailwatch.event import Event
from trailwatch.pattern import parse
from trailwatch.search.sift import Sifted, sift
from trailwatch.store import jobs
from trailwatch.store.event_searches import EventSearch

PLACE = "archive"
ENOUGH = 60.0
"""Seconds after which no further day is begun: [Older] goes on from there."""
LONGEST = 240.0
"""Seconds after which a day is left unfinished."""
LOOK_EVERY = 0.5
"""Seconds between two looks at whether somebody has cancelled it."""
REFUSED = "refused"
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)


@dataclass
class Archived:
    """What the archive gave: a page of events, and the search of the page after it.

    `reached`: back to when (UTC) it was gone through; `note`: what was read, and what was not.
    """

    events: tuple[Event, ...]
    older: EventSearch | None
    reached: datetime
    note: str


Progress = Callable[[datetime, int, int], None]
"""Told now and then: the day that is being read, how many records were, and matches so far."""


def archive_page(deps: Deps, job: JobContext, search: EventSearch, tell: Progress) -> Archived:
    """Go back from the search's end, a day at a time, until a page is full. Raises AwsError."""
    config = deps.sites.config(search.site)
    walk = _Walk(deps, job, search, tell, time.monotonic())
    end = search.end
    while end >= search.start:
        day = datetime(end.year, end.month, end.day, tzinfo=UTC)
        start = max(search.start, day)
        walk.read_day(start, end)
        end = start - _TICK
        if len(walk.events) > SHOWN_EVENTS or walk.stopped or walk.seconds > ENOUGH:
            break
    reached = max(search.start, end + _TICK)
    shown = walk.events[:SHOWN_EVENTS]
    return Archived(
        tuple(shown), _older(search, shown, walk, end), reached, walk.note(config.bucket, reached)
    )


class _Walk:
    """What was read so far."""

    def __init__(
        self, deps: Deps, job: JobContext, search: EventSearch, tell: Progress, began: float
    ) -> None:
        self._deps = deps
        self._job = job
        self._search = search
        self._tell = tell
        self._began = began
        self._looked = began - LOOK_EVERY
        self.events: list[Event] = []
        self.files = self.records = 0
        self.problems: list[Problem] = []
        self.stopped = ""

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def read_day(self, start: datetime, end: datetime) -> None:
        """Read what was delivered of one day, and add its matches."""
        config = self._deps.sites.config(self._search.site)
        pieces = self._deps.archive(config, start, end)
        found = Sifted()
        self._tell(start, self.records, len(self.events))
        for found in sift(pieces, parse(self._search.pattern), start, end):
            self._job.beat()
            self.stopped = self.stopped or self._why_stop()
            if self.stopped:
                break
            self._tell(start, self.records + found.records, len(self.events) + len(found.events))
        newest = found.newest_first()
        if end == self._search.end:
            # Of the very time of the window's end some were shown before.
            at_end = sum(1 for event in newest if event.time == end)
            newest = newest[min(self._search.skip, at_end) :]
        self.events += newest
        self.files += found.files
        self.records += found.records
        self.problems += found.problems
        if not found.files and any(one.denied for one in found.problems):
            self.stopped = self.stopped or REFUSED  # the other days would be, too

    def _why_stop(self) -> str:
        if self.seconds > LONGEST:
            return f"It ended after {span(timedelta(seconds=LONGEST))}"
        if time.monotonic() - self._looked < LOOK_EVERY:
            return ""
        self._looked = time.monotonic()
        with self._deps.db.reading() as tx:
            by = jobs.asked_to_stop(tx, self._job.id)
        return f"Cancelled by {by}" if by else ""

    def note(self, bucket: str, reached: datetime) -> str:
        """What was read, where, and what could not be."""
        read = f"{count(self.files, 'file')} with {count(self.records, 'record')}"
        words = f"From the archive in the bucket {bucket}: {read}, back to {reached:%Y-%m-%d}."
        if self.stopped and self.stopped != REFUSED:
            words += f" {self.stopped}: of {reached:%Y-%m-%d} only a part was read."
        if self.stopped == REFUSED:
            return f"The archive in the bucket {bucket} cannot be read: {self.problems[-1].reason}"
        if self.problems:
            first = self.problems[0]
            words += f" {count(len(self.problems), 'file')} could not be read: {first.reason}"
        return words


def _older(
    search: EventSearch, shown: list[Event], walk: _Walk, end: datetime
) -> EventSearch | None:
    # The same page has the same next one, however often it is asked for.
    number = search.shown + len(shown)
    own = f"{search.id.split('.')[0]}.{number}"
    if len(walk.events) > len(shown):
        last = shown[-1].time
        same = sum(1 for event in shown if event.time == last)
        skip = same + (search.skip if last == search.end else 0)
        return replace(search, id=own, end=last, skip=skip, shown=number)
    if end < search.start:
        return None
    # Pages without an event have names of their own.
    return replace(search, id=f"{own}-{end:%Y%m%d}", end=end, skip=0, shown=number)
