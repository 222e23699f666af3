"""Cuts the text of a JSON or space-delimited pattern into tokens; it never judges their order.

What it refuses, it refuses as AWS does: the message quotes the text from the start of the token
to the first character that no token can hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, auto

from trailwatch.pattern.syntax import Index, Name, PatternError, Step, Wildcard


class T(StrEnum):
    """The kinds of token."""

    MARK = auto()  # brackets, operators, comma, ellipsis
    SELECTOR = auto()
    INDEX = auto()
    QUOTED = auto()
    REGEX = auto()
    NUMBER = auto()
    WORD = auto()
    KEYWORD = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind, its text as written, its column, and what it stands for.

    `value` is the text of a quoted token without quotes and escapes, the source of a regex,
    a keyword in upper case, else the text itself. `steps` is for selectors only.
    """

    kind: T
    text: str
    at: int
    value: str
    steps: tuple[Step, ...] = ()

    def is_mark(self, *marks: str) -> bool:
        """Whether the token is one of these operators or brackets."""
        return self.kind is T.MARK and self.text in marks

    def is_keyword(self, *words: str) -> bool:
        """Whether the token is one of these keywords (given in upper case)."""
        return self.kind is T.KEYWORD and self.value in words


BLANKS = " \t\n\r\f\v"
"""What may stand between tokens; a no-break space is a character like any other."""

KEYWORDS = frozenset({"IS", "NOT", "EXISTS", "NULL", "TRUE", "FALSE"})
# In the regular expressions \w is made of Unicode letters, digits and the underscore.
WORD = re.compile(r"[\w.*+-]+")
NAME = re.compile(r"[\w-]+")
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_REGEX_BODY = re.compile(r"[A-Za-z0-9 :_#=@/;,\-^$?\[\]{}|\\*+.]*")
_DIGITS = re.compile(r"[0-9]+")
_JSON_MARKS = ("&&", "||", "!=", "<=", ">=", "{", "}", "(", ")", "=", "<", ">")
_FIELD_MARKS = ("&&", "||", "!=", "<=", ">=", "[", "]", ",", "=", "<", ">")
_HALF_MARKS = frozenset("&|!")


def json_tokens(text: str) -> list[Token]:
    """The tokens of a `{ ... }` pattern, closed by an END token."""
    return _tokens(text, _JSON_MARKS, _json_word, selectors=True)


def field_tokens(text: str) -> list[Token]:
    """The tokens of a `[ ... ]` pattern, closed by an END token."""
    return _tokens(text, _FIELD_MARKS, _field_word, selectors=False)


def _tokens(
    text: str, marks: tuple[str, ...], word: Callable[[str, int], Token], *, selectors: bool
) -> list[Token]:
    found: list[Token] = []
    at = 0
    while at < len(text):
        if text[at] in BLANKS:
            at += 1
            continue
        token = _token(text, at, marks, word, selectors=selectors)
        found.append(token)
        at += len(token.text)
    found.append(Token(T.END, "<EOF>", len(text), ""))
    return found


def _token(
    text: str,
    at: int,
    marks: tuple[str, ...],
    word: Callable[[str, int], Token],
    *,
    selectors: bool,
) -> Token:
    first = text[at]
    for mark in marks:
        if text.startswith(mark, at):
            return Token(T.MARK, mark, at, mark)
    if first == '"':
        return quoted_token(text, at)
    if first == "%":
        return regex_token(text, at)
    if selectors and first == "$":
        return _selector(text, at)
    if selectors and first == "[":
        step, end = _bracket(text, at, at)
        return Token(T.INDEX, text[at:end], at, text[at:end], (step,))
    if WORD.match(first):
        return word(text, at)
    raise PatternError.invalid_term(text[at : at + 1 + (first in _HALF_MARKS)], at)


def quoted_token(text: str, at: int) -> Token:
    """The quoted text that starts at this column; `\\"` and `\\\\` are its only escapes.

    AWS does not say how a quote is written inside quotes; other backslashes stand for themselves.
    """
    end = at + 1
    parts: list[str] = []
    while end < len(text):
        char = text[end]
        if char == '"':
            return Token(T.QUOTED, text[at : end + 1], at, "".join(parts))
        if char == "\\" and text[end + 1 : end + 2] in ('"', "\\"):
            end += 1
            char = text[end]
        parts.append(char)
        end += 1
    raise PatternError.invalid_term(text[at:], at)


def regex_token(text: str, at: int) -> Token:
    """The regular expression between `%` that starts at this column; its characters are checked."""
    body = _REGEX_BODY.match(text, at + 1)
    end = body.end() if body else at + 1
    if end == at + 1 or text[end : end + 1] != "%":
        raise PatternError.invalid_term(text[at : end + 1], at)
    return Token(T.REGEX, text[at : end + 1], at, text[at + 1 : end])


def _json_word(text: str, at: int) -> Token:
    token = _field_word(text, at)
    if token.kind is T.WORD and token.text.upper() in KEYWORDS:
        return Token(T.KEYWORD, token.text, at, token.text.upper())
    return token


def _field_word(text: str, at: int) -> Token:
    word = WORD.match(text, at)
    assert word is not None  # the caller looked at the first character
    number = NUMBER.fullmatch(word.group())
    if word.group() == "...":
        return Token(T.MARK, "...", at, "...")
    return Token(T.NUMBER if number else T.WORD, word.group(), at, word.group())


def _selector(text: str, at: int) -> Token:
    if text[at + 1 : at + 2] != ".":
        raise PatternError.invalid_term(text[at : at + 2], at)
    step, end = _dotted(text, at + 1, at)
    steps = [step]
    while end < len(text) and text[end] in ".[":
        # What cannot go on as a selector ends it: the rest is the next token's affair.
        try:
            step, end = (_dotted if text[end] == "." else _bracket)(text, end, end)
        except PatternError:
            break
        steps.append(step)
    return Token(T.SELECTOR, text[at:end], at, text[at:end], tuple(steps))


def _dotted(text: str, at: int, start: int) -> tuple[Step, int]:
    """The step that starts with the dot at `at`, and where it ends; `start` is its token's."""
    if text[at + 1 : at + 2] == "*":
        return Wildcard(), at + 2
    if text[at + 1 : at + 2] == "[":
        if text[at + 2 : at + 3] != "'":
            raise PatternError.invalid_term(text[start : at + 3], start)
        return _bracket(text, at + 1, start)
    name = NAME.match(text, at + 1)
    if name is None:
        raise PatternError.invalid_term(text[start : at + 2], start)
    return Name(name.group()), name.end()


def _bracket(text: str, at: int, start: int) -> tuple[Step, int]:
    """The step `[0]`, `[*]` or `['name']` whose bracket is at `at`, and where it ends."""
    step: Step
    digits = _DIGITS.match(text, at + 1)
    if digits:
        step, end = Index(int(digits.group())), digits.end()
    elif text[at + 1 : at + 2] == "*":
        step, end = Wildcard(bracketed=True), at + 2
    elif text[at + 1 : at + 2] == "'":
        close = text.find("'", at + 2)
        if close < 0:
            raise PatternError.invalid_term(text[start:], start)
        step, end = Name(text[at + 2 : close]), close + 1
    else:
        raise PatternError.invalid_term(text[start : at + 2], start)
    if text[end : end + 1] != "]":
        raise PatternError.invalid_term(text[start : end + 1], start)
    return step, end + 1
