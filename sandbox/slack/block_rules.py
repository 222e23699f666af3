"""Knows how to check JSON against a shape and say where it fails. Never what Slack's shapes are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """Something that Slack would refuse; `pointer` is a JSON pointer such as /blocks/0/text."""

    pointer: str
    code: str
    message: str

    def as_message(self) -> str:
        """As it stands in response_metadata.messages."""
        return f"[ERROR] {self.message} [json-pointer:{self.pointer}]"

    def as_json(self) -> dict[str, Any]:
        """As it stands in blocks.validate's `errors`."""
        return {"pointer": self.pointer, "code": self.code, "message": self.message}


Problems = list[Problem]
Rule = Callable[[Any, str], Problems]
"""Checks a value that stands at a pointer."""


def string(maximum: int | None = None, minimum: int = 0) -> Rule:
    """Text of `minimum` to `maximum` characters."""

    def check(value: Any, at: str) -> Problems:
        if not isinstance(value, str):
            return [Problem(at, "invalid_type", "must be a string")]
        if len(value) < minimum:
            return [Problem(at, "failed_constraint", f"must be more than {minimum - 1} characters")]
        if maximum is not None and len(value) > maximum:
            return [Problem(at, "failed_constraint", f"must be less than {maximum + 1} characters")]
        return []

    return check


def boolean(value: Any, at: str) -> Problems:
    """True or false."""
    if isinstance(value, bool):
        return []
    return [Problem(at, "invalid_type", "must be a boolean")]


def number(
    minimum: float | None = None, maximum: float | None = None, above: float | None = None
) -> Rule:
    """A number from `minimum` to `maximum`, more than `above`."""

    def check(value: Any, at: str) -> Problems:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return [Problem(at, "invalid_type", "must be a number")]
        low = (minimum is not None and value < minimum) or (above is not None and value <= above)
        if low or (maximum is not None and value > maximum):
            return [Problem(at, "failed_constraint", "is out of range")]
        return []

    return check


def one_of(*allowed: Any) -> Rule:
    """One of a few values."""

    def check(value: Any, at: str) -> Problems:
        if any(value == a and type(value) is type(a) for a in allowed):
            return []
        return [Problem(at, "invalid_enum", f"must be one of {', '.join(map(repr, allowed))}")]

    return check


def array(item: Rule, minimum: int = 0, maximum: int | None = None) -> Rule:
    """A list of `minimum` to `maximum` items."""

    def check(value: Any, at: str) -> Problems:
        if not isinstance(value, list):
            return [Problem(at, "invalid_type", "must be an array")]
        found: Problems = []
        if len(value) < minimum:
            found.append(Problem(at, "failed_constraint", f"no less than {minimum} items allowed"))
        if maximum is not None and len(value) > maximum:
            found.append(Problem(at, "failed_constraint", f"no more than {maximum} items allowed"))
        for index, entry in enumerate(value):
            found += item(entry, f"{at}/{index}")
        return found

    return check


def record(
    fields: Mapping[str, Rule],
    required: Collection[str] = (),
    *,
    any_of: Collection[str] = (),
    kind: str | None = None,
) -> Rule:
    """An object with these fields and no others; `kind` is its `type`."""
    known = dict(fields)
    if kind is not None:
        known["type"] = one_of(kind)
    needed = [*required, *(["type"] if kind is not None else [])]

    def check(value: Any, at: str) -> Problems:
        if not isinstance(value, dict):
            return [Problem(at, "invalid_type", "must be an object")]
        found: Problems = []
        for name in needed:
            if name not in value:
                found.append(Problem(at, "missing_field", f"missing required field: {name}"))
        if any_of and not any(name in value for name in any_of):
            names = " or ".join(any_of)
            found.append(Problem(at, "missing_field", f"missing required field: {names}"))
        for name, entry in value.items():
            rule = known.get(name)
            here = f"{at}/{_escape(str(name))}"
            if rule is None:
                found.append(
                    Problem(here, "unknown_property", f"invalid additional property: {name}")
                )
            else:
                found += rule(entry, here)
        return found

    return check


def typed(kinds: Mapping[str, Rule]) -> Rule:
    """An object whose `type` says which rule it follows."""

    def check(value: Any, at: str) -> Problems:
        if not isinstance(value, dict):
            return [Problem(at, "invalid_type", "must be an object")]
        if "type" not in value:
            return [Problem(at, "missing_field", "missing required field: type")]
        kind = value["type"]
        rule = kinds.get(kind) if isinstance(kind, str) else None
        if rule is None:
            return [Problem(f"{at}/type", "invalid_enum", f"unsupported type: {kind}")]
        return rule(value, at)

    return check


def either(*rules: Rule) -> Rule:
    """Any one of several shapes; the problems told are those of the nearest."""

    def check(value: Any, at: str) -> Problems:
        tried = [rule(value, at) for rule in rules]
        return min(tried, key=len)

    return check


def both(*rules: Rule) -> Rule:
    """All of several rules."""

    def check(value: Any, at: str) -> Problems:
        found: Problems = []
        for rule in rules:
            found += rule(value, at)
        return found

    return check


def _escape(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")
