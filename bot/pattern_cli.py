"""Knows the command line of filter patterns: check, explain, test. Changes nothing."""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trailwatch.errors import UsageError

if TYPE_CHECKING:
    from trailwatch.pattern import Pattern

OK, FOUND = 0, 1

_PATTERN = "the filter pattern, in quotes (put -- before a dash), or a detection's id"
_FILES = "one event a line, or CloudTrail's files, also gzip; - is standard input"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `pattern` with its verbs."""
    pattern = commands.add_parser("pattern", help="check, explain and try filter patterns")
    verbs = pattern.add_subparsers(required=True, metavar="VERB")
    for name, run, about in (
        ("check", check, "does CloudWatch Logs take this pattern, and what is dubious in it?"),
        ("explain", explain, "what does it say? With files: clause by clause for each event"),
        ("test", test, "which lines of files (or standard input) match?"),
    ):
        verb = verbs.add_parser(name, help=about, description=about)
        verb.add_argument("pattern", help=_PATTERN)
        if name != "check":
            verb.add_argument("files", nargs="*", type=Path, help=_FILES)
            verb.add_argument(
                "--event", action="append", default=[], metavar="TEXT", help="one event as it is"
            )
        verb.set_defaults(run=run)


def check(options: argparse.Namespace) -> int:
    """0 for a pattern that is taken and clean, else 1."""
    pattern = parsed(options.pattern)
    if pattern is None:
        return FOUND
    print("CloudWatch Logs takes this pattern.")
    return OK if clean(pattern) else FOUND


def explain(options: argparse.Namespace) -> int:
    """Print the pattern in English; with events, which clause held for each of them."""
    pattern = parsed(options.pattern)
    if pattern is None:
        return FOUND
    if not options.files and not options.event:
        print("\n".join(pattern.explain().lines()))
        clean(pattern)
        return OK
    for number, line in enumerate(_events(options), 1):
        print(f"event {number}: {'matches' if pattern.matches(line) else 'does not match'}")
        print("\n".join(f"  {clause}" for clause in pattern.explain(line).lines()))
    return OK


def test(options: argparse.Namespace) -> int:
    """Print the matching lines, and on standard error how many there are."""
    pattern = parsed(options.pattern)
    if pattern is None:
        return FOUND
    matched = total = 0
    for line in _events(options):
        total += 1
        if pattern.matches(line):
            matched += 1
            print(line)
    print(
        f"{matched} of {total} {'line matches' if total == 1 else 'lines match'}.", file=sys.stderr
    )
    return OK


def _events(options: argparse.Namespace) -> Iterator[str]:
    """The events given with --event, then those of the files, or else of standard input."""
    yield from options.event
    if options.files or not options.event:
        yield from lines_of(options.files)


def parsed(text: str) -> Pattern | None:
    """The pattern, or None after it was told what is wrong, with a caret below the place.

    A detection's id stands for its pattern, which is told. Raises NotFound for a word that looks
    like an id and is none.
    """
    from trailwatch.pattern import PatternError, parse
    from trailwatch.pattern.pointing import pointed

    text = _of_detection(text)
    try:
        return parse(text)
    except PatternError as error:
        print(pointed(text, error.at))
        print(error)
        return None


def _of_detection(text: str) -> str:
    """The pattern of the detection whose id a text is; the text itself where it is a pattern."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text.strip()):
        return text  # is no id: the catalogue need not be read
    from bot.detections_cli import LISTED_BY, QUOTE, catalogue_of

    detection = catalogue_of().meant(text, LISTED_BY, QUOTE)
    if detection is None:
        return text
    # Standard output is for what matches.
    print(f"The pattern of the detection {detection.id}:", file=sys.stderr)
    print(detection.pattern, file=sys.stderr)
    return detection.pattern


def clean(pattern: Pattern) -> bool:
    """Print what is dubious; whether nothing is."""
    findings = pattern.lint()
    for finding in findings:
        print(f"column {finding.at + 1}: {finding.why} [{finding.rule}]")
        if finding.instead:
            print(f"  instead: {finding.instead}")
    return not findings


def lines_of(files: Sequence[Path]) -> Iterator[str]:
    """The events in files or standard input, one text each; gzip and {"Records": […]}, too.

    Raises UsageError for a file that can't be read.
    """
    for file in files or [Path("-")]:
        yield from events_in(_content(file))


def events_in(data: bytes) -> list[str]:
    """The lines of a text, or the records of one JSON document as CloudTrail delivers it."""
    text = data.decode("utf-8", "replace")
    if text.lstrip()[:1] in ("{", "["):
        try:
            whole = json.loads(text)
        except (ValueError, RecursionError):
            return text.splitlines()
        records = whole.get("Records") if isinstance(whole, dict) else whole
        if isinstance(records, list):
            return [json.dumps(record, ensure_ascii=False) for record in records]
    return text.splitlines()


def _content(file: Path) -> bytes:
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except EOFError as error:
        raise UsageError(f"{file} is cut off: {error}.") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}.") from error
