"""The parsed form of a CloudWatch Logs filter pattern, as frozen values; it never evaluates.

Source of the grammar: "Filter pattern syntax for metric filters, subscription filters, filter log
events, and Live Tail" (Amazon CloudWatch Logs user guide) and recorded TestMetricFilter answers.
Two patterns that differ only in quoting, blanks or redundant parentheses have equal parsed forms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

MAX_LENGTH = 1024
MAX_REGEXES = 2
MAX_REGEX_FILTERS = 5
"""Filters of one log group that may hold a regular expression."""
MAX_WILDCARDS_PER_SELECTOR = 1
MAX_WILDCARD_SELECTORS = 3


class PatternError(ValueError):
    """A text that AWS would refuse as a filter pattern.

    `str(error)` is AWS's own message; `at` is the 0-based column in the text where it went wrong.
    """

    def __init__(self, message: str, at: int = 0) -> None:
        super().__init__(message)
        self.at = at

    @classmethod
    def invalid_term(cls, term: str, at: int) -> PatternError:
        """The message for a character or word that has no business where it stands."""
        return cls(f"Invalid character(s) in term '{term}'", at)

    @classmethod
    def invalid(cls, at: int) -> PatternError:
        """The message for everything that AWS gives no better reason for."""
        return cls("Invalid metric filter pattern", at)


class Op(StrEnum):
    """The comparison operators, as they are written."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


class Kind(StrEnum):
    """What `IS` can ask for."""

    NULL = "NULL"
    TRUE = "TRUE"
    FALSE = "FALSE"


@dataclass(frozen=True, slots=True)
class Literal:
    """A quoted text or a bare word; a `*` at its start or end stands for any text."""

    text: str
    quoted: bool = field(default=True, compare=False)

    @property
    def is_glob(self) -> bool:
        """Whether the text starts or ends with the wildcard `*`."""
        return self.text.startswith("*") or self.text.endswith("*")


@dataclass(frozen=True, slots=True)
class NumberLiteral:
    """An unquoted number, as written: it compares by value with numbers, by text with strings."""

    text: str


@dataclass(frozen=True, slots=True)
class RegexLiteral:
    """A regular expression, as written between the two `%`."""

    source: str


Value = Literal | NumberLiteral | RegexLiteral


@dataclass(frozen=True, slots=True)
class Name:
    """The step `.name` or `['name']`."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """The step `[index]`, counted from 0."""

    index: int


@dataclass(frozen=True, slots=True)
class Wildcard:
    """The step `.*` or `[*]`: every child of an object or array."""

    bracketed: bool = field(default=False, compare=False)


Step = Name | Index | Wildcard


@dataclass(frozen=True, slots=True)
class Selector:
    """A path from the root of the message; `at` is its column in the pattern's text."""

    steps: tuple[Step, ...]
    at: int = field(default=0, compare=False)

    @property
    def wildcards(self) -> int:
        """How many of the steps are wildcards."""
        return sum(isinstance(step, Wildcard) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Compare:
    """`selector op value`; `at` is the column of the value."""

    selector: Selector
    op: Op
    value: Value
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Is:
    """`selector IS NULL`, `IS TRUE` or `IS FALSE`."""

    selector: Selector
    kind: Kind


@dataclass(frozen=True, slots=True)
class NotExists:
    """`selector NOT EXISTS`."""

    selector: Selector


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more conditions; none of them is itself an And."""

    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of two or more conditions; none of them is itself an Or."""

    items: tuple[Condition, ...]


Test = Compare | Is | NotExists
Condition = Test | And | Or


@dataclass(frozen=True, slots=True)
class JsonForm:
    """`{ ... }`: a condition on a message that is one JSON object."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class TermsForm:
    """Unstructured terms, each kind in the order in which it was written.

    All `required` must occur in the message and no `excluded` may; with neither, one of
    `optional` must. Nothing at all matches every message.
    """

    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RegexForm:
    """`%...%` alone: the message has a match somewhere."""

    regex: RegexLiteral
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class FieldTest:
    """`op value` on one space-delimited field; `at` is the column of the value."""

    op: Op
    value: Value
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class FieldAnd:
    """All of two or more tests on one field."""

    items: tuple[FieldCondition, ...]


@dataclass(frozen=True, slots=True)
class FieldOr:
    """Any of two or more tests on one field."""

    items: tuple[FieldCondition, ...]


FieldCondition = FieldTest | FieldAnd | FieldOr


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of `[...]`: its name, None for an empty entry, and what it must satisfy."""

    name: str | None = None
    condition: FieldCondition | None = None


@dataclass(frozen=True, slots=True)
class FieldsForm:
    """`[a, b = 1, ..., z]`: the fields in order, and how many of them precede the `...` (or None).

    No fields and no `...` is `[]`, which matches every message.
    """

    fields: tuple[Field, ...] = ()
    ellipsis: int | None = None


Syntax = JsonForm | TermsForm | RegexForm | FieldsForm


def tests(condition: Condition) -> Iterator[Test]:
    """Every single test of a condition, in the order in which they were written."""
    if isinstance(condition, And | Or):
        for item in condition.items:
            yield from tests(item)
    else:
        yield condition


def field_tests(condition: FieldCondition | None) -> Iterator[FieldTest]:
    """Every single test on one field, in the order in which they were written."""
    if isinstance(condition, FieldAnd | FieldOr):
        for item in condition.items:
            yield from field_tests(item)
    elif condition is not None:
        yield condition


def values(syntax: Syntax) -> Iterator[tuple[Value, int]]:
    """Every value that a pattern compares with, and its column."""
    if isinstance(syntax, JsonForm):
        for test in tests(syntax.condition):
            if isinstance(test, Compare):
                yield test.value, test.at
    elif isinstance(syntax, FieldsForm):
        for entry in syntax.fields:
            for field_test in field_tests(entry.condition):
                yield field_test.value, field_test.at
    elif isinstance(syntax, RegexForm):
        yield syntax.regex, syntax.at
