"""Finds patterns that name some sizes of EC2 instances and forget the larger ones; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trailwatch.pattern.finding import Lint, Rule, instead_of
from trailwatch.pattern.parse_json import any_of
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    Literal,
    Name,
    Op,
    Or,
    RegexLiteral,
)

_SIZE = re.compile(r"\*\.?([0-9]{1,3})xlarge|\*\.?metal")
_LEAST_LISTED = re.compile(r"[2-9]")


def forgotten_sizes(root: Condition) -> Iterator[Lint]:
    """Each group of alternatives that lists sizes, which EC2 has more of every year."""
    for group in _alternatives(root):
        items = group.items if isinstance(group, Or) else (group,)
        listed = [item for item in items if _size(item) is not None]
        if not listed:
            continue
        numbers = [int(text) for text in map(_size, listed) if text]
        named = " and ".join(
            f"*.{text}xlarge" if text else "*.metal" for text in map(_size, listed)
        )
        why = (
            f"Only {named}, of more than a dozen sizes from 2xlarge to 112xlarge and metal: "
            "compare with a regular expression, which new sizes fit, too."
        )
        first = listed[0]
        assert isinstance(first, Compare)
        least = str(min(numbers, default=0))
        instead = ""
        if _LEAST_LISTED.fullmatch(least):
            digits = "9" if least == "9" else f"[{least}-9]"
            regex = RegexLiteral(rf"\.{digits}xlarge|\.[1-9][0-9]+xlarge|\.metal")
            others = [item for item in items if not any(item is one for one in listed)]
            wanted = any_of([*others, Compare(first.selector, Op.EQ, regex, first.at)])
            instead = instead_of(root, group, wanted)
        yield Lint(first.at, Rule.SOME_SIZES, why, instead)


def _alternatives(condition: Condition) -> Iterator[Condition]:
    """Every Or, and every test that is no alternative to others."""
    if not isinstance(condition, And | Or):
        yield condition
        return
    if isinstance(condition, Or):
        yield condition
    for item in condition.items:
        if isinstance(item, And | Or) or isinstance(condition, And):
            yield from _alternatives(item)


def _size(item: Condition) -> str | None:
    """The number of a test for one size, "" for metal; None for any other test."""
    if not isinstance(item, Compare) or item.op is not Op.EQ or not isinstance(item.value, Literal):
        return None
    last = item.selector.steps[-1]
    found = _SIZE.fullmatch(item.value.text)
    if found is None or last != Name("instanceType"):
        return None
    return found.group(1) or ""
