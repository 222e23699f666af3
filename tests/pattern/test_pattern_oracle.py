"""A second, plain reading of the specification agrees with the matcher on made-up patterns.

It shares no code with the product: it knows a pattern's parts as they were made up, does not read
its text, and finds its own way through messages.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from trailwatch.pattern import parse

MISSING = object()
NUMBERS = ["1", "1.0", "1e0", "0", "-0.0", "+1", "01", "1e3", ".5", "9007199254740993", "1e309"]
WORDS = ["x", "xy", "x*", "*x", "*", "*1*", "1*", "*.0", "foo", "true", "1x", "-", "a-b"]
QUOTED = ["1", "1.0", "x", "x y", "*", "", "1e3", "1000.0", "Infinity", "0.0", "*E*", "01"]
REGEXES = ["1", "x", "^x", "o$", "^[0-9]+$", r"\.0", "y|1"]
LEAVES = [
    "1", "1.0", "0", "-0.0", "1e3", "1E3", "1e309", "1e-999", "9007199254740993", "1e22", "0.0001",
    "9007199254740992", "123456789.5", '"1"', '"1.0"', '"01"', '"x"', '"xy"', '"foo"', '"true"',
    '""', '"1e3"', '"a-b"', "true", "false", "null", "[]", "{}",
]  # fmt: skip
CONSTANTS = {"NULL": None, "TRUE": True, "FALSE": False}
Step = str | int


class Number:
    """A number of a message, as written."""

    def __init__(self, written: str) -> None:
        self.written = written
        self.whole = written.lstrip("-").isdigit()

    def shown(self) -> str:
        """As AWS prints it: integers as written, others as Java does."""
        double = 0.0 if self.whole else float(self.written)
        if self.whole or math.isinf(double):
            return self.written if self.whole else "Infinity"
        if double == 0 or 1e-3 <= abs(double) < 1e7:
            return repr(double)
        plain = Decimal(repr(double)).normalize()
        digits = "".join(map(str, plain.as_tuple().digits))
        return f"{digits[0]}.{digits[1:] or '0'}E{plain.adjusted()}"

    def exact(self) -> Decimal | None:
        if self.whole:
            return Decimal(self.written)
        double = float(self.written)
        return None if math.isinf(double) else Decimal(repr(double))


class Made(NamedTuple):
    steps: Sequence[Step]
    op: str
    value: str
    kind: str
    text: str


def compares(op: str, value: str, kind: str, node: Any) -> bool:
    """One comparison with what stands in the message."""
    if not isinstance(node, str | Number):
        return False
    if kind == "number" and isinstance(node, Number):
        found, wanted = node.exact(), Decimal(value)
        return found is not None and {
            "=": found == wanted, "!=": found != wanted, "<": found < wanted,
            "<=": found <= wanted, ">": found > wanted, ">=": found >= wanted,
        }[op]  # fmt: skip
    if op not in ("=", "!="):
        return False
    text = node.shown() if isinstance(node, Number) else node
    if kind == "regex":
        equal = re.search(value, text) is not None
    elif kind == "text" and "*" in value:
        equal = re.fullmatch(re.escape(value).replace(r"\*", ".*"), text, re.DOTALL) is not None
    else:
        equal = text == value
    return equal is (op == "=")


def walk(node: Any, steps: Sequence[Step]) -> Any:
    for step in steps:
        if isinstance(step, str):
            node = node.get(step, MISSING) if isinstance(node, dict) else MISSING
        else:
            node = node[step] if isinstance(node, list) and step < len(node) else MISSING
    return node


def holds(test: Made, root: Any) -> bool:
    if "*" in test.steps:
        return holds_below(test, root)
    node = walk(root, test.steps)
    if test.op == "NOT EXISTS":
        return node is MISSING
    if test.op == "IS":
        quirk = test.value == "NULL" and isinstance(node, list) and node[:1] == [None]
        return node is CONSTANTS[test.value] or quirk
    return compares(test.op, test.value, test.kind, node)


def holds_below(test: Made, root: Any) -> bool:
    at = test.steps.index("*")
    parent = walk(root, test.steps[:at])
    children = list(parent.values()) if isinstance(parent, dict) else parent
    if not isinstance(children, list):
        children = []
    below = [walk(one, test.steps[at + 1 :]) for one in children]
    nodes = [one for one in below if one is not MISSING]
    if test.op == "NOT EXISTS":
        return not nodes
    if test.op == "IS":
        return any(one is CONSTANTS[test.value] for one in nodes)
    if test.op == "!=":
        equal = any(compares("=", test.value, test.kind, one) for one in nodes)
        return parent is not MISSING and not equal
    return any(compares(test.op, test.value, test.kind, one) for one in nodes)


class Maker:
    """Makes up patterns and messages that have to do with each other."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def test(self) -> Made:
        steps: list[Step] = [self.random.choice(["a", "a", "a", "b"])]
        for _ in range(self.random.choice([0, 0, 0, 1, 1, 2])):
            more: list[Step] = ["b", "c", 0, 1]
            steps.append(self.random.choice(more if "*" in steps else [*more, "*"]))
        field, chance = self.written(steps), self.random.random()
        if chance < 0.1:
            return Made(steps, "NOT EXISTS", "", "", f"{field} NOT EXISTS")
        if chance < 0.2:
            value = self.random.choice(list(CONSTANTS))
            return Made(steps, "IS", value, "", f"{field} is {value.lower()}")
        if chance < 0.45:
            op = self.random.choice(["<", "<=", ">", ">=", "=", "!="])
            value = self.random.choice(NUMBERS)
            return Made(steps, op, value, "number", f"{field}{op}{value}")
        op = self.random.choice(["=", "!="])
        kind, values, form = self.random.choice(
            [("text", WORDS, "{}"), ("text", QUOTED, '"{}"'), ("regex", REGEXES, "%{}%")]
        )
        value = self.random.choice(values)
        return Made(steps, op, value, kind, f"{field} {op} {form.format(value)}")

    def written(self, steps: Sequence[Step]) -> str:
        text = f"$.{steps[0]}"
        for step in steps[1:]:
            forms = [".*", "[*]"] if step == "*" else [f".{step}", f"['{step}']", f".['{step}']"]
            text += self.random.choice(forms) if isinstance(step, str) else f"[{step}]"
        return text

    def node(self, depth: int = 0) -> str:
        chance = self.random.random()
        if depth > 2 or chance < 0.55:
            return self.random.choice(LEAVES)
        if chance < 0.78:
            items = [self.node(depth + 1) for _ in range(self.random.randint(0, 3))]
            return f"[{','.join(items)}]"
        return self.object(depth + 1)

    def object(self, depth: int = 0) -> str:
        names = self.random.sample("abc", self.random.randint(0, 3))
        members = [f'"{name}":{self.node(depth)}' for name in names]
        return f"{{{','.join(members)}}}"


@pytest.mark.parametrize("seed", range(4))
def test_two_readings_of_the_specification_agree(seed: int) -> None:
    make = Maker(seed)
    matched = 0
    for _ in range(1500):
        tests = [make.test() for _ in range(make.random.choice([1, 1, 2]))]
        joint = make.random.choice([" && ", "||"])
        pattern = parse(f"{{ {joint.join(test.text for test in tests)} }}")
        for _ in range(3):
            message = make.object()
            root = json.loads(message, parse_int=Number, parse_float=Number)
            each = [holds(test, root) for test in tests]
            wanted = all(each) if "&" in joint else any(each)
            assert pattern.matches(message) is wanted, (pattern.text, message)
            assert pattern.explain(message).holds is wanted
            matched += wanted
    assert matched > 300
