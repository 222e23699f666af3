"""Reads one detection from its TOML table and says what is wrong with each key; it opens no file.

A detection's example records are JSON texts, as CloudTrail writes them.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from trailwatch.detections.detection import (
    CloudTrailRecord,
    Detection,
    DetectionKind,
    Examples,
    Exempt,
    Severity,
)
from trailwatch.errors import ConfigError
from trailwatch.pattern import PatternError, parse

# The periods that CloudWatch allows an alarm on a metric of one-minute resolution, in seconds:
# multiples of a minute up to a day (PutMetricAlarm, CloudWatch API reference).
_MINUTE = 60
_DAY = 86_400
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MAX_ID = 100  # an alarm's name may have 255 characters, and starts with the site's prefix
_TEXTS = ("id", "title", "pattern", "why", "runbook", "noise")
_KEYS = {
    *_TEXTS,
    "severity",
    "kind",
    "references",
    "exempt",
    "period_seconds",
    "threshold",
    "examples",
}
_EXAMPLE_KEYS = {"matches", "near_misses"}


def read_table(text: bytes) -> dict[str, Any]:
    """The TOML table of a file's bytes; raises ValueError, which says why it is none."""
    try:
        return tomllib.loads(text.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


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
        if len(texts["id"]) > _MAX_ID:
            self._wrong("id", f"must have {_MAX_ID} characters at most")
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
        exempt = self._exempt()
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
            exempt=exempt,
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

    def _exempt(self) -> tuple[Exempt, ...]:
        value = self.table.get("exempt", [])
        if isinstance(value, list) and all(one in list(Exempt) for one in value):
            return tuple(Exempt(one) for one in value)
        self._wrong("exempt", f"must be a list of {', '.join(Exempt)}")
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
        except RecursionError:
            self._wrong(key, "nested too deeply")
            return {}
        if not isinstance(record, dict):
            self._wrong(key, "must be a JSON object")
            return {}
        return record
