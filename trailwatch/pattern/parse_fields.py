"""Reads the tokens of a `[ ... ]` pattern into fields and their conditions; it sees no text."""

from __future__ import annotations

import re

from trailwatch.pattern.lexer import T, Token
from trailwatch.pattern.parse_json import unexpected, value
from trailwatch.pattern.syntax import (
    Field,
    FieldAnd,
    FieldCondition,
    FieldOr,
    FieldsForm,
    FieldTest,
    NumberLiteral,
    Op,
    PatternError,
)

_NAME = re.compile(r"[A-Za-z_]\w*")


class _Stream:
    """The tokens that are left, with a look at the next."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token


def fields_form(tokens: list[Token]) -> FieldsForm:
    """The parsed form of the tokens; raises PatternError."""
    stream = _Stream(tokens)
    token = stream.take()
    if not token.is_mark("["):
        raise unexpected(token)
    fields: list[Field] = []
    ellipsis: int | None = None
    while True:
        if stream.next.is_mark("...") and ellipsis is None:
            stream.take()
            ellipsis = len(fields)
        elif not (stream.next.is_mark("]") and not fields and ellipsis is None):
            fields.append(_field(stream, fields))
        token = stream.take()
        if token.is_mark("]"):
            break
        if not token.is_mark(","):
            raise unexpected(token)
    if stream.next.kind is not T.END:
        raise unexpected(stream.next)
    return FieldsForm(tuple(fields), ellipsis)


def _field(stream: _Stream, before: list[Field]) -> Field:
    """One entry, which may be empty; raises PatternError for a name that stands `before`."""
    if stream.next.is_mark(",", "]"):
        return Field()
    token = _name(stream.take())
    if any(field.name == token.text for field in before):
        raise PatternError(f"Duplicate field '{token.text}'", token.at)
    if stream.next.is_mark(",", "]"):
        return Field(token.text)
    return Field(token.text, _condition(stream, token.text))


def _name(token: Token) -> Token:
    if token.kind is not T.WORD or not _NAME.fullmatch(token.text):
        raise unexpected(token)
    return token


def _condition(stream: _Stream, name: str) -> FieldCondition:
    """The condition behind a field's name: && binds before ||."""
    alternatives: list[list[FieldCondition]] = [[_test(stream)]]
    while stream.next.is_mark("&&", "||"):
        if stream.take().text == "||":
            alternatives.append([])
        token = _name(stream.take())
        if token.text != name:
            raise PatternError(
                f"Multiple variables used in a single filter. Var1 : {name}, Var2 : {token.text}",
                token.at,
            )
        alternatives[-1].append(_test(stream))
    found = [items[0] if len(items) == 1 else FieldAnd(tuple(items)) for items in alternatives]
    return found[0] if len(found) == 1 else FieldOr(tuple(found))


def _test(stream: _Stream) -> FieldTest:
    token = stream.take()
    if token.is_mark("<", "<=", ">", ">="):
        op, token = Op(token.text), stream.take()
        if token.kind is not T.NUMBER:
            raise unexpected(token)
        return FieldTest(op, NumberLiteral(token.text), token.at)
    if not token.is_mark("=", "!="):
        raise unexpected(token)
    op, token = Op(token.text), stream.take()
    found = value(token)
    if found is None:
        raise PatternError.invalid(token.at)
    return FieldTest(op, found, token.at)
