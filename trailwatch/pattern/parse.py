"""Reads the text of a filter pattern into its parsed form, with AWS's refusals; it never matches.

Source: "Filter pattern syntax ..." (Amazon CloudWatch Logs user guide) and recorded answers. The
refusals follow those of a generated parser: a character that fits no token and a token that cannot
stand where it stands are quoted; where several readings fail together the message is general.
"""

from __future__ import annotations

from trailwatch.pattern import number, regex
from trailwatch.pattern.lexer import BLANKS, field_tokens, json_tokens, regex_token
from trailwatch.pattern.parse_fields import fields_form
from trailwatch.pattern.parse_json import json_form
from trailwatch.pattern.parse_terms import terms_form
from trailwatch.pattern.syntax import (
    MAX_LENGTH,
    MAX_REGEXES,
    MAX_WILDCARD_SELECTORS,
    MAX_WILDCARDS_PER_SELECTOR,
    JsonForm,
    NumberLiteral,
    PatternError,
    RegexForm,
    RegexLiteral,
    Syntax,
    TermsForm,
    tests,
    values,
)

_CLOSING = {"{": "}", "[": "]", "%": "%"}


def parse_syntax(text: str) -> Syntax:
    """The parsed form of a pattern's text; raises PatternError as AWS refuses it."""
    if len(text) > MAX_LENGTH:
        raise PatternError(
            f"1 validation error detected: Value '{text}' at 'filterPattern' failed to satisfy "
            f"constraint: Member must have length less than or equal to {MAX_LENGTH}",
            MAX_LENGTH,
        )
    trimmed = text.strip(BLANKS)
    if not trimmed:
        return TermsForm()
    syntax = _dispatch(text.rstrip(BLANKS), trimmed)
    _check_limits(syntax)
    for value, at in values(syntax):
        if isinstance(value, NumberLiteral) and number.literal(value.text) is None:
            raise PatternError.invalid(at)
        if isinstance(value, RegexLiteral):
            regex.check(value.source, at)
    return syntax


def _dispatch(text: str, trimmed: str) -> Syntax:
    """The parsed form of a text that has no blanks at its end, by its first character."""
    first = trimmed[0]
    start = len(text) - len(trimmed)
    closing = _CLOSING.get(first)
    if closing and trimmed[-1] != closing:
        message = f"If a filter pattern starts with '{first}' it must end with '{closing}'"
        raise PatternError(message, len(text) - 1)
    if first == "{":
        return json_form(json_tokens(text))
    if first == "[":
        return fields_form(field_tokens(text))
    if first == "%":
        return _regex_form(text, start)
    return terms_form(text)


def _regex_form(text: str, at: int) -> RegexForm:
    token = regex_token(text, at)
    end = at + len(token.text)
    rest = text[end:].lstrip(BLANKS)
    if rest:
        raise PatternError.invalid_term(rest, len(text) - len(rest))
    return RegexForm(RegexLiteral(token.value), at)


def _check_limits(syntax: Syntax) -> None:
    regexes = [at for value, at in values(syntax) if isinstance(value, RegexLiteral)]
    if len(regexes) > MAX_REGEXES:
        raise PatternError(
            f"Your input has exceeded the maximum of {MAX_REGEXES} regular expressions "
            "per filter pattern.",
            regexes[MAX_REGEXES],
        )
    if not isinstance(syntax, JsonForm):
        return
    selectors = [test.selector for test in tests(syntax.condition) if test.selector.wildcards]
    for selector in selectors:
        if selector.wildcards > MAX_WILDCARDS_PER_SELECTOR:
            raise PatternError(
                "Your filter pattern has a JSON path selector that exceeds the maximum of "
                f"{MAX_WILDCARDS_PER_SELECTOR} wildcard allowed per json selector.",
                selector.at,
            )
    if len(selectors) > MAX_WILDCARD_SELECTORS:
        # AWS documents the limit; the words of its refusal are not known.
        raise PatternError(
            f"Your filter pattern has exceeded the maximum of {MAX_WILDCARD_SELECTORS} wildcards "
            "per filter pattern.",
            selectors[MAX_WILDCARD_SELECTORS].at,
        )
