"""Knows which patterns a record may match, by a few of its fields. Pure; never reads a record.

Every pattern is evaluated once for each combination of those fields' values that occurs, with the
matcher's own tests where they read only those fields, and with "unknown" for all others. What is
left open depends on a few more fields: for each combination of theirs the matcher decides once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from trailwatch.backtest.partly import Part, Partial, Paths, path_of
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    Literal,
    Name,
    Op,
    Or,
    tests,
)

_FIELDS: tuple[tuple[str, ...], ...] = (
    ("eventName",),
    ("errorCode",),
    ("userIdentity", "type"),
    ("eventSource",),
    ("eventType",),
    ("awsRegion",),
)
"""Texts with few values that a dispatch may look at ("CloudTrail record contents")."""
_MAX_EXTRA = 6
_STRANGE = "\0"  # a value that no pattern has

Key = Any
"""A frozen msgspec Struct, of the fields that a dispatch looks at: it hashes and compares in C."""


@dataclass(slots=True)
class Verdict:
    """What a record of some key can match: patterns that it does, by number, and may."""

    sure: tuple[int, ...]
    open: tuple[int, ...]
    fields: tuple[tuple[str, bytes], ...]
    """The top-level fields that the open ones read, each with its key as JSON; empty for all."""
    closer: Closer | None = None
    """A closer look at what is open; None where that takes the whole record."""


@dataclass(slots=True)
class Closer:
    """A closer look: first at the fields that rule the open patterns out, then at all they read."""

    paths: Paths
    """What it looks at besides the fields of the first look."""
    decoder: msgspec.json.Decoder[Any]
    tests: tuple[tuple[int, Partial], ...]
    verdicts: dict[Key, Verdict] = field(default_factory=dict)
    """By what the decoder reads."""
    asked: int = 0
    """How many records were decoded so."""


class Dispatch(dict[Key, Verdict | None]):
    """Verdicts by key, made when first asked for; None where no pattern can match.

    parts: the JSON patterns by number; texts: the numbers of the others, which see every record.
    extra: fields to look at besides those without which patterns can't be told apart.
    Bounded: archives have some thousands of combinations, and it starts anew at `limit`.
    """

    def __init__(
        self,
        parts: Mapping[int, Part],
        texts: Sequence[int],
        extra: Paths = frozenset(),
        limit: int = 50_000,
    ) -> None:
        super().__init__()
        self._limit = limit
        self._parts = parts
        self._texts = texts
        chosen = _chosen(parts.values())
        self.fields = (*chosen, *sorted(extra.difference(chosen)))
        self.key_type = _key_type(self.fields)
        self._reads = {number: _top_level(part.condition) for number, part in parts.items()}
        self._by_name: dict[str, list[int]] = {}
        self._of_any_name: list[int] = []
        for number, part in parts.items():
            names = demanded_names(part.condition)
            for name in names or ():
                self._by_name.setdefault(name, []).append(number)
            if names is None:
                self._of_any_name.append(number)
        self._decoders: dict[Paths, msgspec.json.Decoder[Any]] = {}
        self._remembered = 0

    def __missing__(self, key: Key) -> Verdict | None:
        if len(self) >= self._limit:
            self.clear()
        verdict = self[key] = self._judge(key)
        return verdict

    def look(self, verdict: Verdict, closer: Closer, read: Key) -> Verdict:
        """What records of the verdict's key that read so, more closely, can match."""
        if self._remembered >= self._limit:
            self.clear()
            self._remembered = 0
        self._remembered += 1
        known = _known(read)
        results = [(number, test(known)) for number, test in closer.tests]
        sure = tuple(sorted([*verdict.sure, *(number for number, holds in results if holds)]))
        unsure = tuple(number for number, holds in results if holds is None)
        every: Paths = frozenset().union(
            *(self._parts[number].paths for number in unsure if number in self._parts)
        )
        further = self._closer(unsure, every) if every - closer.paths - set(self.fields) else None
        found = closer.verdicts[read] = Verdict(sure, unsure, self._fields_of(unsure), further)
        return found

    def _judge(self, key: Key) -> Verdict | None:
        known = _known(key)
        sure: list[int] = []
        unsure: list[int] = list(self._texts)
        named = self._by_name.get(known.get("eventName") or "", ())
        first = frozenset(self.fields)
        for number in sorted([*self._of_any_name, *named]):
            holds = self._parts[number].by(first)(known)
            if holds:
                sure.append(number)
            elif holds is None:
                unsure.append(number)
        if not sure and not unsure:
            return None
        closer = self._closer(unsure, self._telling(unsure, known))
        return Verdict(tuple(sure), tuple(unsure), self._fields_of(unsure), closer)

    def _telling(self, unsure: Sequence[int], known: Mapping[str, Any]) -> Paths:
        """For each of these patterns one field that can rule it out, or else all that it reads."""
        more: set[tuple[str, ...]] = set()
        for number in unsure:
            if number in self._texts:
                continue
            paths = self._parts[number].paths
            alone = (p for p in sorted(paths) if self._rules_out(number, p, known))
            first = next(alone, None)
            more |= paths if first is None else {first}
        return frozenset(more)

    def _closer(self, unsure: Sequence[int], more: Paths) -> Closer | None:
        paths = more.union(self.fields)
        if len(paths) == len(self.fields) or not _apart(paths):
            return None
        if paths not in self._decoders:
            self._decoders[paths] = msgspec.json.Decoder(_key_type(sorted(paths)))
        tests = tuple((number, self._by(number, paths)) for number in unsure)
        return Closer(more, self._decoders[paths], tests)

    def _by(self, number: int, paths: Paths) -> Partial:
        """The evaluation of a pattern by these fields; of a text, nothing is ever known."""
        part = self._parts.get(number)
        return _open if part is None else part.by(paths)

    def _rules_out(self, number: int, path: tuple[str, ...], known: Mapping[str, Any]) -> bool:
        """Whether for this key a field that is missing, or strange, shows that it can't hold."""
        fields = frozenset((*self.fields, path))
        if path in self.fields or not _apart(fields):
            return False
        test = self._by(number, fields)
        return test(known) is False and test(_with(known, path)) is False

    def worth(self, records: int) -> Paths:
        """Fields that one had better look at first, by what these records were like; or none.

        Those that one in 30 records was decoded for once more, and that have few values.
        """
        paths: Paths = frozenset()
        for verdict in self.values():
            closer = verdict.closer if verdict is not None else None
            if closer and closer.asked > records / 30 and len(closer.verdicts) < closer.asked / 10:
                more = paths | closer.paths
                paths = more if len(more) <= _MAX_EXTRA else paths
        return paths if _apart(paths.union(self.fields)) else frozenset()

    def _fields_of(self, unsure: Iterable[int]) -> tuple[tuple[str, bytes], ...]:
        names: set[str] = set()
        for number in unsure:
            reads = self._reads.get(number)
            if reads is None:
                return ()
            names |= reads
        return tuple((name, json.dumps(name).encode() + b":") for name in sorted(names))


def _open(root: Mapping[str, Any]) -> None:
    return None


def demanded_names(condition: Condition) -> frozenset[str] | None:
    """The texts of which eventName must be one; None where it may have others.

    It is about records whose eventName is a text: a number's text may be a name, too.
    """
    if isinstance(condition, And):
        sets = [names for item in condition.items if (names := demanded_names(item)) is not None]
        return min(sets, key=len) if sets else None
    if isinstance(condition, Or):
        union: set[str] = set()
        for item in condition.items:
            names = demanded_names(item)
            if names is None:
                return None
            union |= names
        return frozenset(union)
    if (
        isinstance(condition, Compare)
        and condition.op is Op.EQ
        and path_of(condition.selector) == ("eventName",)
        and isinstance(condition.value, Literal)
        and not condition.value.is_glob
    ):
        return frozenset({condition.value.text})
    return None


def _chosen(parts: Iterable[Part]) -> tuple[tuple[str, ...], ...]:
    """The fewest fields, in the order above, without which no pattern is ruled out.

    eventName always; for a pattern that isn't ruled out by a name of which it says nothing, the
    first field that does it, else all of them that it reads.
    """
    chosen = {_FIELDS[0]}
    for part in parts:
        if _ruled_out(part, _FIELDS[:1]):
            continue
        single = [path for path in _FIELDS[1:] if _ruled_out(part, (path,))]
        read = [path for path in _FIELDS if path in part.reads]
        if single:
            chosen.add(single[0])
        elif _ruled_out(part, read):
            chosen.update(read)
    return tuple(path for path in _FIELDS if path in chosen)


def _ruled_out(part: Part, fields: Sequence[tuple[str, ...]]) -> bool:
    """Whether these fields being missing, and being strange, both show that it can't hold."""
    test = part.by(frozenset(fields))
    strange: dict[str, Any] = {}
    for path in fields:
        strange = _with(strange, path)
    return test({}) is False and test(strange) is False


def _with(known: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """The same record with something strange at a path, instead of a null on the way, too."""
    name, rest = path[0], path[1:]
    inner = known.get(name) or {}
    return {**known, name: _with(inner, rest) if rest else _STRANGE}


def _key_type(fields: Iterable[tuple[str, ...]]) -> Any:
    """The struct that a record is decoded to: exact for texts and null, refused for the rest."""
    nested: dict[str, list[tuple[str, ...]]] = {}
    for name, *rest in fields:
        nested.setdefault(name, []).append(tuple(rest))
    members: list[tuple[str, Any, Any]] = []
    names: dict[str, str] = {}
    for number, (name, inner) in enumerate(nested.items()):
        kind: Any = str if inner == [()] else _key_type(inner)
        members.append((f"f{number}", kind | None | UnsetType, UNSET))
        names[f"f{number}"] = name
    return msgspec.defstruct("Key", members, frozen=True, gc=False, rename=names)


def _known(key: msgspec.Struct) -> dict[str, Any]:
    """The part of a record that its key holds."""
    known: dict[str, Any] = {}
    for attribute, name in zip(key.__struct_fields__, key.__struct_encode_fields__, strict=True):
        value = getattr(key, attribute)
        if value is not UNSET:
            known[name] = _known(value) if isinstance(value, msgspec.Struct) else value
    return known


def _apart(paths: Paths) -> bool:
    """Whether none of these leads through another one, which would have to be a text as well."""
    return not any(path[:end] in paths for path in paths for end in range(1, len(path)))


def _top_level(condition: Condition) -> frozenset[str] | None:
    """The top-level fields that a condition reads; None for all of them."""
    names: set[str] = set()
    for test in tests(condition):
        first = test.selector.steps[0] if test.selector.steps else None
        if not isinstance(first, Name):
            return None
        names.add(first.name)
    return frozenset(names)
