"""Finds what AWS accepts in a pattern but nobody means; it changes and matches nothing."""

from __future__ import annotations

from collections.abc import Iterator

from trailwatch.pattern import cloudtrail
from trailwatch.pattern.finding import Lint, Rule, guarded, instead_of
from trailwatch.pattern.lexer import json_tokens
from trailwatch.pattern.lint_logic import contradictions, impossible, other_forms
from trailwatch.pattern.lint_sizes import forgotten_sizes
from trailwatch.pattern.lint_values import single_tests
from trailwatch.pattern.printing import selector_text, to_text
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    JsonForm,
    NotExists,
    Op,
    Or,
    RegexLiteral,
    Selector,
    Syntax,
    values,
)


def lint(text: str, syntax: Syntax, regex_filters_left: int | None = None) -> tuple[Lint, ...]:
    """What looks wrong in a pattern, by column.

    regex_filters_left: how many more filters with a regular expression the log group may have
    (AWS allows 5); None if that is not known.
    """
    found: list[Lint] = []
    if isinstance(syntax, JsonForm):
        root = syntax.condition
        found.extend([*contradictions(root), *single_tests(root)])
        found.extend(impossible(root, {one.at for one in found}))
        wrong = {one.at for one in found}
        # Where the value itself is wrong, a missing field is the lesser worry.
        found.extend(one for one in _missing(root) if one.at not in wrong)
        found.extend(forgotten_sizes(root))
        found.extend(_mixed(text, root))
    else:
        found.extend(other_forms(syntax))
    regexes = [at for value, at in values(syntax) if isinstance(value, RegexLiteral)]
    if regexes and regex_filters_left is not None and regex_filters_left < 1:
        why = "The log group already has the 5 filters with a regular expression that AWS allows."
        found.append(Lint(regexes[0], Rule.REGEX_BUDGET, why))
    return tuple(sorted(found, key=lambda one: one.at))


# A field that may be missing


def _missing(root: Condition) -> Iterator[Lint]:
    for test, sure in _negations(root, frozenset()):
        if cloudtrail.always_present(test.selector) or test.selector in sure:
            continue
        if test.selector.wildcards:
            continue
        field = selector_text(test.selector)
        why = f"{field} may be missing, and then `!=` does not hold: events without it never match."
        yield Lint(test.at, Rule.MAY_BE_MISSING, why, instead_of(root, test, guarded(test)))


def _negations(
    condition: Condition, sure: frozenset[Selector]
) -> Iterator[tuple[Compare, frozenset[Selector]]]:
    """Every `!=`, with the selectors whose absence is already thought of around it."""
    if isinstance(condition, Or):
        sure |= {item.selector for item in condition.items if isinstance(item, NotExists)}
    elif isinstance(condition, And):
        sure |= {
            item.selector
            for item in condition.items
            if isinstance(item, Compare) and item.op is not Op.NE
        }
    if isinstance(condition, And | Or):
        for item in condition.items:
            yield from _negations(item, sure)
    elif isinstance(condition, Compare) and condition.op is Op.NE:
        yield condition, sure


# The text as written


def _mixed(text: str, root: Condition) -> Iterator[Lint]:
    """&& and || side by side without parentheses: && binds first, which few readers expect."""
    seen: list[set[str]] = [set()]
    for token in json_tokens(text):
        if token.is_mark("("):
            seen.append(set())
        elif token.is_mark(")"):
            seen.pop()
        elif token.is_mark("&&", "||"):
            seen[-1].add(token.text)
            if len(seen[-1]) == 2:
                why = "&& binds before ||: write the parentheses that you mean."
                yield Lint(token.at, Rule.MIXED, why, to_text(JsonForm(root)))
                return
