"""Knows what a condition comes to when only some fields are known. Pure; never reads a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from trailwatch.pattern.match import condition_test
from trailwatch.pattern.syntax import And, Condition, Name, Or, Selector

Partial = Callable[[Mapping[str, Any]], bool | None]
"""Given a record's known fields: whether a condition holds, None where that is not known."""
Path = tuple[str, ...]
Paths = frozenset[Path]


class Part:
    """A condition or a part of one, with what it reads and its exact test, both made once."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition
        items = condition.items if isinstance(condition, And | Or) else ()
        self.items = tuple(Part(item) for item in items)
        if isinstance(condition, And | Or):
            self.reads: frozenset[Path | None] = frozenset().union(*(p.reads for p in self.items))
        else:
            self.reads = frozenset({path_of(condition.selector)})

        self._by: dict[Paths, Partial] = {}
        self._together: dict[tuple[int, ...], Partial] = {}

    @cached_property
    def paths(self) -> Paths:
        """The paths of names that it reads, and none of the others."""
        return frozenset(path for path in self.reads if path)

    @cached_property
    def test(self) -> Partial:
        """The matcher's own test, for a record of which all that it reads is known."""
        return condition_test(self.condition)

    def by(self, fields: Paths) -> Partial:
        """The three-valued evaluation by these fields (paths of names) alone, made once."""
        made = self._by.get(fields)
        if made is None:
            made = self._by[fields] = self._made(fields)
        return made

    def _made(self, fields: Paths) -> Partial:
        if self.reads <= fields:
            return self.test
        if not self.items:
            return _unknown
        whole = tuple(n for n, item in enumerate(self.items) if item.reads <= fields)
        parts = [item.by(fields) for item in self.items if not item.reads <= fields]
        if _unknown in parts:
            parts = [*(part for part in parts if part is not _unknown), _unknown]
        if whole:
            parts.insert(0, self._of(whole))
        return _combined(parts, decisive=isinstance(self.condition, Or))

    def _of(self, numbers: tuple[int, ...]) -> Partial:
        """The test of these items; together they are one condition, which costs less."""
        if len(numbers) == 1:
            return self.items[numbers[0]].test
        made = self._together.get(numbers)
        if made is None:
            kind = And if isinstance(self.condition, And) else Or
            some = tuple(self.items[number].condition for number in numbers)
            made = self._together[numbers] = condition_test(kind(some))
        return made


def _unknown(root: Mapping[str, Any]) -> None:
    """What a test comes to of whose fields nothing is known."""


def _combined(parts: list[Partial], decisive: bool) -> Partial:
    """One part that is `decisive` settles it; else it is open where any part is."""

    def combine(root: Mapping[str, Any]) -> bool | None:
        unknown = False
        for part in parts:
            holds = part(root)
            if holds is decisive:
                return decisive
            unknown = unknown or holds is None
        return None if unknown else not decisive

    return combine


def path_of(selector: Selector) -> Path | None:
    """The names that a selector goes through; None where it isn't names alone."""
    names = tuple(step.name for step in selector.steps if isinstance(step, Name))
    return names if len(names) == len(selector.steps) else None
