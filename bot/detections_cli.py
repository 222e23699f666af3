"""`trailwatch detections`: shows the catalogue and tries the examples of detections; changes none.

Exit codes as in bot.cli: 1 where an example is wrong, 2 where a file cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from trailwatch.errors import NotFound, UsageError

if TYPE_CHECKING:
    from trailwatch.detections import Catalogue, Detection

OK, WRONG, UNUSABLE = 0, 1, 2
LISTED_BY = "trailwatch detections list"
QUOTE = "'\""
"""Before and, the other way round, after a text: the shell takes one pair of quotes away."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `detections list`, `show` and `test` to the command line."""
    detections = commands.add_parser("detections", help="what can be detected; try your own")
    verbs = detections.add_subparsers(required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="the detections of a pack, or all")
    listing.add_argument("--pack", default="all", help="by default all of them")
    _settings(listing)
    listing.set_defaults(run=_list)
    show = verbs.add_parser("show", help="one detection: pattern, reasons, runbook")
    show.add_argument("id")
    _settings(show)
    show.set_defaults(run=_show)
    test = verbs.add_parser("test", help="do detections match their examples and no near miss?")
    test.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a TOML file or a folder of them"
    )
    test.set_defaults(run=_test)


def _settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="a trailwatch.toml, as for `serve`")


def catalogue_of(config: Path | None = None) -> Catalogue:
    """The catalogue with the team's own detections, where the settings name a folder of them.

    config: a trailwatch.toml; without one that of the working folder, if there is one.
    """
    from bot.settings import settings_here
    from trailwatch.detections import load_catalogue

    folder = settings_here(config).detections_folder
    return load_catalogue(Path(folder) if folder else None)


def _list(options: argparse.Namespace) -> int:
    catalogue = catalogue_of(options.config)
    chosen = catalogue.pack(options.pack)
    width = max((len(detection.id) for detection in chosen), default=0)
    for detection in chosen:
        print(f"{detection.id:<{width}}  {detection.severity}  {detection.title}")
    packs = ", ".join(f"{name} ({len(ids)})" for name, ids in sorted(catalogue.packs.items()))
    print(f"\n{len(chosen)} in {options.pack}. Packs: {packs}.")
    return OK


def _show(options: argparse.Namespace) -> int:
    catalogue = catalogue_of(options.config)
    if options.id not in catalogue:
        raise NotFound.of("detection", options.id, catalogue.detections, LISTED_BY)
    detection = catalogue[options.id]
    packs = [name for name, ids in sorted(catalogue.packs.items()) if detection.id in ids]
    print("\n".join(_described(detection, packs)))
    return OK


def _described(detection: Detection, packs: list[str]) -> Iterator[str]:
    from trailwatch.pattern import parse

    minutes = int(detection.period.total_seconds()) // 60
    yield f"{detection.id}: {detection.title}"
    yield (
        f"{detection.severity}, {detection.kind}; {detection.threshold} or more in {minutes} min; "
        f"packs: {', '.join(packs)}"
    )
    yield f"\nPattern ({len(detection.pattern)} characters):\n{detection.pattern}\n"
    yield from parse(detection.pattern).explain().lines()
    yield f"\nWhy: {detection.why}"
    yield f"First: {detection.runbook}"
    yield f"Noise: {detection.noise}"
    if detection.exempt:
        yield f"Passes over: {', '.join(detection.exempt)} of the site"
    yield "References:"
    yield from (f"- {reference}" for reference in detection.references)


def _test(options: argparse.Namespace) -> int:
    from trailwatch.detections import load_catalogue

    ours = load_catalogue()
    return max(_tested(file, ours) for file in _files(options.files))


def _files(paths: list[Path]) -> list[Path]:
    """The files to test: those given, and the TOML files of the folders given, by name."""
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        # Only the catalogue's own folder has packs.
        files.extend(file for file in found if file.name != "packs.toml" or not _is_ours(file))
    if not files:
        raise UsageError("There is no detection to test.", "No *.toml is in the folder.")
    return files


def _tested(file: Path, ours: Catalogue) -> int:
    """Tell about one file; returns the exit code that it asks for."""
    from trailwatch.detections.examples import wrong_examples
    from trailwatch.detections.reader import parse_detection, read_table
    from trailwatch.pattern import parse

    problems: list[str] = []
    try:
        table = read_table(file.read_bytes())
    except OSError as error:
        return _refused([f"{file}: {error.strerror}"])
    except ValueError as error:
        return _refused([f"{file}: not TOML: {error}"])
    detection = parse_detection(file.name, table, problems)
    if detection is None:
        return _refused(problems)
    if detection.id in ours and not _is_ours(file):
        return _refused([f"{file.name}: id: the catalogue has {detection.id!r} already"])
    wrong = wrong_examples(detection)
    for one in wrong:
        done = "matches, and should not" if one.matched else "does not match, and should"
        print(f"{file.name}: {one.place} ({one.event_name}) {done}:")
        print("\n".join(f"  {line}" for line in one.clause.lines()))
    for lint in parse(detection.pattern).lint():
        print(f"{file.name}: pattern, column {lint.at + 1}: {lint.why}")
        if lint.instead:
            print(f"  write: {lint.instead}")
    if wrong:
        return WRONG
    examples = detection.examples
    print(
        f"{file.name}: ok, {len(examples.matches)} matched, {len(examples.near_misses)} passed over"
    )
    return OK


def _is_ours(file: Path) -> bool:
    """Whether the file is the catalogue's own."""
    import trailwatch.detections as package

    return file.resolve().parent == Path(str(package.__file__)).parent / "catalogue"


def _refused(problems: list[str]) -> int:
    for problem in problems:
        print(problem, file=sys.stderr)
    return UNUSABLE
