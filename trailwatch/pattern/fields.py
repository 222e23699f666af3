"""Splits a log line into space-delimited fields, and tests them; it knows no JSON.

Fields are parted by runs of blanks and tabs. `"..."` and `[...]` are one field without their
delimiters if they are closed, and end the field even where no blank follows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trailwatch.pattern import number
from trailwatch.pattern.match import ORDER, text_test
from trailwatch.pattern.syntax import (
    Field,
    FieldAnd,
    FieldCondition,
    FieldOr,
    FieldsForm,
    FieldTest,
    NumberLiteral,
    Op,
)

TextTest = Callable[[str], bool]
Extractor = Callable[[str], dict[str, str] | None]

_BLANKS = " \t"
_CLOSING = {'"': '"', "[": "]"}


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a line: its text without delimiters, and the columns that it takes up."""

    text: str
    start: int
    end: int


def split(line: str) -> list[Part]:
    """The fields of a line, in order."""
    parts: list[Part] = []
    unclosed: set[str] = set()  # delimiters that have no other end in the rest of the line
    at = 0
    while at < len(line):
        if line[at] in _BLANKS:
            at += 1
            continue
        start, closing = at, _CLOSING.get(line[at])
        close = -1
        if closing and closing not in unclosed:
            close = line.find(closing, at + 1)
            if close < 0:
                unclosed.add(closing)
        if close >= 0:
            at = close + 1
            parts.append(Part(line[start + 1 : close], start, at))
            continue
        while at < len(line) and line[at] not in _BLANKS:
            at += 1
        parts.append(Part(line[start:at], start, at))
    return parts


def extractor(syntax: FieldsForm) -> Extractor:
    """The function that gives a line's fields by AWS's names (`$name`, `$3`), None if no match."""
    fields, ellipsis = syntax.fields, syntax.ellipsis
    tests = [condition_test(field.condition) if field.condition else None for field in fields]

    def extract(line: str) -> dict[str, str] | None:
        parts = split(line)
        if not fields:
            return {f"${place}": part.text for place, part in enumerate(parts, 1)}
        if len(parts) < len(fields):
            return None
        if ellipsis is None:
            texts = [part.text for part in parts[: len(fields) - 1]]
            texts.append(_rest(line, parts, len(fields) - 1))
            places = list(range(len(fields)))
        else:
            texts = [part.text for part in parts]
            behind = len(fields) - ellipsis
            places = [*range(ellipsis), *range(len(parts) - behind, len(parts))]
        for place, test in zip(places, tests, strict=True):
            if test is not None and not test(texts[place]):
                return None
        return _named(texts, dict(zip(places, fields, strict=True)))

    return extract


def _named(texts: list[str], fields: dict[int, Field]) -> dict[str, str]:
    """The texts by the names of their fields, or by their place, counted from 1."""
    found: dict[str, str] = {}
    for place, text in enumerate(texts):
        field = fields.get(place)
        found[f"${field.name if field and field.name else place + 1}"] = text
    return found


def _rest(line: str, parts: list[Part], first: int) -> str:
    """What the last field takes: the rest of the line as it is, or its only part unwrapped."""
    if len(parts) == first + 1:
        return parts[first].text
    return line[parts[first].start if first else 0 :]


def condition_test(condition: FieldCondition) -> TextTest:
    """The function that says whether the text of one field satisfies its condition."""
    if isinstance(condition, FieldAnd):
        all_items = tuple(condition_test(item) for item in condition.items)
        return lambda text: all(item(text) for item in all_items)
    if isinstance(condition, FieldOr):
        any_items = tuple(condition_test(item) for item in condition.items)
        return lambda text: any(item(text) for item in any_items)
    return _test(condition)


def _test(test: FieldTest) -> TextTest:
    if isinstance(test.value, NumberLiteral):
        return _numeric(test.op, test.value.text)
    holds = text_test(test.value)
    if test.op is Op.NE:
        return lambda text: not holds(text)
    return holds


def _numeric(op: Op, written: str) -> TextTest:
    literal = number.literal(written)
    assert literal is not None  # the parser refuses it otherwise
    holds = ORDER[op]

    def test(text: str) -> bool:
        found = number.of_field(text)
        if found is not None:
            return holds(found, literal)
        return op is Op.NE

    return test
