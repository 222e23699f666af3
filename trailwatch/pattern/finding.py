"""What a lint of a pattern says, and the corrected text that it offers; it looks for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trailwatch.pattern.parse import parse_syntax
from trailwatch.pattern.parse_json import all_of, any_of
from trailwatch.pattern.printing import to_text
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    JsonForm,
    Literal,
    NotExists,
    Op,
    Or,
    PatternError,
    Selector,
)


class Rule(StrEnum):
    """What a lint found."""

    MAY_BE_MISSING = "may-be-missing"
    ALWAYS = "always-true"
    NEVER = "never-true"
    MIXED = "mixed-operators"
    INNER_STAR = "inner-star"
    LOOSE_PREFIX = "loose-prefix"
    CIDR = "cidr-as-text"
    UNKNOWN_FIELD = "unknown-field"
    UNKNOWN_EVENT = "unknown-event"
    UNKNOWN_VALUE = "unknown-value"
    NOT_A_SERVICE = "not-a-service"
    SOME_SIZES = "some-sizes"
    CONTAINER = "object-compared"
    BOOLEAN = "boolean-as-text"
    IGNORED_TERM = "ignored-term"
    REGEX_BUDGET = "regex-budget"


@dataclass(frozen=True, slots=True)
class Lint:
    """One finding: the column in the pattern's text, why, and the pattern to write instead.

    `instead` is the whole corrected pattern, "" where only the writer knows what was meant.
    """

    at: int
    rule: Rule
    why: str
    instead: str = ""


def instead_of(root: Condition, old: Condition, new: Condition) -> str:
    """The whole pattern with one of its parts (the very object) replaced by another.

    "" if AWS would refuse it, e.g. for its length.
    """
    text = to_text(JsonForm(replaced(root, old, new)))
    try:
        parse_syntax(text)
    except PatternError:
        return ""
    return text


def replaced(root: Condition, old: Condition, new: Condition) -> Condition:
    """A condition with one of its parts (the very object) replaced by another."""
    if root is old:
        return new
    if isinstance(root, And | Or):
        items = [replaced(item, old, new) for item in root.items]
        return all_of(items) if isinstance(root, And) else any_of(items)
    return root


def guarded(test: Compare) -> Condition:
    """The test so that it also holds where its field is missing."""
    return any_of([NotExists(test.selector), test])


def exact_text(condition: Condition, op: Op) -> tuple[Selector, str] | None:
    """The selector and the text of a plain comparison with one exact text, else None."""
    if not isinstance(condition, Compare) or condition.op is not op:
        return None
    if not isinstance(condition.value, Literal) or condition.value.is_glob:
        return None
    return None if condition.selector.wildcards else (condition.selector, condition.value.text)
