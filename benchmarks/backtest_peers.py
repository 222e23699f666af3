"""What other ways to search for filter patterns read out of them alike: names, paths, plain text.

The ways themselves are json_peer.py, duckdb_peer.py and polars_peer.py, each written for speed.
Each gives, for a list of files, the pairs (eventID, number of the pattern). Not whole
implementations of the language: what the catalogue uses, held against the product's results by
the benchmark.
"""

from __future__ import annotations

from trailwatch.pattern import Pattern
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    Index,
    JsonForm,
    Literal,
    Name,
    Op,
    Or,
    Selector,
    tests,
)

Pairs = set[tuple[str, int]]
"""(eventID, number of the pattern)"""

TYPED = {
    ("userIdentity", "type"),
    ("userIdentity", "arn"),
    ("userIdentity", "invokedBy"),
    ("userIdentity", "sessionContext", "ec2RoleDelivery"),
    ("userIdentity", "sessionContext", "sessionIssuer", "userName"),
}
"""Paths that have a column of their own; other nested ones are read out of JSON."""


def condition_of(pattern: Pattern) -> Condition:
    assert isinstance(pattern.syntax, JsonForm)
    return pattern.syntax.condition


def names_of(condition: Condition) -> set[str] | None:
    """The event names that a condition demands, None where it doesn't."""
    if isinstance(condition, And):
        return next((n for item in condition.items if (n := names_of(item)) is not None), None)
    if isinstance(condition, Or):
        sets = [names_of(item) for item in condition.items]
        return None if any(s is None for s in sets) else set().union(*(s for s in sets if s))
    if (
        isinstance(condition, Compare)
        and condition.op is Op.EQ
        and condition.selector.steps == (Name("eventName"),)
        and isinstance(condition.value, Literal)
        and not condition.value.text.startswith("*")
    ):
        return {condition.value.text}
    return None


def top_only(condition: Condition) -> Condition:
    """The part of a conjunction that reads typed columns; a cheap necessary test."""
    if not isinstance(condition, And):
        return condition
    cheap = [item for item in condition.items if all(is_typed(t.selector) for t in tests(item))]
    return And(tuple(cheap)) if len(cheap) > 1 else (cheap[0] if cheap else condition)


def is_typed(selector: Selector) -> bool:
    path = path_of(selector)
    return len(path) == 1 or path in TYPED


def path_of(selector: Selector) -> tuple[str | int | None, ...]:
    """Names, indexes, and None for a wildcard."""
    return tuple(
        step.name if isinstance(step, Name) else step.index if isinstance(step, Index) else None
        for step in selector.steps
    )


def plain_text(condition: Condition) -> str | None:
    if (
        isinstance(condition, Compare)
        and condition.op is Op.EQ
        and isinstance(condition.value, Literal)
        and not condition.value.is_glob
        and not condition.selector.wildcards
    ):
        return condition.value.text
    return None
