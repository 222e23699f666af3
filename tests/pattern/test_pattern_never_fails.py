"""No text and no message makes the pattern language raise anything else, or take long."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailwatch.pattern import MAX_LENGTH, Document, PatternError, parse

BITS = [
    *"{}[]()%$.,*?-+'\"\\ :^|&!<>=",
    "$.a", "$.*", "$.a[0]", "$.a[*].b", "$.['a b']", "[*]", "&&", "||", "!=", "<=", ">=", "...",
    "IS", "NULL", "TRUE", "NOT EXISTS", "1", "-1.5e3", "1e309", "foo*", "*", '"x"', '"', "%a+%",
    "%[0-9]{2}%", "%a{,3}%", "\\d", "\\x41", "a{1000}", "é", "\ud800", "\n", "\t", "name", "w1",
]  # fmt: skip

texts = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(BITS), max_size=24).map("".join),
    st.lists(st.sampled_from(BITS), max_size=24).map(lambda bits: "{" + " ".join(bits) + "}"),
    st.lists(st.sampled_from(BITS), max_size=24).map(lambda bits: "[" + " ".join(bits) + "]"),
    st.lists(st.sampled_from(BITS), max_size=24).map(lambda bits: "%" + "".join(bits) + "%"),
)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["1", "x", "foo", "\ud800"])
)  # fmt: skip
nodes = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner),
    max_leaves=8,
)
messages = st.one_of(
    st.text(max_size=60),
    st.binary(max_size=40),
    nodes.map(json.dumps),
    st.dictionaries(st.sampled_from(["a", "b", "a b"]), nodes).map(json.dumps),
)


@given(texts, messages)
def test_a_text_parses_or_raises_pattern_error_and_then_tests_any_message(
    text: str, message: str | bytes
) -> None:
    try:
        pattern = parse(text)
    except PatternError as error:
        assert str(error)
        assert 0 <= error.at <= len(text)
        return
    matched = pattern.matches(message)
    values = pattern.extract(message)
    assert isinstance(matched, bool)
    assert (values is not None) is matched
    assert pattern.matches(Document.of(message)) is matched


LONG = [
    "(" * MAX_LENGTH,
    "{" + "(" * 1022 + "}",
    "{" + "(" * 500 + "$.a=1" + ")" * 500 + "}",
    "{" + "($.a=1&&($.b=1||" * 60 + "$.c=1" + "))" * 25 + "}",
    "{ $.a = " + "9" * 1000 + " }",
    "{ $.a > 1e2147483647 }",
    "{ $.a[" + "9" * 1000 + "] = 1 }",
    "{ $" + ".a" * 508 + "=1}",
    "{ $" + ".['" * 300 + "}",
    "[" + "," * 1000 + "]",
    '"' + "\\" * 1000 + '"',
    "%" + "a{999}" * 150 + "%",
    "%" + ".*" * 500 + "%",
    "%a.{1000}c%",
    "%" + "[" * 1000 + "%",
    "?a-" * 300,
    "x" * 10_000_000,
]
HEAVY = [
    "[" * 200_000 + "]" * 200_000,
    '{"a":' * 100_000 + "1" + "}" * 100_000,
    '{"a":' * 100_000,
    '{"a":' + "[" * 100_000 + "]" * 100_000 + "}",
    '{"a":' + "9" * 500_000 + "}",
    '{"a":0.' + "9" * 500_000 + "}",
    '{"a":1e' + "9" * 100_000 + "}",
    '{"a":-1e-' + "9" * 100_000 + "}",
    '"' * 262_143,
    '[ "x" ' * 40_000,
    "[ " * 130_000,
    '{"a":"\\ud800"}',
    "\ud800" * 10_000,
    "ab" * 131_072,
    "0." * 100_000,
    "1" * 200_000,
]


@pytest.mark.parametrize("text", LONG, ids=lambda text: text[:12])
def test_a_long_text_is_read_in_no_time(text: str) -> None:
    start = time.thread_time()
    try:
        pattern = parse(text)
    except PatternError:
        pass
    else:
        assert isinstance(pattern.matches('{"a": 1}'), bool)
    assert time.thread_time() - start < 2


@pytest.mark.parametrize("number", range(len(HEAVY)))
def test_a_heavy_message_is_tested_in_bounded_time(number: int) -> None:
    start = time.thread_time()
    document = Document.of(HEAVY[number])
    for text in ("{ $.a = 1 }", "{ $.a > 1e9 }", "{ $.a[*] != 2 }", "{ $.a = %9+$% }", "[]",
                 "[a = 1, ..., z != 2]", "[a > 5]", "%a.{50}c%", "x -y"):  # fmt: skip
        assert isinstance(parse(text).matches(document), bool)
    assert time.thread_time() - start < 20


def test_nesting_deeper_than_the_stack_is_still_read_as_json() -> None:
    deep = '{"x":' * 5000 + "[null]" + "}" * 5000
    assert parse("{ $.a = 1 && $.b NOT EXISTS }").matches(f'{{"x":{deep},"a":1}}')
    assert not parse("{ $.a = 1 }").matches(f'{{"x":{deep},"a":1')
    assert not parse("{ $.a = 1 }").matches(f'{{"x":{deep},"a":1}} tail')
    assert parse("{ $.x[0] = 1e0 }").matches('{"x":[1, ' + "[" * 5000 + "]" * 5000 + "]}")
