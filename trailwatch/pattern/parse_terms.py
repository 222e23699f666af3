"""Reads unstructured terms (words, phrases, `-` and `?`); it knows no other form."""

from __future__ import annotations

import re

from trailwatch.pattern.lexer import BLANKS, quoted_token
from trailwatch.pattern.syntax import PatternError, TermsForm

_WORD = re.compile(r"[\w.]+")


def terms_form(text: str) -> TermsForm:
    """The parsed form of a text of terms; raises PatternError.

    `-` excludes the term that follows it at once and `?` makes it optional, also in the middle of
    a word: `a-b` is a without b. Two terms without an operator need a blank between them.
    """
    found: dict[str, list[str]] = {"": [], "-": [], "?": []}
    at = 0
    apart = True
    while at < len(text):
        start, operator = at, ""
        if text[at] in BLANKS:
            at, apart = at + 1, True
            continue
        if text[at] in "-?":
            operator = text[at]
            at += 1
        term, end = _term(text, at)
        if not operator and not apart:
            raise PatternError.invalid_term(text[start:end], start)
        found[operator].append(term)
        at, apart = end, False
    return TermsForm(tuple(found[""]), tuple(found["-"]), tuple(found["?"]))


def _term(text: str, at: int) -> tuple[str, int]:
    """The term that starts at this column, and where it ends."""
    if text[at : at + 1] == '"':
        token = quoted_token(text, at)
        if not token.value:
            raise PatternError.invalid_term(token.text, at)
        return token.value, at + len(token.text)
    word = _WORD.match(text, at)
    if word is None:
        raise (
            PatternError.invalid_term(text[at], at) if at < len(text) else PatternError.invalid(at)
        )
    return word.group(), word.end()
