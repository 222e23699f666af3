"""CloudTrail's files searched by a loop with json and an interpreter of the parsed patterns."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from backtest_peers import Pairs, condition_of

from trailwatch.pattern import Pattern
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    Index,
    Is,
    Kind,
    Literal,
    Name,
    NumberLiteral,
    Op,
    Or,
    RegexLiteral,
    Selector,
)


def json_loop(files: Sequence[Path], patterns: Sequence[Pattern]) -> Pairs:
    """gzip, json.loads, and the tree of each pattern walked for each record."""
    conditions = [condition_of(pattern) for pattern in patterns]
    found: Pairs = set()
    for file in files:
        with gzip.open(file, "rb") as stream:
            records = json.loads(stream.read())["Records"]
        for record in records:
            for number, condition in enumerate(conditions):
                if holds(condition, record):
                    found.add((record["eventID"], number))
    return found


def holds(condition: Condition, record: dict[str, Any]) -> bool:
    if isinstance(condition, And):
        return all(holds(item, record) for item in condition.items)
    if isinstance(condition, Or):
        return any(holds(item, record) for item in condition.items)
    nodes = _nodes(condition.selector, record)
    if isinstance(condition, Is):
        wanted = {Kind.NULL: None, Kind.TRUE: True, Kind.FALSE: False}[condition.kind]
        return any(node is wanted for node in nodes)
    if not isinstance(condition, Compare):
        return not nodes
    if condition.op is Op.NE and condition.selector.wildcards:
        equal = Compare(condition.selector, Op.EQ, condition.value)
        return not any(_compare(equal, node) for node in nodes)
    return any(_compare(condition, node) for node in nodes)


def _nodes(selector: Selector, record: Any) -> list[Any]:
    nodes = [record]
    for step in selector.steps:
        if isinstance(step, Name):
            nodes = [n[step.name] for n in nodes if isinstance(n, dict) and step.name in n]
        elif isinstance(step, Index):
            nodes = [n[step.index] for n in nodes if isinstance(n, list) and step.index < len(n)]
        else:
            nodes = [
                child
                for n in nodes
                if isinstance(n, dict | list)
                for child in (n.values() if isinstance(n, dict) else n)
            ]
    return nodes


ORDER: dict[Op, Callable[[float, float], bool]] = {
    Op.EQ: lambda a, b: a == b,
    Op.NE: lambda a, b: a != b,
    Op.LT: lambda a, b: a < b,
    Op.LE: lambda a, b: a <= b,
    Op.GT: lambda a, b: a > b,
    Op.GE: lambda a, b: a >= b,
}


def _compare(test: Compare, node: Any) -> bool:
    if isinstance(node, bool) or not isinstance(node, str | int | float):
        return False
    if isinstance(test.value, NumberLiteral):
        if isinstance(node, str):
            same = node == test.value.text
            return same if test.op is Op.EQ else test.op is Op.NE and not same
        return ORDER[test.op](node, float(test.value.text))
    text = node if isinstance(node, str) else json.dumps(node)
    if isinstance(test.value, RegexLiteral):
        same = re.search(test.value.source, text) is not None
    else:
        same = _glob(test.value, text)
    return same is (test.op is Op.EQ)


def _glob(value: Literal, text: str) -> bool:
    want = value.text
    if not value.is_glob:
        return text == want
    if want == "*":
        return True
    middle = want.removeprefix("*").removesuffix("*")
    if want.startswith("*"):
        return middle in text if want.endswith("*") else text.endswith(middle)
    return text.startswith(middle)
