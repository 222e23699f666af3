"""Goes through the pieces of an archive with all cores; it keeps no more than it must.

Pieces are handed out in order, a few ahead, and counted in order, so that the memory needed does
not grow with the archive, and a result doesn't depend on which process was quicker.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress
from datetime import datetime

from trailwatch.backtest.engine import Engine, Scan
from trailwatch.backtest.piece import Piece, Problem
from trailwatch.backtest.result import Backtest
from trailwatch.backtest.subject import Subject
from trailwatch.backtest.tally import Tally
from trailwatch.backtest.unpack import MAGIC, Truncated, unpack
from trailwatch.pattern import parse

_AHEAD = 3
"""Batches that wait for each process."""
_LARGE = 8 << 20
_BATCH_BYTES = 512 << 10
_BATCH_PIECES = 32
"""Small files go to a process several at a time: to send one costs as much as 200 records."""

Outcome = tuple[Scan, str]
"""What a piece gave, and why it could not be read to its end ("" where it could)."""


class Progress:
    """How far a backtest is."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    @property
    def files(self) -> int:
        return self._tally.files

    @property
    def records(self) -> int:
        return self._tally.records

    @property
    def matches(self) -> int:
        return self._tally.matches

    def result(self, *, complete: bool = True) -> Backtest:
        """What was found so far; `complete` where nothing is missing."""
        return self._tally.result(complete=complete)


def run(
    subjects: Sequence[Subject],
    pieces: Iterable[Piece | Problem],
    *,
    since: datetime | None = None,
    processes: int | None = None,
) -> Iterator[Progress]:
    """Backtest these subjects; yields one Progress, the same, at the start and after each piece.

    pieces: files in the order of their time where that is known, and problems on the way.
    processes: how many to use, by default one a core; 1 stays in this one.
    Closing the iterator ends the processes.
    """
    tally = Tally(subjects, since)
    progress = Progress(tally)
    workers = processes if processes is not None else _cores()
    after = since.timestamp() if since is not None else None
    engine = _Scanner([subject.pattern.text for subject in subjects], after)
    yield progress
    outcomes = _here(engine, pieces) if workers <= 1 else _spread(engine, pieces, workers)
    for piece, outcome in outcomes:
        if isinstance(piece, Problem):
            tally.problems.append(piece)
            continue
        scan, reason = outcome
        tally.files += piece.first_line == 1
        tally.add(scan)
        reasons = [reason] if reason else []
        tally.problems += [Problem(piece.name, text) for text in (*reasons, *scan.faults)]
        yield progress


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_NOTHING: Outcome = (Scan(0, [], []), "")


class _Scanner:
    """Scans pieces; made anew in each process from what can be sent there."""

    def __init__(self, patterns: Sequence[str], since: float | None) -> None:
        self.patterns = tuple(patterns)
        self.since = since
        self._engine = Engine([parse(text) for text in self.patterns])
        _keep_memory()

    def __reduce__(self) -> tuple[type[_Scanner], tuple[tuple[str, ...], float | None]]:
        return _Scanner, (self.patterns, self.since)

    def scan(self, piece: Piece) -> Outcome:
        reason = ""
        try:
            packed = piece.read()
            if packed[:2] == MAGIC:
                scan = self._engine.scan_packed(packed, self.since)
                if scan is not None:
                    return scan, ""
            data = unpack(packed)
        except OSError as error:
            return Scan(0, [], []), f"it cannot be read: {error.strerror or error}"
        except Truncated as error:
            data, reason = error.data, str(error)
        return self._engine.scan(data, self.since, piece.first_line), reason


def _keep_memory() -> None:
    """Have the C library keep freed blocks for the next ones instead of giving them back.

    glibc learns from the first large piece that is freed, up to which size to keep what it has;
    a fresh process would have every block's memory made anew, a tenth of the whole time. Source:
    mallopt(3), "M_MMAP_THRESHOLD".
    """
    bytes(_LARGE)


def _here(
    scanner: _Scanner, pieces: Iterable[Piece | Problem]
) -> Iterator[tuple[Piece | Problem, Outcome]]:
    for piece in pieces:
        yield piece, _NOTHING if isinstance(piece, Problem) else scanner.scan(piece)


_scanner: _Scanner | None = None
"""Of this process, where it is one of `_spread`'s."""


def _begin(scanner: _Scanner) -> None:
    """Ctrl-C reaches all processes of a terminal; the one that waits for these ends them."""
    global _scanner
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _scanner = scanner


def _scan(pieces: Sequence[Piece]) -> list[Outcome]:
    assert _scanner is not None  # set when the process began
    return [_scanner.scan(piece) for piece in pieces]


Batch = list[Piece | Problem]


def _batches(pieces: Iterable[Piece | Problem]) -> Iterator[Batch]:
    """Pieces that are sent together."""
    batch: Batch = []
    size = 0
    for piece in pieces:
        batch.append(piece)
        size += 0 if isinstance(piece, Problem) else piece.size()
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_PIECES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _spread(
    scanner: _Scanner, pieces: Iterable[Piece | Problem], workers: int
) -> Iterator[tuple[Piece | Problem, Outcome]]:
    waiting: deque[tuple[Batch, Future[list[Outcome]]]] = deque()
    # Processes are started afresh: a fork would copy whatever threads (of boto3) hold.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(scanner,))
    try:
        for batch in _batches(pieces):
            files = [piece for piece in batch if isinstance(piece, Piece)]
            waiting.append((batch, pool.submit(_scan, files)))
            if len(waiting) > workers * (1 + _AHEAD):
                yield from _next(waiting)
        while waiting:
            yield from _next(waiting)
    finally:
        for _, future in waiting:
            future.cancel()
        with suppress(KeyboardInterrupt):
            pool.shutdown(wait=True, cancel_futures=True)


def _next(
    waiting: deque[tuple[Batch, Future[list[Outcome]]]],
) -> Iterator[tuple[Piece | Problem, Outcome]]:
    batch, future = waiting.popleft()
    outcomes = iter(future.result())
    for piece in batch:
        yield piece, _NOTHING if isinstance(piece, Problem) else next(outcomes)
