"""Knows the alert search language (status:open AND tag:x). Never changes an alert."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.opsgenie.alert import Alert

Predicate = Callable[[Alert], bool]

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\(|\)|>=|<=|[:=<>]|[^\s()":=<>]+|")')
_OPERATORS = (":", "=", "<", ">", "<=", ">=")
_NUMBERS: dict[str, Callable[[Alert], int | None]] = {
    "createdat": lambda a: a.created_at,
    "updatedat": lambda a: a.updated_at,
    "lastoccurredat": lambda a: a.last_occurred_at,
    "snoozeduntil": lambda a: a.snoozed_until,
    "count": lambda a: a.count,
    "tinyid": lambda a: int(a.tiny_id),
}
_FLAGS: dict[str, Callable[[Alert], bool]] = {
    "acknowledged": lambda a: a.acknowledged,
    "isseen": lambda a: a.acknowledged,
    "snoozed": lambda a: a.snoozed_until is not None,
}
_EXACT: dict[str, Callable[[Alert], str]] = {
    "status": lambda a: a.status,
    "alias": lambda a: a.alias,
    "alertid": lambda a: a.id,
    "id": lambda a: a.id,
    "priority": lambda a: a.priority,
    "owner": lambda a: a.owner,
    "acknowledgedby": lambda a: str(a.report.get("acknowledgedBy", "")),
    "closedby": lambda a: str(a.report.get("closedBy", "")),
    "integration.name": lambda a: a.integration.get("name", ""),
    "integration.type": lambda a: a.integration.get("type", ""),
}
_WORDS: dict[str, Callable[[Alert], str]] = {
    "message": lambda a: a.message,
    "description": lambda a: a.description,
    "source": lambda a: a.source,
    "entity": lambda a: a.entity,
}
_MEMBERS: dict[str, Callable[[Alert], list[str]]] = {
    "tag": lambda a: list(a.tags),
    "tags": lambda a: list(a.tags),
    "teams": lambda a: [r["name"] for r in a.responders if r["type"] == "team"],
    "responders": lambda a: [r["name"] for r in a.responders],
    "actions": lambda a: list(a.actions),
    "details.key": lambda a: list(a.details),
    "details.value": lambda a: list(a.details.values()),
}


class BadQuery(ValueError):
    """A query that cannot be read; the text says where."""


@dataclass
class _Reader:
    query: str
    tokens: list[tuple[str, int]]
    """Each token with where it begins."""
    at: int = 0

    def peek(self, ahead: int = 0) -> str:
        index = self.at + ahead
        return self.tokens[index][0] if index < len(self.tokens) else ""

    def next(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def follows_a_space(self) -> bool:
        begin = self.tokens[self.at][1]
        return begin > 0 and self.query[begin - 1].isspace()

    def text_since(self, at: int) -> str:
        end = self.tokens[self.at][1] if self.at < len(self.tokens) else len(self.query)
        return self.query[self.tokens[at][1] : end].strip()


def parse(query: str) -> Predicate:
    """A predicate for a query such as `status:open AND (tag:a OR priority>=P2) NOT owner:x`.

    Source: Opsgenie's "Alerts Search Query Help". Conditions that stand side by side are
    joined by AND; text fields match when every word occurs; `*` at a word's end is any ending.
    Raises BadQuery.
    """
    tokens: list[tuple[str, int]] = []
    position = 0
    query = query.strip()
    while position < len(query):
        found = _TOKEN.match(query, position)
        if found is None or found.group(1) == '"':
            raise BadQuery(f"cannot read the query at character {position + 1}")
        tokens.append((found.group(1), found.start(1)))
        position = found.end()
    if not tokens:
        return lambda alert: True
    if len(tokens) > 500:
        raise BadQuery("the query is too long")
    reader = _Reader(query, tokens)
    predicate = _either(reader, 0)
    if reader.at < len(tokens):
        raise BadQuery(f"unexpected {reader.peek()!r}")
    return predicate


def _either(reader: _Reader, depth: int) -> Predicate:
    parts = [_all(reader, depth)]
    while reader.peek() == "OR":
        reader.next()
        parts.append(_all(reader, depth))
    return lambda alert: any(p(alert) for p in parts)


def _all(reader: _Reader, depth: int) -> Predicate:
    parts = [_one(reader, depth)]
    while reader.peek() not in ("", ")", "OR"):
        if reader.peek() == "AND":
            reader.next()
        parts.append(_one(reader, depth))
    return lambda alert: all(p(alert) for p in parts)


def _one(reader: _Reader, depth: int) -> Predicate:
    if depth > 40:
        raise BadQuery("the query is nested too deeply")
    token = reader.next()
    if token == "NOT":  # noqa: S105 a keyword of the language
        inner = _one(reader, depth + 1)
        return lambda alert: not inner(alert)
    if token == "(":  # noqa: S105
        inner = _either(reader, depth + 1)
        if reader.next() != ")":
            raise BadQuery("a parenthesis is not closed")
        return inner
    if token in ("", ")", "AND", "OR", *_OPERATORS):
        raise BadQuery(f"a condition was expected, not {token or 'the end'!r}")
    if reader.peek() in _OPERATORS:
        return _values(token, reader.next(), reader, depth)
    return _contains(lambda a: " ".join((a.message, a.description, a.alias)), _bare(token))


def _values(name: str, operator: str, reader: _Reader, depth: int) -> Predicate:
    if operator in (":", "=") and reader.peek() in (">", "<", ">=", "<="):
        operator = reader.next()
    if reader.peek() != "(":
        return _condition(name, operator, _value(reader))
    reader.next()
    parts = [_condition(name, operator, _value(reader))]
    joined = all
    while reader.peek() in ("OR", "AND"):
        joined = any if reader.next() == "OR" else all
        parts.append(_condition(name, operator, _value(reader)))
    if reader.next() != ")":
        raise BadQuery("a parenthesis is not closed")
    return lambda alert: joined(p(alert) for p in parts)


def _value(reader: _Reader) -> str:
    """A quoted value, or bare words up to a keyword, a parenthesis or the next `field:`."""
    if reader.peek().startswith('"'):
        return _bare(reader.next())
    began = reader.at
    while reader.peek() not in ("", "(", ")"):
        # A colon inside an unquoted value (an ARN) belongs to it; `word:` after a space does not.
        ends = reader.peek() in ("AND", "OR", "NOT") or reader.peek(1) in _OPERATORS
        if ends and reader.at > began and reader.follows_a_space():
            break
        reader.next()
    if reader.at == began:
        raise BadQuery(f"a value was expected, not {reader.peek() or 'the end'!r}")
    return reader.text_since(began)


def _bare(token: str) -> str:
    if token.startswith('"'):
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    return token


def _condition(name: str, operator: str, value: str) -> Predicate:
    key = name.lower()
    if key in _NUMBERS:
        return _number(_NUMBERS[key], operator, value)
    if operator not in (":", "="):
        if key != "priority":
            raise BadQuery(f"{operator} works with numbers only, not with {name}")
        return _ordered_priority(operator, value)
    if key in _FLAGS:
        flag, wanted = _FLAGS[key], value.lower() == "true"
        return lambda alert: flag(alert) is wanted
    if key in _EXACT:
        exact = _EXACT[key]
        return lambda alert: _glob(value, exact(alert))
    if key in _MEMBERS:
        members = _MEMBERS[key]
        return lambda alert: any(_glob(value, m) for m in members(alert))
    if key in _WORDS:
        return _contains(_WORDS[key], value)
    raise BadQuery(f"there is no field {name!r}")


def _number(read: Callable[[Alert], int | None], operator: str, value: str) -> Predicate:
    try:
        wanted = int(value)
    except ValueError:
        raise BadQuery(f"{value!r} is not a number") from None
    tests: dict[str, Callable[[int], bool]] = {
        ":": lambda n: n == wanted,
        "=": lambda n: n == wanted,
        "<": lambda n: n < wanted,
        ">": lambda n: n > wanted,
        "<=": lambda n: n <= wanted,
        ">=": lambda n: n >= wanted,
    }
    test = tests[operator]

    def matches(alert: Alert) -> bool:
        number = read(alert)
        return number is not None and test(number)

    return matches


def _ordered_priority(operator: str, value: str) -> Predicate:
    if not re.fullmatch("[Pp][1-5]", value):
        raise BadQuery(f"{value!r} is not a priority")
    return _number(lambda a: -int(a.priority[1]), operator, str(-int(value[1])))


def _glob(pattern: str, value: str) -> bool:
    expression = ".*".join(re.escape(p) for p in pattern.split("*"))
    return re.fullmatch(expression, value, re.IGNORECASE | re.DOTALL) is not None


def _contains(read: Callable[[Alert], str], words: str) -> Predicate:
    wanted = [w.lower().rstrip("*") for w in words.split()]
    return lambda alert: all(w in read(alert).lower() for w in wanted)
