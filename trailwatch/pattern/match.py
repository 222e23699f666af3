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
from trailwatch.pattern.selectors import MISSING, before_wildcard, children_finder, finder
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    Is,
    JsonForm,
    Kind,
    Literal,
    NumberLiteral,
    Op,
    Or,
    RegexForm,
    RegexLiteral,
    Selector,
    TermsForm,
    Value,
)

Matcher = Callable[[Document], bool]
NodeTest = Callable[[Node], bool]
RootTest = Callable[[Node], bool]


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
    test = condition_test(syntax.condition)

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


def condition_test(condition: Condition) -> RootTest:
    """The function that says whether the root of a JSON message satisfies a condition."""
    if isinstance(condition, And):
        return _all(tuple(condition_test(item) for item in condition.items))
    if isinstance(condition, Or):
        return _any(_alternatives(condition))
    if isinstance(condition, Compare):
        return _compare(condition)
    if isinstance(condition, Is):
        return _is(condition)
    find = finder(condition.selector.steps)
    if condition.selector.wildcards:
        nodes = children_finder(condition.selector)
        return lambda root: not nodes(root)
    return lambda root: find(root) is MISSING


def _all(items: tuple[RootTest, ...]) -> RootTest:
    def test(root: Node) -> bool:
        for item in items:  # noqa: SIM110 (a generator costs as much as the tests)
            if not item(root):
                return False
        return True

    return test


def _any(items: tuple[RootTest, ...]) -> RootTest:
    def test(root: Node) -> bool:
        for item in items:  # noqa: SIM110
            if item(root):
                return True
        return False

    return items[0] if len(items) == 1 else test


def _alternatives(condition: Or) -> tuple[RootTest, ...]:
    """The tests of an Or; texts that one selector may equal are looked up together."""
    texts: dict[Selector, set[str]] = {}
    others: list[RootTest] = []
    for item in condition.items:
        if (
            isinstance(item, Compare)
            and item.op is Op.EQ
            and isinstance(item.value, Literal)
            and not item.value.is_glob
            and not item.selector.wildcards
        ):
            texts.setdefault(item.selector, set()).add(item.value.text)
        else:
            others.append(condition_test(item))
    lookups = [_one_of(finder(selector.steps), frozenset(texts[selector])) for selector in texts]
    return (*lookups, *others)


def _one_of(find: Callable[[Node], Any], texts: frozenset[str]) -> RootTest:
    def test(root: Node) -> bool:
        node = find(root)
        if isinstance(node, str):
            return node in texts
        return isinstance(node, JsonNumber) and node.text in texts

    return test


def _compare(test: Compare) -> RootTest:
    if not test.selector.wildcards:
        find = finder(test.selector.steps)
        holds = node_test(test.op, test.value)
        return lambda root: holds(find(root))
    nodes = children_finder(test.selector)
    if test.op is Op.NE:
        # Of many children none may be equal; there may be none, but their parent must exist.
        equal = node_test(Op.EQ, test.value)
        parent = finder(before_wildcard(test.selector))
        return lambda root: (
            parent(root) is not MISSING and not any(equal(node) for node in nodes(root))
        )
    holds = node_test(test.op, test.value)
    return lambda root: any(holds(node) for node in nodes(root))


def _is(test: Is) -> RootTest:
    wanted = {Kind.NULL: None, Kind.TRUE: True, Kind.FALSE: False}[test.kind]
    if test.selector.wildcards:
        nodes = children_finder(test.selector)
        return lambda root: any(node is wanted for node in nodes(root))
    find = finder(test.selector.steps)
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
    negative = op is Op.NE

    def test(node: Node) -> bool:
        if isinstance(node, str):
            return holds(node) is not negative
        return isinstance(node, JsonNumber) and holds(node.text) is not negative

    return test


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
