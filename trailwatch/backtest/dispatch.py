"""Knows which patterns a record may match, by a few of its fields. Pure; decides nothing else.

Every pattern is evaluated once for each combination of those fields' values that occurs, with the
matcher's own tests where they read only those fields, and with "unknown" for all others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from trailwatch.pattern import Pattern
from trailwatch.pattern.match import condition_test
from trailwatch.pattern.syntax import And, Condition, JsonForm, Name, Or, Selector, tests

Partial = Callable[[Mapping[str, Any]], bool | None]
"""Given a record's known fields: whether a condition holds, None where that is not known."""

_FIELDS: tuple[tuple[str, ...], ...] = (
    ("eventName",),
    ("errorCode",),
    ("userIdentity", "type"),
    ("eventSource",),
    ("eventType",),
    ("awsRegion",),
)
"""Texts with few values that a dispatch may look at ("CloudTrail record contents")."""
_STRANGE = "\0"  # a value that no pattern has

Key = Any
"""A frozen msgspec Struct, of the fields that a dispatch looks at: it hashes and compares in C."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a record of some key can match: patterns that it does, by number, and may."""

    sure: tuple[int, ...]
    open: tuple[int, ...]
    fields: tuple[tuple[str, bytes], ...]
    """The top-level fields that the open ones read, each with its key as JSON; empty for all."""


class Dispatch(dict[Key, Verdict | None]):
    """Verdicts by key, made when first asked for; None where no pattern can match.

    Bounded: archives have some thousands of combinations, and it starts anew at `limit`.
    """

    def __init__(self, patterns: Sequence[Pattern], limit: int = 50_000) -> None:
        super().__init__()
        self._limit = limit
        conditions = [
            (number, pattern.syntax.condition)
            for number, pattern in enumerate(patterns)
            if isinstance(pattern.syntax, JsonForm)
        ]
        self.texts = tuple(
            number
            for number, pattern in enumerate(patterns)
            if not isinstance(pattern.syntax, JsonForm)
        )
        """The patterns that are no JSON patterns: they see the raw text of every record."""
        self.fields = _chosen(condition for _, condition in conditions)
        self.key_type = _key_type(self.fields)
        self._partials = [(number, partial(test, self.fields)) for number, test in conditions]
        self._reads = {number: _top_level(test) for number, test in conditions}

    def __missing__(self, key: Key) -> Verdict | None:
        if len(self) >= self._limit:
            self.clear()
        verdict = self[key] = self._judge(key)
        return verdict

    def _judge(self, key: Key) -> Verdict | None:
        known = _known(key)
        sure: list[int] = []
        unsure: list[int] = list(self.texts)
        for number, test in self._partials:
            holds = test(known)
            if holds:
                sure.append(number)
            elif holds is None:
                unsure.append(number)
        if not sure and not unsure:
            return None
        return Verdict(tuple(sure), tuple(unsure), self._fields_of(unsure))

    def _fields_of(self, unsure: Iterable[int]) -> tuple[tuple[str, bytes], ...]:
        names: set[str] = set()
        for number in unsure:
            reads = self._reads.get(number)
            if reads is None:
                return ()
            names |= reads
        return tuple((name, json.dumps(name).encode() + b":") for name in sorted(names))


def partial(condition: Condition, fields: Iterable[tuple[str, ...]]) -> Partial:
    """The three-valued evaluation of a condition by these fields (paths of names) alone."""
    known = frozenset(fields)
    if isinstance(condition, And | Or):
        parts = [partial(item, known) for item in condition.items]
        decisive = isinstance(condition, Or)

        def combine(root: Mapping[str, Any]) -> bool | None:
            unknown = False
            for part in parts:
                holds = part(root)
                if holds is decisive:
                    return decisive
                unknown = unknown or holds is None
            return None if unknown else not decisive

        return combine
    if _path(condition.selector) in known:
        return condition_test(condition)
    return lambda root: None


def _path(selector: Selector) -> tuple[str, ...] | None:
    names = tuple(step.name for step in selector.steps if isinstance(step, Name))
    return names if len(names) == len(selector.steps) else None


def _chosen(conditions: Iterable[Condition]) -> tuple[tuple[str, ...], ...]:
    """The fewest fields, in the order above, without which no pattern is ruled out.

    eventName always; for a pattern that isn't ruled out by a name of which it says nothing, the
    first field that does it, else all of them that it reads.
    """
    chosen = {_FIELDS[0]}
    for condition in conditions:
        if _ruled_out(condition, _FIELDS[:1]):
            continue
        single = [field for field in _FIELDS[1:] if _ruled_out(condition, (field,))]
        read = [
            field for field in _FIELDS if field in {_path(t.selector) for t in tests(condition)}
        ]
        if single:
            chosen.add(single[0])
        elif _ruled_out(condition, read):
            chosen.update(read)
    return tuple(field for field in _FIELDS if field in chosen)


def _ruled_out(condition: Condition, fields: Sequence[tuple[str, ...]]) -> bool:
    """Whether these fields being missing, and being strange, both show that it can't hold."""
    test = partial(condition, fields)
    strange: dict[str, Any] = {}
    for path in fields:
        node = strange
        for name in path[:-1]:
            node = node.setdefault(name, {})
        node[path[-1]] = _STRANGE
    return test({}) is False and test(strange) is False


def _key_type(fields: Iterable[tuple[str, ...]]) -> Any:
    """The struct that a record is decoded to: exact for texts and null, refused for the rest."""
    text: Any = str | None | UnsetType
    members: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for field in fields:
        if len(field) == 1:
            members[field[0]] = text
        else:
            nested.setdefault(field[0], {})[field[1]] = text
    for name, inner in nested.items():
        members[name] = _struct(name, inner) | None | UnsetType
    return _struct("Key", members)


def _struct(name: str, members: Mapping[str, Any]) -> Any:
    fields = [(member, kind, UNSET) for member, kind in members.items()]
    return msgspec.defstruct(name, fields, frozen=True, gc=False)


def _known(key: msgspec.Struct) -> dict[str, Any]:
    """The part of a record that its key holds."""
    known: dict[str, Any] = {}
    for name in key.__struct_fields__:
        value = getattr(key, name)
        if value is not UNSET:
            known[name] = _known(value) if isinstance(value, msgspec.Struct) else value
    return known


def _top_level(condition: Condition) -> frozenset[str] | None:
    """The top-level fields that a condition reads; None for all of them."""
    names: set[str] = set()
    for test in tests(condition):
        first = test.selector.steps[0] if test.selector.steps else None
        if not isinstance(first, Name):
            return None
        names.add(first.name)
    return frozenset(names)
