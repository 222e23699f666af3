"""The command `trailwatch backtest`: its options and what it prints; it computes nothing."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from trailwatch.errors import UsageError

if TYPE_CHECKING:
    from bot.settings import Settings
    from trailwatch.backtest import Backtest, Found, Piece, Problem, Progress, Share, Subject

OK, FOUND, PROVIDER, INTERRUPTED = 0, 1, 3, 130
DEFAULT_PACK = "recommended"
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_BARS = " ▁▂▃▄▅▆▇█"
_MAX_HOURS = 72
_MAX_PROBLEMS = 20


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "backtest",
        help="what detections would have found and told in an archive of CloudTrail",
        description="Goes through an archive and tells for each detection what matches, which "
        "alarms CloudWatch would have raised, and what came while one was on. Exit code 0: "
        "nothing matched, 1: something did, 2: usage, 3: AWS refused some of it.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--pack", help=f"the detections of a pack (default: {DEFAULT_PACK})")
    what.add_argument(
        "--detection", nargs="+", action="extend", metavar="ID", help="single detections"
    )
    what.add_argument(
        "--pattern", nargs="+", action="extend", metavar="TEXT", help="filter patterns, in quotes"
    )
    parser.add_argument("--since", metavar="14d", help="how far back: 90m, 12h, 14d, 2w or a day")
    parser.add_argument("--region", action="append", default=[], help="only these regions")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--processes", type=int, metavar="N", help="default: one a core")
    parser.add_argument("--config", type=Path, help="a trailwatch.toml")
    parser.add_argument(
        "--site", default="", help="of [sites.NAME]: whose roles and offices count; else the first"
    )
    parser.add_argument(
        "sources", nargs="*", metavar="SOURCE", help="files, folders, s3://bucket/prefix"
    )
    parser.set_defaults(run=backtest)


def backtest(options: argparse.Namespace) -> int:
    """Run the command; the exit code."""
    from bot.settings import settings_here
    from trailwatch.backtest import run

    sources, options.detection, options.pattern = _sources(options)
    if options.processes is not None and options.processes < 1:
        raise UsageError("--processes must be at least 1.")
    since = parse_since(options.since, datetime.now(UTC)) if options.since else None
    settings = settings_here(options.config)
    subjects = _subjects(options, settings)
    pieces = _pieces(sources, options.region, settings, since, options.site)
    screen = _Screen(sys.stderr.isatty())
    progress: Progress | None = None
    steps = run(subjects, pieces, since=since, processes=options.processes)
    complete = False
    try:
        for progress in steps:
            screen.show(progress)
        complete = True
    except KeyboardInterrupt:
        pass
    finally:
        screen.clear()
        steps.close()  # type: ignore[attr-defined]
    assert progress is not None  # the first step comes before any work
    result = progress.result(complete=complete)
    _print(result, as_json=options.json)
    return _code(result)


def parse_since(text: str, now: datetime) -> datetime:
    """The moment that "14d", "12h" or a day such as "2025-01-31" means; raises UsageError."""
    span = re.fullmatch(r"([0-9]{1,5})([mhdw])", text)
    try:
        if span:
            return now - timedelta(**{_UNITS[span.group(2)]: int(span.group(1))})
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--since {text} is not understood.", fix="Write 90m, 12h, 14d, 2w or 2025-01-31."
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _code(result: Backtest) -> int:
    if not result.complete:
        return INTERRUPTED
    if any(problem.denied for problem in result.problems):
        return PROVIDER
    return FOUND if result.matches else OK


def _subjects(options: argparse.Namespace, settings: Settings) -> list[Subject]:
    from bot.clients import SiteClients
    from bot.detections_cli import LISTED_BY, QUOTE
    from bot.sites import site_template
    from trailwatch.backtest import Subject, subject_of
    from trailwatch.detections import facts_of, load_catalogue
    from trailwatch.pattern import PatternError, parse

    own = Path(settings.detections_folder) if settings.detections_folder else None
    catalogue = load_catalogue(own)
    if options.pattern:
        subjects = []
        for number, text in enumerate(options.pattern, 1):
            if catalogue.meant(text, LISTED_BY, QUOTE):
                raise UsageError(f"{text} is a detection.", fix=f"Write --detection {text}.")
            try:
                subjects.append(Subject(f"pattern-{number}", text, parse(text)))
            except PatternError as error:
                raise UsageError(
                    f"CloudWatch Logs would refuse {text}",
                    f"{error} (column {error.at + 1}).",
                    "See trailwatch pattern check.",
                ) from error
        return subjects
    detections = (
        tuple(catalogue[id_] for id_ in dict.fromkeys(options.detection))
        if options.detection
        else catalogue.pack(options.pack or DEFAULT_PACK)
    )
    facts = facts_of(site_template(settings, SiteClients(settings).site(options.site)))
    return [subject_of(detection, facts) for detection in detections]


def _pieces(
    sources: Sequence[str],
    regions: Sequence[str],
    settings: Settings,
    since: datetime | None,
    site: str,
) -> Iterator[Piece | Problem]:
    from trailwatch.search.archive import Wanted, pieces

    aws = None
    if any(source.startswith("s3://") for source in sources):
        from bot.clients import SiteClients

        aws = SiteClients(settings).reading(site)
    return pieces(sources, Wanted(since, frozenset(regions)), aws)


def _sources(options: argparse.Namespace) -> tuple[list[str], list[str], list[str]]:
    """The sources, detections and patterns; sources may follow either without a mark."""
    sources: list[str] = list(options.sources)
    lists: list[list[str]] = []
    for given in (options.detection, options.pattern):
        words = list(given or ())
        while len(words) > 1 and (words[-1].startswith("s3://") or Path(words[-1]).exists()):
            sources.insert(0, words.pop())
        lists.append(words)
    if not sources:
        raise UsageError("No SOURCE is given.", fix="Name files, folders or s3://bucket/prefix.")
    return sources, lists[0], lists[1]


def _print(result: Backtest, *, as_json: bool) -> None:
    from trailwatch.backtest.result import as_json as plain
    from trailwatch.search.archive import SUFFIXES

    if as_json:
        print(json.dumps(plain(result), indent=2, ensure_ascii=True))
        return
    for found in sorted(result.found, key=lambda one: -one.matches):
        if found.matches:
            print("\n".join(_lines(found)), end="\n\n")
    silent = [found.subject.id for found in result.found if not found.matches]
    if silent:
        print(f"No match: {', '.join(silent)}", end="\n\n")
    print(_summary(result))
    if not result.files and not result.problems:
        endings = ", ".join(f"*{suffix}" for suffix in SUFFIXES)
        print(f"Nothing was there to read: folders and buckets give {endings}.", file=sys.stderr)
    for problem in result.problems[:_MAX_PROBLEMS]:
        print(f"not read: {clean(problem.name)}: {clean(problem.reason)}", file=sys.stderr)
    if len(result.problems) > _MAX_PROBLEMS:
        more = len(result.problems) - _MAX_PROBLEMS
        print(f"not read: {more} more; --json lists them all", file=sys.stderr)


def _summary(result: Backtest) -> str:
    alarms = sum(len(found.alarms) for found in result.found)
    hidden = sum(found.hidden for found in result.found)
    copies = f", {_count(result.duplicates, 'duplicate')} left out" if result.duplicates else ""
    since = f" since {result.since:%Y-%m-%d %H:%M} UTC" if result.since else ""
    stopped = "" if result.complete else " Stopped before the end: this is a part."
    return (
        f"{_count(result.records, 'record')} in {_count(result.files, 'file')}{since}: "
        f"{_count(result.matches, 'match', 'matches')}, {_count(alarms, 'alarm')} notified, "
        f"{_count(hidden, 'event')} hidden while one was on{copies}.{stopped}"
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _lines(found: Found) -> list[str]:
    subject = found.subject
    severity = f"{subject.severity} " if subject.severity else ""
    below = f", {found.below:,} below the threshold" if found.below else ""
    lines = [
        f"{severity}{subject.id}: {clean(subject.title)}",
        f"  {_count(found.matches, 'match', 'matches')}, "
        f"{_count(len(found.alarms), 'alarm')} notified, "
        f"{found.hidden:,} hidden while one was on{below}",
        f"  first {found.first:%Y-%m-%d %H:%M:%S}, last {found.last:%Y-%m-%d %H:%M:%S} UTC",
    ]
    for title, shares in (
        ("principals", found.principals),
        ("addresses", found.addresses),
        ("events", found.names),
    ):
        lines.append(f"  {title:<11}{_shares(shares)}")
    if found.hours:
        lines.append(f"  {'by hour':<11}{histogram(found.hours)}")
    return lines


def _shares(shares: Sequence[Share]) -> str:
    return ", ".join(f"{clean(share.name) or '(none)'} {share.events:,}" for share in shares)


def histogram(hours: Sequence[tuple[datetime, int]]) -> str:
    """The matches hour by hour as bars, or day by day where the time is long."""
    first, last = hours[0][0], hours[-1][0]
    step = timedelta(hours=1)
    while (last - first) / step >= _MAX_HOURS:
        step += timedelta(hours=1) if step < timedelta(days=1) else timedelta(days=1)
    counts = [0] * (int((last - first) / step) + 1)
    for hour, count in hours:
        counts[int((hour - first) / step)] += count
    top = max(counts)
    bars = "".join(_BARS[-(-count * (len(_BARS) - 1) // top)] for count in counts)
    hours_each = int(step / timedelta(hours=1))
    width = f"{hours_each} h" if hours_each % 24 else _count(hours_each // 24, "day")
    return f"{bars.replace(' ', '·')} from {first:%Y-%m-%d %H:%M}, {width} each, at most {top:,}"


def clean(text: str) -> str:
    """Text of strangers, fit for a terminal: nothing that moves the cursor or hides, 120 signs."""
    shown = "".join(
        char if unicodedata.category(char)[0] != "C" else "\N{REPLACEMENT CHARACTER}"
        for char in text[:120]
    )
    return f"{shown}…" if len(text) > 120 else shown


class _Screen:
    """The line that tells how far it is, on a terminal only."""

    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal
        self._next = 0.0

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        if self._terminal and now >= self._next:
            self._next = now + 0.2
            line = (
                f"{progress.files:,} files, {progress.records:,} records, "
                f"{progress.matches:,} matches"
            )
            print(f"\r\x1b[K{line}  (Ctrl-C shows what there is)", end="", file=sys.stderr)
            sys.stderr.flush()

    def clear(self) -> None:
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr)
