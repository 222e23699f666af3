"""Reads the tokens of a `{ ... }` pattern into a condition; it never sees the text.

Grammar: parentheses bind before `&&`, and that before `||`. Nesting is kept on a list of open
parentheses, not on Python's stack, so that no text can exhaust it.
"""

from __future__ import annotations

from collections.abc import Iterator

from trailwatch.pattern.lexer import T, Token
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    Is,
    JsonForm,
    Kind,
    Literal,
    NotExists,
    NumberLiteral,
    Op,
    Or,
    PatternError,
    RegexLiteral,
    Selector,
    Test,
    Value,
)


class _Group:
    """What stands between two parentheses: alternatives, each a list of conditions joined by &&."""

    def __init__(self) -> None:
        self.alternatives: list[list[Condition]] = [[]]

    def add(self, condition: Condition) -> None:
        self.alternatives[-1].append(condition)

    def condition(self) -> Condition:
        """The group's condition; an And in an And, or an Or in an Or, is merged into it."""
        found: list[Condition] = []
        for items in self.alternatives:
            one = all_of(items)
            found.extend(one.items if isinstance(one, Or) else [one])
        return found[0] if len(found) == 1 else Or(tuple(found))


def all_of(items: list[Condition]) -> Condition:
    """The conjunction of one or more conditions."""
    found: list[Condition] = []
    for item in items:
        found.extend(item.items if isinstance(item, And) else [item])
    return found[0] if len(found) == 1 else And(tuple(found))


def any_of(items: list[Condition]) -> Condition:
    """The disjunction of one or more conditions."""
    found: list[Condition] = []
    for item in items:
        found.extend(item.items if isinstance(item, Or) else [item])
    return found[0] if len(found) == 1 else Or(tuple(found))


def unexpected(token: Token) -> PatternError:
    """The refusal of a token that cannot stand where it stands."""
    return PatternError.invalid_term(token.text, token.at)


def json_form(tokens: list[Token]) -> JsonForm:
    """The parsed form of the tokens; raises PatternError."""
    stream = iter(tokens)
    token = next(stream)
    if not token.is_mark("{"):
        raise unexpected(token)
    groups = [_Group()]
    while True:
        _operand(stream, groups)
        token = next(stream)
        while token.is_mark(")") and len(groups) > 1:
            closed = groups.pop().condition()
            groups[-1].add(closed)
            token = next(stream)
        if token.is_mark("||"):
            groups[-1].alternatives.append([])
        elif not token.is_mark("&&"):
            break
    if len(groups) > 1 or not token.is_mark("}"):
        raise unexpected(token)
    token = next(stream)
    if token.kind is not T.END:
        raise unexpected(token)
    return JsonForm(groups[0].condition())


def _operand(stream: Iterator[Token], groups: list[_Group]) -> None:
    """Read opening parentheses and the test behind them."""
    token = next(stream)
    while token.is_mark("("):
        groups.append(_Group())
        token = next(stream)
    if token.kind is not T.SELECTOR:
        raise unexpected(token)
    groups[-1].add(_test(Selector(token.steps, token.at), stream))


def _test(selector: Selector, stream: Iterator[Token]) -> Test:
    token = next(stream)
    if token.is_mark("=", "!="):
        return _equality(selector, Op(token.text), next(stream))
    if token.is_mark("<", "<=", ">", ">="):
        op, token = Op(token.text), next(stream)
        if token.kind is not T.NUMBER:
            raise unexpected(token)
        return Compare(selector, op, NumberLiteral(token.text), token.at)
    if token.is_keyword("IS"):
        token = next(stream)
        if not token.is_keyword(*Kind):
            raise unexpected(token)
        return Is(selector, Kind(token.value))
    if token.is_keyword("NOT"):
        token = next(stream)
        if not token.is_keyword("EXISTS"):
            raise unexpected(token)
        return NotExists(selector)
    raise PatternError.invalid(token.at)


def _equality(selector: Selector, op: Op, token: Token) -> Test:
    found = value(token)
    if found is None:
        raise PatternError.invalid(token.at)
    return Compare(selector, op, found, token.at)


def value(token: Token) -> Value | None:
    """What a token stands for on the right of `=` and `!=`; None if it cannot stand there."""
    if token.kind is T.QUOTED:
        return Literal(token.value)
    # The words true and false are texts here; null, is, not and exists are not allowed.
    if token.kind is T.WORD or token.is_keyword("TRUE", "FALSE"):
        return Literal(token.text, quoted=False)
    if token.kind is T.NUMBER:
        return NumberLiteral(token.text)
    if token.kind is T.REGEX:
        return RegexLiteral(token.value)
    return None
