"""Measures the backtest with the whole catalogue, beside the limit, json, DuckDB and polars.

    python benchmarks/backtest.py [--records 200000] [--rounds 5] [--per-file 2000]

The limit: unpack, and decode the name of each event, nothing else. All in one run, in turn, each
in a process of its own, so that what else the machine does hits all alike; the best round counts,
of CPU time on one core, of the clock on two. Slow ones get fewer files. Everybody must find the
same events. The targets: 60 % of the limit, 10 times DuckDB and the loop with json, 1.5 times
polars. DuckDB and polars are for this alone: pip install duckdb polars.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import msgspec
from backtest_peers import Pairs
from backtest_records import write_archive
from duckdb_peer import duckdb_find, duckdb_query, duckdb_ready
from json_peer import json_loop
from polars_peer import polars_find

from trailwatch.backtest import Engine, Piece, run, subject_of
from trailwatch.backtest.unpack import unpack
from trailwatch.detections import load_catalogue

SUBJECTS = [subject_of(detection) for detection in load_catalogue()]
WARMTH = 20
"""Files that the two processes see before their time is taken."""
PATTERNS = [subject.pattern for subject in SUBJECTS]


class _Name(msgspec.Struct, gc=False):
    eventName: str  # noqa: N815 (CloudTrail's name)


class _Names(msgspec.Struct, gc=False):
    Records: list[_Name]


_NAMES = msgspec.json.Decoder(_Names)


def limit(files: Sequence[Path]) -> int:
    """Unpack and decode the names; how many there are."""
    return sum(len(_NAMES.decode(unpack(file.read_bytes())).Records) for file in files)


def ours(files: Sequence[Path], processes: int) -> Iterator[None]:
    """A whole backtest; yields when it is set up, and at its end."""
    steps = run(SUBJECTS, [Piece(str(file), path=file) for file in files], processes=processes)
    progress = next(steps)
    yield
    for _ in steps:
        pass
    result = progress.result()
    assert not result.problems, result.problems
    yield


def our_pairs(files: Sequence[Path]) -> Pairs:
    engine = Engine(PATTERNS)
    scans = (engine.scan(unpack(file.read_bytes())) for file in files)
    return {(m.id, number) for scan in scans for m in scan.matches for number in m.patterns}


@dataclass
class Row:
    """One way to do it: seconds of each round for so many files."""

    name: str
    files: Sequence[Path]
    seconds: list[float] = field(default_factory=list)

    def rate(self, per_file: int, best: bool = True) -> float:
        """Events a second."""
        pick = min if best else statistics.median
        return len(self.files) * per_file / pick(self.seconds)


def rows_of(files: Sequence[Path]) -> list[Row]:
    tenth = files[: max(1, len(files) // 10)]
    rows = [Row("limit", files), Row("trailwatch", files), Row("json and an interpreter", tenth)]
    if _installed("duckdb"):
        rows.append(Row("DuckDB", tenth))
    if _installed("polars"):
        rows.append(Row("polars", files))
    return rows


def seconds_of(name: str, files: Sequence[Path]) -> float:
    """The CPU seconds that one of them takes, without what it takes to set it up."""
    if name == "trailwatch":
        steps = ours(files, 1)
        next(steps)
        began = time.process_time()
        next(steps)
        return time.process_time() - began
    if name == "DuckDB":
        connection, query = duckdb_ready(1), duckdb_query(files, PATTERNS)
        began = time.process_time()
        duckdb_find(connection, query)
        return time.process_time() - began
    began = time.process_time()
    if name == "limit":
        limit(files)
    elif name == "polars":
        polars_find(files, PATTERNS)
    else:
        json_loop(files, PATTERNS)
    return time.process_time() - began


def one_core(rows: Sequence[Row], rounds: int) -> None:
    """Every way in turn, each in a process of its own: they would share an allocator's habits."""
    pools = {row.name: ProcessPoolExecutor(1, get_context("spawn")) for row in rows}
    try:
        for number in range(rounds):
            for row in rows:
                if number % 2 == 0 or row.name in ("limit", "trailwatch"):
                    future = pools[row.name].submit(seconds_of, row.name, row.files)
                    row.seconds.append(future.result())
    finally:
        for pool in pools.values():
            pool.shutdown()


def two_cores(files: Sequence[Path], rounds: int) -> tuple[Row, Row]:
    """The limit and ours in two processes each, by the clock, once they run and saw some files."""
    bound, mine = Row("limit", files), Row("trailwatch", files)
    halves = [files[0::2], files[1::2]]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        list(pool.map(limit, [files[:1]] * 2))
        for _ in range(rounds):
            began = time.perf_counter()
            list(pool.map(limit, halves))
            bound.seconds.append(time.perf_counter() - began)
            ended = began
            for progress in run(SUBJECTS, _after_warmth(files, WARMTH), processes=2):
                ended = time.perf_counter()
                if progress.files == WARMTH:
                    began = ended
            mine.seconds.append(ended - began)
    return bound, mine


def _after_warmth(files: Sequence[Path], extra: int) -> Iterator[Piece]:
    """The files, after a few that start both processes."""
    for file in [*files[:extra], *files]:
        yield Piece(str(file), path=file)


def memory(files: Sequence[Path], times: int) -> float:
    """The most memory, in MB, that a backtest of so many times these files took."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_peak, [str(file) for file in files], times).result()


def _peak(files: Sequence[str], times: int) -> float:
    pieces = (Piece(file, path=Path(file)) for _ in range(times) for file in files)
    for _ in run(SUBJECTS, pieces, processes=1):
        pass
    # Not ru_maxrss, which a process inherits from the one that it was forked from.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def same_events(files: Sequence[Path]) -> list[str]:
    """Who finds other events than we do."""
    few = files[: max(1, len(files) // 10)]
    wanted = our_pairs(few)
    silent = len(SUBJECTS) - len({number for _, number in wanted})
    print(f"{len(wanted):,} hits in {len(few)} files, {silent} of {len(SUBJECTS)} patterns silent")
    found = {"json and an interpreter": json_loop(few, PATTERNS)}
    if _installed("duckdb"):
        found["DuckDB"] = duckdb_find(duckdb_ready(1), duckdb_query(few, PATTERNS))
    if _installed("polars"):
        found["polars"] = polars_find(few, PATTERNS)
    for name, pairs in found.items():
        print(f"  {name}: {'the same' if pairs == wanted else 'OTHER EVENTS'}")
    return [name for name, pairs in found.items() if pairs != wanted] + ["silent"] * bool(silent)


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--per-file", type=int, default=2000)
    options = parser.parse_args()
    for name in ("duckdb", "polars"):
        if not _installed(name):
            print(f"{name} is left out: pip install {name}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        files = write_archive(Path(folder), options.records, options.per_file)
        size = sum(len(unpack(file.read_bytes())) for file in files)
        packed = sum(file.stat().st_size for file in files)
        per_event = size / options.records
        print(
            f"{options.records:,} records in {len(files)} files, {size / 1e6:.0f} MB "
            f"({packed / 1e6:.0f} MB packed), {len(SUBJECTS)} patterns, Python "
            f"{sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}"
        )
        wrong = same_events(files)
        rows = rows_of(files)
        one_core(rows, options.rounds)
        mine = next(row for row in rows if row.name == "trailwatch").rate(options.per_file)
        print("\none core, best of the rounds    events/s     MB/s  trailwatch is")
        for row in rows:
            rate = row.rate(options.per_file)
            median = row.rate(options.per_file, best=False)
            print(
                f"  {row.name:<28}{rate:>12,.0f}{rate * per_event / 1e6:>9.0f}"
                f"  {mine / rate:.2f} x   (median {median:,.0f})"
            )
        bound, two = two_cores(files, options.rounds)
        print("\ntwo cores, by the clock")
        for row in (bound, two):
            rate = row.rate(options.per_file)
            print(f"  {row.name:<28}{rate:>12,.0f}{rate * per_event / 1e6:>9.0f}")
        share = two.rate(options.per_file) / bound.rate(options.per_file)
        print(f"  {share:.2f} of the limit")
        few = files[: max(1, len(files) // 5)]
        print(f"\nmemory: {memory(few, 1):.0f} MB for {len(few)} files, ", end="")
        print(f"{memory(few, 10):.0f} MB for {10 * len(few)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
