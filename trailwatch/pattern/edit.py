"""Adds exclusions to JSON patterns, finds them and takes them out again, by the parsed form; pure.

An exclusion is one more condition that all events must satisfy. Where the field may be missing it
is written so that events without it still match: `($.f NOT EXISTS) || ($.f != "x")`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from trailwatch.pattern import cloudtrail
from trailwatch.pattern.lexer import T, json_tokens
from trailwatch.pattern.parse_json import all_of, any_of
from trailwatch.pattern.pattern import Pattern, parse
from trailwatch.pattern.printing import selector_text, to_text
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    JsonForm,
    NotExists,
    Op,
    Or,
    PatternError,
    Selector,
    Value,
)


class EditError(ValueError):
    """An edit that cannot be made; says why."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Events whose field has this value do not match."""

    field: Selector
    value: Value


def selector(text: str) -> Selector:
    """The selector that a text like `$.userIdentity.arn` is; raises EditError."""
    try:
        (token, _) = json_tokens(text.strip())
    except ValueError as error:
        raise EditError(f"{text!r} is not a selector like $.userIdentity.arn") from error
    if token.kind is not T.SELECTOR:
        raise EditError(f"{text!r} is not a selector like $.userIdentity.arn")
    return Selector(token.steps)


def exclude(pattern: Pattern, field: Selector, values: Sequence[Value]) -> Pattern:
    """The pattern that no longer matches events whose field has one of these values.

    What it excludes already stays as it is. Raises EditError.
    """
    if field.wildcards:
        raise EditError(f"{selector_text(field)}: a field below a wildcard cannot be excluded")
    items = _items(_condition(pattern))
    known = exclusions(pattern)
    new = [value for value in dict.fromkeys(values) if Exclusion(field, value) not in known]
    if not new:
        return pattern
    if cloudtrail.always_present(field):
        return _made([*items, *(Compare(field, Op.NE, value) for value in new)])
    for place, item in enumerate(items):
        group = _guarded(item)
        if len(items) > 1 and group is not None and group[0] == field:
            items[place] = _guard(field, [*group[1], *new])
            return _made(items)
    return _made([*items, _guard(field, new)])


def exclusions(pattern: Pattern) -> tuple[Exclusion, ...]:
    """What a JSON pattern excludes from all that it looks for, in the order of its text."""
    items = _items(_condition(pattern))
    if len(items) < 2:
        return ()  # a pattern that is nothing but an exclusion looks for what is left
    found: list[Exclusion] = []
    for item in items:
        if _is_plain(item):
            found.append(Exclusion(item.selector, item.value))
        group = _guarded(item)
        if group is not None:
            found.extend(Exclusion(group[0], value) for value in group[1])
    return tuple(found)


def include(pattern: Pattern, exclusion: Exclusion) -> Pattern:
    """The pattern without an exclusion that it has; raises EditError if it has not."""
    if exclusion not in exclusions(pattern):
        field = selector_text(exclusion.field)
        raise EditError(f"the pattern does not exclude that value of {field}")
    items: list[Condition] = []
    for item in _items(_condition(pattern)):
        group = _guarded(item)
        if _is_plain(item) and Exclusion(item.selector, item.value) == exclusion:
            continue
        if group is not None and group[0] == exclusion.field and exclusion.value in group[1]:
            rest = [value for value in group[1] if value != exclusion.value]
            if rest:
                items.append(_guard(group[0], rest))
            continue
        items.append(item)
    if not items:
        raise EditError("nothing would be left of the pattern")
    return _made(items)


def _items(condition: Condition) -> list[Condition]:
    return list(condition.items) if isinstance(condition, And) else [condition]


def _is_plain(item: Condition) -> TypeGuard[Compare]:
    return isinstance(item, Compare) and item.op is Op.NE and not item.selector.wildcards


def _guard(field: Selector, values: Sequence[Value]) -> Condition:
    """The condition that holds where the field is missing or has none of the values."""
    return any_of([NotExists(field), all_of([Compare(field, Op.NE, value) for value in values])])


def _guarded(item: Condition) -> tuple[Selector, list[Value]] | None:
    """The field and values of a condition that `_guard` could have made, else None."""
    if not isinstance(item, Or) or len(item.items) != 2:
        return None
    absent, present = item.items
    if not isinstance(absent, NotExists) or absent.selector.wildcards:
        return None
    tests = _items(present)
    values = [test.value for test in tests if _is_plain(test) and test.selector == absent.selector]
    return (absent.selector, values) if len(values) == len(tests) else None


def _condition(pattern: Pattern) -> Condition:
    if not isinstance(pattern.syntax, JsonForm):
        raise EditError("only patterns in braces, on JSON messages, have exclusions")
    return pattern.syntax.condition


def _made(items: list[Condition]) -> Pattern:
    try:
        return parse(to_text(JsonForm(all_of(items))))
    except PatternError as error:
        # The message of a text that is too long holds the whole text; its end says why.
        raise EditError(f"AWS would not take the new pattern: {str(error)[-150:]}") from error
