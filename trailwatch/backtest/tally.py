"""Counts matches in bounded memory, however many there are; it finds none itself.

Bounds: event ids of the last half million to a million matches (a copy that comes later counts
again; CloudTrail repeats a record in a neighbouring file); 2,000 to 20,000 names, addresses and
principals of each detection (where there are more, the rare ones' counts start anew); the minutes
of each hour that has a match, 300 bytes an hour and detection.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from trailwatch.backtest.alarms import simulate
from trailwatch.backtest.engine import Match, Scan
from trailwatch.backtest.piece import Problem
from trailwatch.backtest.result import Backtest, Found, Share
from trailwatch.backtest.subject import Subject

TOP = 5
"""How many principals, addresses and names a result has."""
MAX_IDS = 500_000
MAX_NAMES = 20_000
_KEPT_NAMES = 2_000
_MINUTE, _HOUR = 60, 3600


class Seen:
    """The ids of the latest matches, as 64-bit hashes."""

    def __init__(self, limit: int = MAX_IDS) -> None:
        self._limit = limit
        self._latest: set[int] = set()
        self._before: set[int] = set()

    def again(self, id_: str) -> bool:
        """Whether this id was there already; from now on it is."""
        key = hash(id_)
        if key in self._latest or key in self._before:
            return True
        if len(self._latest) >= self._limit:
            self._before, self._latest = self._latest, set()
        self._latest.add(key)
        return False


class Tops:
    """The most frequent of many texts."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, text: str) -> None:
        self._counts[text] += 1
        if len(self._counts) > MAX_NAMES:
            self._counts = Counter(dict(self._counts.most_common(_KEPT_NAMES)))

    @property
    def distinct(self) -> int:
        """How many texts it keeps."""
        return len(self._counts)

    def top(self) -> tuple[Share, ...]:
        """The most frequent ones, and of equals the first in the alphabet."""
        ranked = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        return tuple(Share(name, count) for name, count in ranked[:TOP])


class _Counts:
    """The matches of one detection."""

    def __init__(self) -> None:
        self.matches = 0
        self.first: int | None = None
        self.last: int | None = None
        self.principals, self.addresses, self.names = Tops(), Tops(), Tops()
        self._hours: dict[int, array[int]] = {}

    def add(self, match: Match) -> None:
        self.matches += 1
        seconds = match.seconds
        self.first = seconds if self.first is None else min(self.first, seconds)
        self.last = seconds if self.last is None else max(self.last, seconds)
        self.principals.add(match.principal)
        self.addresses.add(match.address)
        self.names.add(match.name)
        hour, within = divmod(seconds, _HOUR)
        minutes = self._hours.get(hour)
        if minutes is None:
            minutes = self._hours[hour] = array("I", bytes(4 * 60))
        minutes[within // _MINUTE] += 1

    def minutes(self) -> Iterator[tuple[int, int]]:
        """The minutes since 1970 that have matches, in order, and how many."""
        for hour in sorted(self._hours):
            for minute, count in enumerate(self._hours[hour]):
                if count:
                    yield hour * 60 + minute, count

    def hours(self) -> tuple[tuple[datetime, int], ...]:
        return tuple((_utc(hour * _HOUR), sum(self._hours[hour])) for hour in sorted(self._hours))


class Tally:
    """The counts of a running backtest."""

    def __init__(self, subjects: Sequence[Subject], since: datetime | None = None) -> None:
        self._subjects = tuple(subjects)
        self._since = since
        self._counts = [_Counts() for _ in subjects]
        self._seen = Seen()
        self.files = self.records = self.duplicates = 0
        self.problems: list[Problem] = []

    @property
    def matches(self) -> int:
        """The matching events of all detections so far."""
        return sum(counts.matches for counts in self._counts)

    def add(self, scan: Scan) -> None:
        """Count what one piece gave; a record without an id can't be known for a copy."""
        self.records += scan.records
        for match in scan.matches:
            if match.id and self._seen.again(match.id):
                self.duplicates += 1
                continue
            for number in match.patterns:
                self._counts[number].add(match)

    def result(self, *, complete: bool) -> Backtest:
        """What was found so far."""
        pairs = zip(self._subjects, self._counts, strict=True)
        return Backtest(
            tuple(_found(subject, counts) for subject, counts in pairs),
            self.files,
            self.records,
            self.duplicates,
            tuple(self.problems),
            self._since,
            complete,
        )


def _found(subject: Subject, counts: _Counts) -> Found:
    period = max(1, subject.period // timedelta(minutes=1))
    simulation = simulate(counts.minutes(), period, subject.threshold)
    return Found(
        subject,
        counts.matches,
        simulation.alarms,
        simulation.hidden,
        simulation.below,
        counts.principals.top(),
        counts.addresses.top(),
        counts.names.top(),
        None if counts.first is None else _utc(counts.first),
        None if counts.last is None else _utc(counts.last),
        counts.hours(),
    )


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
