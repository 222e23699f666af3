"""Knows integration actions: their filters and what they make of a payload. Never applies them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sandbox.opsgenie.alert import (
    ALIAS_LIMIT,
    DESCRIPTION_LIMIT,
    MESSAGE_LIMIT,
    PRIORITIES,
    TAG_LIMIT,
)
from sandbox.opsgenie.regex import Matcher, TimedOut
from sandbox.opsgenie.template import field_text, render

CATEGORIES = ("ignore", "create", "close", "acknowledge", "addNote")
MATCH_TYPES = ("match-all", "match-any-condition", "match-all-conditions")
OPERATIONS = (
    "matches",
    "contains",
    "starts-with",
    "ends-with",
    "equals",
    "contains-key",
    "contains-value",
    "greater-than",
    "less-than",
    "is-empty",
    "equals-ignore-whitespace",
)


@dataclass(frozen=True)
class Decision:
    """What an integration makes of one payload: an action's category and its rendered fields."""

    category: str
    name: str
    fields: Mapping[str, Any]


def decide(
    actions: Mapping[str, list[dict[str, Any]]], payload: Mapping[str, Any], matcher: Matcher
) -> Decision | None:
    """The first action whose filter matches; None when none does, and nothing happens then.

    Ordered by `order`, then by category and place: "at most one action is executed" (Opsgenie's
    "Action filters in Opsgenie integrations").
    """
    ranked = [
        (action.get("order", 0), place, number, category, action)
        for place, category in enumerate(CATEGORIES)
        for number, action in enumerate(actions.get(category, ()))
    ]
    for _, _, _, category, action in sorted(ranked, key=lambda r: r[:3]):
        if holds(action.get("filter") or {}, payload, matcher):
            fields = _rendered(action, payload, matcher)
            return Decision(category, action["name"], fields)
    return None


def holds(filters: Mapping[str, Any], payload: Mapping[str, Any], matcher: Matcher) -> bool:
    """Whether a filter (conditionMatchType, conditions) matches the payload."""
    kind = filters.get("conditionMatchType", "match-all")
    conditions = filters.get("conditions") or []
    if kind == "match-all":
        return True
    results = (_condition(c, payload, matcher) for c in conditions)
    return any(results) if kind == "match-any-condition" else all(results)


def _condition(condition: Mapping[str, Any], payload: Mapping[str, Any], matcher: Matcher) -> bool:
    name = condition["field"]
    value = payload.get(name)
    if name == "extra-properties":
        value = payload.get("details")
        if condition.get("key"):
            value = (value or {}).get(condition["key"])
    expected = str(condition.get("expectedValue") or "")
    result = _operation(condition["operation"], value, name, payload, expected, matcher)
    return result is not bool(condition.get("not"))


def _operation(
    operation: str,
    value: object,
    name: str,
    payload: Mapping[str, Any],
    expected: str,
    matcher: Matcher,
) -> bool:
    items = list(value) if isinstance(value, list | tuple | Mapping) else None
    if operation == "contains-key":
        return items is not None and expected in items
    if operation == "contains-value":
        return isinstance(value, Mapping) and expected in value.values()
    if operation == "is-empty":
        return value is None or value == "" or items == []
    if items is not None and operation in ("contains", "equals"):
        return expected in items
    text = value if isinstance(value, str) else field_text(payload, name)
    return _text_operation(operation, text, expected, matcher)


def _text_operation(operation: str, text: str, expected: str, matcher: Matcher) -> bool:
    match operation:
        case "matches":
            try:
                return matcher.matches(expected, text)
            except TimedOut:
                return False
        case "contains":
            return expected in text
        case "starts-with":
            return text.startswith(expected)
        case "ends-with":
            return text.endswith(expected)
        case "equals":
            return text == expected
        case "equals-ignore-whitespace":
            return re.sub(r"\s", "", text) == re.sub(r"\s", "", expected)
    try:
        left, right = _number(text), _number(expected)
    except ValueError:
        return False
    return left > right if operation == "greater-than" else left < right


def _number(text: str) -> float:
    return float(text[1:] if re.fullmatch("[Pp][1-5]", text) else text)


def _rendered(
    action: Mapping[str, Any], payload: Mapping[str, Any], matcher: Matcher
) -> Mapping[str, Any]:
    def put(name: str, limit: int) -> str:
        return render(str(action.get(name) or ""), payload, matcher)[:limit]

    fields: dict[str, Any] = {
        "user": put("user", 100),
        "note": put("note", 25_000),
        "alias": put("alias", ALIAS_LIMIT),
        "source": put("source", 100),
        "message": put("message", MESSAGE_LIMIT),
        "description": put("description", DESCRIPTION_LIMIT),
        "entity": put("entity", 512),
        "tags": tuple(
            tag[:50]
            for tag in (render(t, payload, matcher) for t in action.get("tags") or ())
            if tag
        )[:TAG_LIMIT],
        "actions": tuple(action.get("alertActions") or ()),
        "details": {
            key: render(text, payload, matcher)
            for key, text in (action.get("extraProperties") or {}).items()
        },
        "responders": tuple(action.get("responders") or ()),
        "priority": _priority(action, payload, matcher),
    }
    return MappingProxyType(fields)


def _priority(action: Mapping[str, Any], payload: Mapping[str, Any], matcher: Matcher) -> str:
    """The custom priority where it renders to one, else the fixed one, else P3."""
    custom = render(str(action.get("customPriority") or ""), payload, matcher).strip().upper()
    if custom in PRIORITIES:
        return custom
    fixed = action.get("priority")
    return fixed if fixed in PRIORITIES else "P3"
