"""Whether any event at all, or every event, can satisfy a pattern; it only tries made-up values.

For each field the values that could tell its tests apart are tried: the texts and numbers that
they name, their neighbours, a text like no other, and no value. Where that would not be enough to
be sure (regular expressions, very many alternatives) an event is taken to be possible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, localcontext
from itertools import islice, pairwise
from typing import Any

from trailwatch.pattern import cloudtrail, number
from trailwatch.pattern.fields import condition_test as field_test
from trailwatch.pattern.match import node_test
from trailwatch.pattern.number import JsonNumber
from trailwatch.pattern.selectors import MISSING
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    FieldCondition,
    Is,
    Kind,
    Literal,
    NotExists,
    NumberLiteral,
    Op,
    Or,
    RegexLiteral,
    Selector,
    Test,
    Value,
    field_tests,
)

MAX_WAYS = 500
"""How many combinations of alternatives are tried."""

_STRANGE = "\ue000"
"""A text that no pattern names."""
_LARGEST_EXPONENT = 300
_KINDS = {Kind.NULL: None, Kind.TRUE: True, Kind.FALSE: False}

Wish = tuple[Test, bool]
"""A test, and whether it is to hold."""


def never_holds(condition: Condition) -> bool:
    """Whether no CloudTrail event can satisfy a condition; False where that is not sure."""
    return _impossible(condition, wanted=True)


def always_holds(condition: Condition) -> bool:
    """Whether every CloudTrail event satisfies a condition; False where that is not sure."""
    return _impossible(condition, wanted=False)


def field_never_holds(condition: FieldCondition) -> bool:
    """Whether no text of a space-delimited field can satisfy its condition."""
    found = list(field_tests(condition))
    values = [test.value for test in found]
    if any(isinstance(value, RegexLiteral) or _is_extreme(value) for value in values):
        return False
    holds = field_test(condition)
    wanted = [test.value for test in found if test.op is Op.EQ]
    nodes = _texts_and_numbers(values, wanted)
    texts = (node if isinstance(node, str) else node.text for node in nodes)
    return not any(holds(text) for text in texts)


def _impossible(condition: Condition, *, wanted: bool) -> bool:
    ways = list(islice(_ways(condition, wanted=wanted), MAX_WAYS + 1))
    return len(ways) <= MAX_WAYS and not any(_possible(way) for way in ways)


def _ways(condition: Condition, *, wanted: bool) -> Iterator[tuple[Wish, ...]]:
    """The combinations of single tests that make a condition hold, or not hold."""
    if not isinstance(condition, And | Or):
        yield ((condition, wanted),)
    elif isinstance(condition, And) is wanted:
        yield from _together(condition.items, wanted=wanted)
    else:
        for item in condition.items:
            yield from _ways(item, wanted=wanted)


def _together(items: Sequence[Condition], *, wanted: bool) -> Iterator[tuple[Wish, ...]]:
    """The ways in which all of these conditions hold, or all do not."""
    found: list[tuple[Wish, ...]] = [()]
    for item in items:
        ways = list(islice(_ways(item, wanted=wanted), MAX_WAYS + 1))
        found = list(islice((one + way for one in found for way in ways), MAX_WAYS + 1))
    yield from found


def _possible(way: tuple[Wish, ...]) -> bool:
    """Whether an event can have values that make each test hold, or not hold, as wished."""
    fields: dict[Selector, list[Wish]] = {}
    for test, wanted in way:
        fields.setdefault(test.selector, []).append((test, wanted))
    absent = {test.selector.steps for test, wanted in way if isinstance(test, NotExists) and wanted}
    return all(
        selector.wildcards or _field_possible(selector, wishes, absent)
        for selector, wishes in fields.items()
    )


def _field_possible(selector: Selector, wishes: list[Wish], absent: set[tuple[Any, ...]]) -> bool:
    compared = [(test, wanted) for test, wanted in wishes if isinstance(test, Compare)]
    if any(_is_extreme(test.value) for test, _ in compared):
        return True
    wanted_values = [test.value for test, wanted in compared if (test.op is Op.EQ) is wanted]
    values = list(_texts_and_numbers([test.value for test, _ in compared], wanted_values))
    steps = selector.steps
    if any(steps[:length] in absent for length in range(1, len(steps))):
        candidates: Iterable[Any] = (MISSING,)
    elif cloudtrail.always_present(selector):
        candidates = (node for node in values if isinstance(node, str))
    else:
        candidates = (*values, MISSING, None, True, False, {})
    wishes = _without_regexes(wishes)
    return any(all(_holds(test, node) is wanted for test, wanted in wishes) for node in candidates)


def _without_regexes(wishes: list[Wish]) -> list[Wish]:
    """The wishes without those whose regular expressions cannot be tried on a made-up text.

    A text that must be equal to another can be tried on any expression.
    """
    if any(
        wanted
        and isinstance(test, Compare)
        and test.op is Op.EQ
        and not isinstance(test.value, RegexLiteral)
        and not (isinstance(test.value, Literal) and test.value.is_glob)
        for test, wanted in wishes
    ):
        return wishes
    found: list[Wish] = []
    for test, wanted in wishes:
        if not isinstance(test, Compare) or not isinstance(test.value, RegexLiteral):
            found.append((test, wanted))
        elif wanted:  # whatever the expression, there must be a text or number
            found.append((Compare(test.selector, Op.EQ, Literal("*")), True))
    return found


def _holds(test: Test, node: Any) -> bool:
    if isinstance(test, NotExists):
        return node is MISSING
    if isinstance(test, Is):
        return node is _KINDS[test.kind]
    return node_test(test.op, test.value)(node)


def _texts_and_numbers(
    values: Sequence[Value], wanted: Sequence[Value]
) -> Iterator[str | JsonNumber]:
    """Texts and numbers on all sides of what is compared with, and a text like all the wanted."""
    yield _STRANGE
    yield from _numbers([value.text for value in values if not isinstance(value, RegexLiteral)])
    for value in values:
        if isinstance(value, NumberLiteral):
            yield value.text
        elif isinstance(value, Literal):
            yield value.text
            yield value.text.strip("*")
    before = behind = ""
    inside: list[str] = []
    for value in wanted:
        if not isinstance(value, Literal) or not value.is_glob:
            continue
        bare = value.text.strip("*")
        if value.text.startswith("*") and value.text.endswith("*"):
            inside.append(bare)
        elif value.text.startswith("*"):
            behind = max(behind, bare, key=len)
        else:
            before = max(before, bare, key=len)
    yield "".join([before, *inside, behind])
    yield _STRANGE.join([before, *inside, behind])


def _numbers(texts: Sequence[str]) -> Iterator[JsonNumber]:
    """The numbers among these texts, and one between, below and above them."""
    read = [number.of_field(text) for text in texts]
    known = sorted({one for one in read if one is not None and not _is_large(one)})
    with localcontext(prec=1200):
        middles = [(one + two) / 2 for one, two in pairwise(known)]
        outer = [known[0] - 1, known[-1] + 1] if known else []
    for one in [*known, *middles, *outer]:
        if one == one.to_integral_value():
            yield number.integer(f"{one:f}".split(".")[0])
        yield number.fraction(f"{one:f}")


def _is_extreme(value: Value) -> bool:
    """Whether it is a number too large or too near to zero to try its neighbours."""
    read = number.literal(value.text) if isinstance(value, NumberLiteral) else None
    return read is not None and _is_large(read)


def _is_large(value: Decimal) -> bool:
    return bool(value) and abs(value.adjusted()) >= _LARGEST_EXPONENT
