"""Turns a parsed pattern into a function that tests a document; it never parses a pattern.

Each part becomes a closure once, so that testing a message only calls them. Semantics: recorded
TestMetricFilter answers. A comparison sees only strings and numbers: for anything else, and for
what is missing, even `!=` is false.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from trailwatch.pattern import number
from trailwatch.pattern.document import Document, Node
from trailwatch.pattern.number import JsonNumber
from trailwatch.pattern.regex import searcher
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    Index,
    Is,
    JsonForm,
    Kind,
    Literal,
    Name,
    NumberLiteral,
    Op,
    Or,
    RegexForm,
    RegexLiteral,
    Selector,
    Step,
    TermsForm,
    Value,
    Wildcard,
)

Matcher = Callable[[Document], bool]
NodeTest = Callable[[Node], bool]
RootTest = Callable[[Node], bool]


class _Missing:
    """What a selector finds where there is nothing."""


MISSING: Any = _Missing()

ORDER: dict[Op, Callable[[Decimal, Decimal], bool]] = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}


def matcher(syntax: JsonForm | TermsForm | RegexForm) -> Matcher:
    """The function that says whether a document matches."""
    if isinstance(syntax, TermsForm):
        return _terms(syntax)
    if isinstance(syntax, RegexForm):
        found = searcher(syntax.regex.source)
        return lambda document: found(document.message)
    test = _condition(syntax.condition)

    def match(document: Document) -> bool:
        root = document.root
        return root is not None and test(root)

    return match


def _terms(terms: TermsForm) -> Matcher:
    required, excluded = terms.required, terms.excluded
    # Optional terms count only where there are no others.
    optional = () if required or excluded else terms.optional

    def match(document: Document) -> bool:
        message = document.message
        return (
            all(term in message for term in required)
            and not any(term in message for term in excluded)
            and (not optional or any(term in message for term in optional))
        )

    return match


def _condition(condition: Condition) -> RootTest:
    if isinstance(condition, And):
        all_items = tuple(_condition(item) for item in condition.items)
        return lambda root: all(item(root) for item in all_items)
    if isinstance(condition, Or):
        any_items = tuple(_condition(item) for item in condition.items)
        return lambda root: any(item(root) for item in any_items)
    if isinstance(condition, Compare):
        return _compare(condition)
    if isinstance(condition, Is):
        return _is(condition)
    find = _finder(condition.selector.steps)
    if condition.selector.wildcards:
        nodes = _children_finder(condition.selector)
        return lambda root: not nodes(root)
    return lambda root: find(root) is MISSING


def _compare(test: Compare) -> RootTest:
    if not test.selector.wildcards:
        find = _finder(test.selector.steps)
        holds = node_test(test.op, test.value)
        return lambda root: holds(find(root))
    nodes = _children_finder(test.selector)
    if test.op is Op.NE:
        # Of many children none may be equal; there may be none, but their parent must exist.
        equal = node_test(Op.EQ, test.value)
        parent = _finder(_before_wildcard(test.selector))
        return lambda root: (
            parent(root) is not MISSING and not any(equal(node) for node in nodes(root))
        )
    holds = node_test(test.op, test.value)
    return lambda root: any(holds(node) for node in nodes(root))


def _is(test: Is) -> RootTest:
    wanted = {Kind.NULL: None, Kind.TRUE: True, Kind.FALSE: False}[test.kind]
    if test.selector.wildcards:
        nodes = _children_finder(test.selector)
        return lambda root: any(node is wanted for node in nodes(root))
    find = _finder(test.selector.steps)
    if wanted is not None:
        return lambda root: find(root) is wanted

    def is_null(root: Node) -> bool:
        node = find(root)
        # The service also takes an array whose first element is null for null.
        return node is None or (isinstance(node, list) and bool(node) and node[0] is None)

    return is_null


def node_test(op: Op, value: Value) -> NodeTest:
    """The function that compares a node of a message (or MISSING) with a pattern's value."""
    if isinstance(value, NumberLiteral):
        return _numeric(op, value.text)
    holds = text_test(value)
    if op is Op.NE:
        return lambda node: (
            not holds(node)
            if isinstance(node, str)
            else isinstance(node, JsonNumber) and not holds(node.text)
        )
    return lambda node: (
        holds(node) if isinstance(node, str) else isinstance(node, JsonNumber) and holds(node.text)
    )


def text_test(value: Literal | RegexLiteral) -> Callable[[str], bool]:
    """The function that says whether a text equals, fits or contains a pattern's value."""
    if isinstance(value, RegexLiteral):
        return searcher(value.source)
    text = value.text
    if not value.is_glob:
        return lambda found: found == text
    # A star in the middle is an ordinary character.
    before, after = text.startswith("*"), text.endswith("*")
    middle = text[1 if before else 0 : -1 if after else None] if text != "*" else ""
    if before and after:
        return lambda found: middle in found
    if before:
        return lambda found: found.endswith(middle)
    return lambda found: found.startswith(middle)


def _numeric(op: Op, text: str) -> NodeTest:
    literal = number.literal(text)
    assert literal is not None  # the parser refuses it otherwise
    holds = ORDER[op]
    with_text = {Op.EQ: operator.eq, Op.NE: operator.ne}.get(op)

    def test(node: Node) -> bool:
        if isinstance(node, JsonNumber):
            return node.value is not None and holds(node.value, literal)
        return with_text is not None and isinstance(node, str) and bool(with_text(node, text))

    return test


def _finder(steps: tuple[Step, ...]) -> Callable[[Node], Any]:
    """The function that follows names and indexes from a node; MISSING where one leads nowhere."""
    keys = tuple(step.name if isinstance(step, Name) else step.index for step in _plain(steps))

    def find(node: Any) -> Any:
        for key in keys:
            if isinstance(key, str):
                node = node.get(key, MISSING) if isinstance(node, dict) else MISSING
            else:
                node = node[key] if isinstance(node, list) and key < len(node) else MISSING
        return node

    return find


def _plain(steps: tuple[Step, ...]) -> tuple[Name | Index, ...]:
    return tuple(step for step in steps if not isinstance(step, Wildcard))


def _before_wildcard(selector: Selector) -> tuple[Step, ...]:
    steps = selector.steps
    return steps[: next(i for i, step in enumerate(steps) if isinstance(step, Wildcard))]


def _children_finder(selector: Selector) -> Callable[[Node], list[Any]]:
    """The function that lists all that a selector with one wildcard finds below a node."""
    before = _before_wildcard(selector)
    parent = _finder(before)
    rest = _finder(selector.steps[len(before) + 1 :])

    def find(root: Node) -> list[Any]:
        node = parent(root)
        children = node.values() if isinstance(node, dict) else node
        if not isinstance(children, list) and not isinstance(node, dict):
            return []
        found = [rest(child) for child in children]
        return [node for node in found if node is not MISSING]

    return find
