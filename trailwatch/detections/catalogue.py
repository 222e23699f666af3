"""Reads the detections that ship with the product and a team's own; it never changes or runs one.

One TOML file for each detection, named after its id; `packs.toml` names the product's packs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from trailwatch.detections.detection import Detection
from trailwatch.detections.reader import parse_detection, read_table
from trailwatch.errors import ConfigError, NotFound

ALL = "all"
"""The pack of every detection."""
OWN = "own"
"""The pack of a team's own detections; it exists where there is a folder of them."""
LISTED_BY = "/trailwatch detections"
_PACKS_FILE = "packs.toml"
_LIKE_AN_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")


@dataclass(frozen=True)
class Catalogue:
    """Detections by id, and packs: named tuples of ids. Iterates over the detections, by id."""

    detections: Mapping[str, Detection]
    packs: Mapping[str, tuple[str, ...]]

    def __getitem__(self, id_: str) -> Detection:
        """The detection of this id; raises NotFound, which offers near ids."""
        if id_ not in self.detections:
            raise NotFound.of("detection", id_, self.detections, LISTED_BY)
        return self.detections[id_]

    def meant(self, text: str, see: str = LISTED_BY, quote: str = '"') -> Detection | None:
        """The detection whose id a text is, where a pattern could stand; None for a pattern.

        see: the command that lists ids; quote: what makes a word a text, a shell's included.
        Raises NotFound for a single word that looks like an id and is none: taken for text to
        search, it would match nothing, and all would seem well.
        """
        word = text.strip()
        if word in self.detections or not _LIKE_AN_ID.fullmatch(word):
            return self.detections.get(word)
        error = NotFound.of("detection", word, self.detections, see)
        error.fix += f" To search it as text, write it in quotes: {quote}{word}{quote[::-1]}"
        raise NotFound(error.what, error.why, error.fix)

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


def load_catalogue(own: Path | None = None) -> Catalogue:
    """The product's detections and packs and, with a folder, a team's own detections.

    own: a folder of TOML files of the same shape (TRAILWATCH_DETECTIONS); their ids may not be
    the product's. They are in the packs `all` and `own`. Raises ConfigError with a problem for
    each key that is wrong, by file and key.
    """
    ours = _ours()
    if own is None:
        return ours
    theirs = _own_detections(own, ours)
    together = {**ours.detections, **theirs}
    return Catalogue(together, {**ours.packs, ALL: tuple(together), OWN: tuple(theirs)})


@cache
def _ours() -> Catalogue:
    """The product's own, read once: it stays as it is while a process runs."""
    return read_catalogue(files("trailwatch.detections") / "catalogue")


def read_catalogue(folder: Traversable) -> Catalogue:
    """The catalogue in a folder of TOML files, one of which may name packs.

    Raises ConfigError with a problem for each key that is wrong, by file and key.
    """
    problems: list[str] = []
    detections: dict[str, Detection] = {}
    tables = dict(_tables(folder, problems))
    packs_table = tables.pop(_PACKS_FILE, {})
    for name, table in tables.items():
        detection = parse_detection(name, table, problems)
        if detection is not None:
            detections[detection.id] = detection
    known = frozenset(name.removesuffix(".toml") for name in tables)
    packs = _packs(packs_table, known, problems)
    if problems:
        raise _unusable("The catalogue of detections cannot be used.", problems)
    return Catalogue(detections, {**packs, ALL: tuple(detections)})


def _own_detections(folder: Path, ours: Catalogue) -> dict[str, Detection]:
    what = f"Your own detections in {folder} cannot be used."
    if not folder.is_dir():
        raise _unusable(what, [f"{folder}: there is no such folder"])
    problems: list[str] = []
    found: dict[str, Detection] = {}
    for name, table in _tables(folder, problems):
        if name == _PACKS_FILE:
            problems.append(
                f"{name}: own packs are not read, the pack {OWN!r} has all that is here"
            )
            continue
        detection = parse_detection(name, table, problems)
        if detection is not None and detection.id in ours:
            problems.append(f"{name}: id: the catalogue has {detection.id!r} already")
        elif detection is not None:
            found[detection.id] = detection
    if problems:
        raise _unusable(what, problems)
    return found


def _tables(folder: Traversable, problems: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The TOML files of a folder, by name; what cannot be read is added to `problems`."""
    try:
        listing = sorted(folder.iterdir(), key=lambda file: file.name)
    except OSError as error:
        problems.append(f"{folder}: cannot be listed: {error.strerror}")
        return
    for file in listing:
        if not file.name.endswith(".toml"):
            continue
        try:
            yield file.name, read_table(file.read_bytes())
        except ValueError as error:
            problems.append(f"{file.name}: not TOML: {error}")
        except OSError as error:
            problems.append(f"{file.name}: cannot be read: {error.strerror}")


def _unusable(what: str, problems: list[str]) -> ConfigError:
    return ConfigError(what, why="; ".join(problems) + ".", problems=tuple(problems))


def _packs(
    table: Mapping[str, Any], known: frozenset[str], problems: list[str]
) -> dict[str, tuple[str, ...]]:
    packs: dict[str, tuple[str, ...]] = {}
    for pack, ids in table.items():
        if pack in (ALL, OWN):
            problems.append(f"packs.toml: {pack}: this pack is made by itself")
        elif not isinstance(ids, list) or not all(isinstance(id_, str) for id_ in ids):
            problems.append(f"packs.toml: {pack}: must be a list of detection ids")
        elif len(set(ids)) < len(ids):
            problems.append(f"packs.toml: {pack}: names a detection twice")
        else:
            packs[pack] = tuple(ids)
            strangers = sorted(set(ids) - known)
            problems.extend(f"packs.toml: {pack}: no detection {id_!r}" for id_ in strangers)
    return packs
