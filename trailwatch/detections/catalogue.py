"""Reads the catalogue of detections that ships with the product; it never changes or runs one.

One TOML file in `catalogue/` for each detection, named after its id; `packs.toml` names the packs.
A detection's example records are JSON texts, as CloudTrail writes them.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from trailwatch.detections.detection import (
    CloudTrailRecord,
    Detection,
    DetectionKind,
    Examples,
    Severity,
)
from trailwatch.errors import ConfigError, NotFound
from trailwatch.pattern import PatternError, parse

# The periods that CloudWatch allows an alarm on a metric of one-minute resolution, in seconds:
# multiples of a minute up to a day (PutMetricAlarm, CloudWatch API reference).
_MINUTE = 60
_DAY = 86_400
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TEXTS = ("id", "title", "pattern", "why", "runbook", "noise")
_KEYS = {*_TEXTS, "severity", "kind", "references", "period_seconds", "threshold", "examples"}
_EXAMPLE_KEYS = {"matches", "near_misses"}
_ALL = "all"


@dataclass(frozen=True)
class Catalogue:
    """Detections by id, and packs: named tuples of ids. Iterates over the detections, by id."""

    detections: Mapping[str, Detection]
    packs: Mapping[str, tuple[str, ...]]

    def __getitem__(self, id_: str) -> Detection:
        """The detection of this id; raises NotFound, which offers near ids."""
        if id_ not in self.detections:
            raise NotFound.of("detection", id_, self.detections)
        return self.detections[id_]

    def get(self, id_: str) -> Detection | None:
        """The detection of this id, or None."""
        return self.detections.get(id_)

    def __contains__(self, id_: object) -> bool:
        return id_ in self.detections

    def __iter__(self) -> Iterator[Detection]:
        return iter(self.detections.values())

    def __len__(self) -> int:
        return len(self.detections)

    def pack(self, name: str) -> tuple[Detection, ...]:
        """The detections of a pack, in its order; raises NotFound, which offers near names."""
        if name not in self.packs:
            raise NotFound.of("pack", name, self.packs)
        return tuple(self.detections[id_] for id_ in self.packs[name])


def load_catalogue(folder: Traversable | None = None) -> Catalogue:
    """The catalogue in a folder of TOML files, by default the product's own.

    Raises ConfigError with a problem for each key that is wrong, by file and key.
    """
    place = folder if folder is not None else files("trailwatch.detections") / "catalogue"
    problems: list[str] = []
    detections: dict[str, Detection] = {}
    packs: dict[str, tuple[str, ...]] = {}
    listing = sorted(place.iterdir(), key=lambda file: file.name)
    for file in listing:
        if not file.name.endswith(".toml"):
            continue
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            problems.append(f"{file.name}: not TOML: {error}")
            continue
        if file.name == "packs.toml":
            packs = _packs(table, _names(listing), problems)
            continue
        detection = parse_detection(file.name, table, problems)
        if detection is not None:
            detections[detection.id] = detection
    if problems:
        raise ConfigError(
            "The catalogue of detections cannot be used.",
            why="; ".join(problems) + ".",
            problems=tuple(problems),
        )
    return Catalogue(detections, {**packs, _ALL: tuple(detections)})


def parse_detection(
    name: str, table: Mapping[str, Any], problems: list[str] | None = None
) -> Detection | None:
    """The detection that a TOML file's table describes; `name` is the file's.

    What is wrong is added to `problems` and gives None; without a list it raises ConfigError.
    """
    reader = _Reader(name, table)
    detection = reader.detection()
    if reader.problems and problems is None:
        raise ConfigError(
            f"{name} is not a detection.",
            why="; ".join(reader.problems) + ".",
            problems=tuple(reader.problems),
        )
    if problems is not None:
        problems.extend(reader.problems)
    return None if reader.problems else detection


class _Reader:
    """Reads the keys of one file and remembers all that is wrong with them."""

    def __init__(self, file: str, table: Mapping[str, Any]) -> None:
        self.file = file
        self.table = table
        self.problems: list[str] = []

    def detection(self) -> Detection | None:
        for key in sorted(self.table.keys() - _KEYS):
            self._wrong(key, "unknown key")
        texts = {key: self._text(key) for key in _TEXTS}
        if texts["id"] and not _ID.fullmatch(texts["id"]):
            self._wrong("id", "must be lower-case words joined by hyphens")
        if texts["id"] != self.file.removesuffix(".toml"):
            self._wrong("id", f"must be the file's name, not {texts['id']!r}")
        self._pattern(texts["pattern"])
        severity = self._choice("severity", Severity)
        kind = self._choice("kind", DetectionKind)
        seconds = self._count("period_seconds", _MINUTE, _DAY)
        if seconds % _MINUTE:
            self._wrong("period_seconds", "must be a multiple of 60")
        threshold = self._count("threshold", 1, 1_000_000)
        references, examples = self._references(), self._examples()
        if severity is None or kind is None or self.problems:
            return None
        return Detection(
            **texts,
            severity=Severity(severity),
            kind=DetectionKind(kind),
            references=references,
            period=timedelta(seconds=seconds),
            threshold=threshold,
            examples=examples,
        )

    def _wrong(self, key: str, why: str) -> None:
        self.problems.append(f"{self.file}: {key}: {why}")

    def _text(self, key: str) -> str:
        value = self.table.get(key)
        if not isinstance(value, str) or not value.strip():
            self._wrong(key, "a text is missing")
            return ""
        return value.strip()

    def _pattern(self, text: str) -> None:
        try:
            parse(text)
        except PatternError as error:
            self._wrong("pattern", f"{error} (column {error.at})")

    def _choice(self, key: str, choices: Iterable[str]) -> str | None:
        value = self.table.get(key)
        if value in list(choices):
            return str(value)
        self._wrong(key, f"must be one of {', '.join(choices)}")
        return None

    def _count(self, key: str, least: int, most: int) -> int:
        value = self.table.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self._wrong(key, f"must be a whole number from {least} to {most}")
        return least

    def _references(self) -> tuple[str, ...]:
        value = self.table.get("references")
        if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
            return tuple(value)
        self._wrong("references", "must be a list of at least one text")
        return ()

    def _examples(self) -> Examples:
        table = self.table.get("examples")
        if not isinstance(table, dict):
            self._wrong("examples", "a table with matches and near_misses is missing")
            return Examples((), ())
        for key in sorted(table.keys() - _EXAMPLE_KEYS):
            self._wrong(f"examples.{key}", "unknown key")
        return Examples(self._records(table, "matches"), self._records(table, "near_misses"))

    def _records(self, table: Mapping[str, Any], key: str) -> tuple[CloudTrailRecord, ...]:
        texts = table.get(key)
        if not isinstance(texts, list) or not texts:
            self._wrong(f"examples.{key}", "must be a list of at least one record as JSON text")
            return ()
        return tuple(self._record(f"examples.{key}[{i}]", text) for i, text in enumerate(texts))

    def _record(self, key: str, text: object) -> CloudTrailRecord:
        try:
            record = json.loads(text) if isinstance(text, str) else None
        except ValueError as error:
            self._wrong(key, f"not JSON: {error}")
            return {}
        if not isinstance(record, dict):
            self._wrong(key, "must be a JSON object")
            return {}
        return record


def _names(listing: Iterable[Traversable]) -> frozenset[str]:
    return frozenset(file.name.removesuffix(".toml") for file in listing) - {"packs"}


def _packs(
    table: Mapping[str, Any], known: frozenset[str], problems: list[str]
) -> dict[str, tuple[str, ...]]:
    packs: dict[str, tuple[str, ...]] = {}
    for pack, ids in table.items():
        if pack == _ALL:
            problems.append(f"packs.toml: {pack}: this pack is made of every detection")
        elif not isinstance(ids, list) or not all(isinstance(id_, str) for id_ in ids):
            problems.append(f"packs.toml: {pack}: must be a list of detection ids")
        elif len(set(ids)) < len(ids):
            problems.append(f"packs.toml: {pack}: names a detection twice")
        else:
            packs[pack] = tuple(ids)
            strangers = sorted(set(ids) - known)
            problems.extend(f"packs.toml: {pack}: no detection {id_!r}" for id_ in strangers)
    return packs
