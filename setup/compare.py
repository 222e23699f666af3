"""Knows when two states mean the same to AWS: list order, policies, patterns. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from setup.change import Fields
from trailwatch.event_selectors import same_selectors
from trailwatch.pattern import PatternError, parse

POLICIES = ("policy", "trust")
"""The fields that hold an IAM policy document."""

_ONE_OR_MANY = ("Action", "NotAction", "Resource", "NotResource", "AWS", "Service", "Federated")


def differing(wanted: Fields, current: Fields, *, exact_pattern: bool = False) -> tuple[str, ...]:
    """The names of the wanted fields whose value differs in meaning from the current one.

    A field that `current` lacks was not read and is not compared. `exact_pattern`: the text of a
    filter pattern counts, as scanners look at it, and not its meaning.
    """
    return tuple(
        name
        for name in wanted
        if name in current and not _same(name, wanted[name], current[name], exact_pattern)
    )


def _same(name: str, wanted: Any, current: Any, exact_pattern: bool) -> bool:
    if name == "pattern" and not exact_pattern:
        return same_pattern(str(wanted), str(current))
    if name == "event_selectors":
        return same_selectors(wanted, current)
    if name in POLICIES:
        return bool(canonical_policy(wanted) == canonical_policy(current))
    return bool(_canonical(wanted) == _canonical(current))


def same_pattern(one: str, other: str) -> bool:
    """Whether two filter patterns match the same; texts that can't be parsed must be equal."""
    if one == other:
        return True
    try:
        return parse(one).equal(parse(other))
    except PatternError:
        return False


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _canonical(below) for key, below in sorted(value.items())}
    if isinstance(value, list | tuple):
        return _sorted([_canonical(item) for item in value])
    return value


def _sorted(values: list[Any]) -> list[Any]:
    return sorted(values, key=lambda value: json.dumps(value, sort_keys=True))


def canonical_policy(document: Any) -> Any:
    """A policy document in one form: AWS takes one text for a list of one, in any order.

    Source: Grammar of the IAM JSON policy language, IAM user guide.
    """
    if not isinstance(document, Mapping):
        return document
    statements = document.get("Statement", [])
    if isinstance(statements, Mapping):
        statements = [statements]
    return {
        "Version": document.get("Version", ""),
        "Statement": _sorted([_statement(statement) for statement in statements]),
    }


def _statement(statement: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in statement.items():
        if key in ("Principal", "NotPrincipal"):
            principal = {"AWS": "*"} if value == "*" else value
            out[key] = {kind: _many(who) for kind, who in sorted(principal.items())}
        elif key == "Condition":
            out[key] = {
                operator: {name: _many(values) for name, values in sorted(tests.items())}
                for operator, tests in sorted(value.items())
            }
        elif key in _ONE_OR_MANY:
            out[key] = _many(value)
        else:
            out[key] = value
    return out


def _many(value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return sorted(str(item).lower() if isinstance(item, bool) else str(item) for item in values)
