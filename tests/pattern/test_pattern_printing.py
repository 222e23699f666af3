"""A pattern that is printed and read again is the same pattern, and within AWS's limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailwatch.pattern import MAX_LENGTH, PatternError, parse
from trailwatch.pattern.parse_json import all_of, any_of
from trailwatch.pattern.printing import to_text
from trailwatch.pattern.syntax import (
    Compare,
    Field,
    FieldAnd,
    FieldOr,
    FieldsForm,
    FieldTest,
    Index,
    Is,
    JsonForm,
    Kind,
    Literal,
    Name,
    NotExists,
    NumberLiteral,
    Op,
    RegexForm,
    RegexLiteral,
    Selector,
    Syntax,
    TermsForm,
    Wildcard,
)

words = st.text(st.characters(exclude_categories=()), max_size=6)
names = words.map(lambda text: text.replace("'", ""))
steps = st.builds(Name, names) | st.builds(Index, st.integers(0, 99))
selectors = st.tuples(st.builds(Name, names), st.lists(steps, max_size=2)).map(
    lambda parts: Selector((parts[0], *parts[1]))
) | st.just(Selector((Name("a"), Wildcard(bracketed=True))))
literals = st.builds(Literal, words | st.sampled_from(["null", "1", "...", "x*", '\\"', "\\\\"]))
numbers = st.sampled_from(["1", "+1.5", "-.5e-3", "1e309"]).map(NumberLiteral)
plain_values = literals | numbers
equality = st.sampled_from([Op.EQ, Op.NE])
order = st.sampled_from([Op.LT, Op.LE, Op.GT, Op.GE])
tests = (
    st.builds(Compare, selectors, equality, plain_values)
    | st.builds(Compare, selectors, order, numbers)
    | st.builds(Is, selectors, st.sampled_from(Kind))
    | st.builds(NotExists, selectors)
)
conditions = st.recursive(
    tests,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map(all_of)
        | st.lists(inner, min_size=2, max_size=3).map(any_of)
    ),
    max_leaves=6,
)
field_tests = st.builds(FieldTest, equality, plain_values) | st.builds(FieldTest, order, numbers)
field_ands = field_tests | st.lists(field_tests, min_size=2, max_size=3).map(
    lambda items: FieldAnd(tuple(items))
)
field_conditions = field_ands | st.lists(field_ands, min_size=2, max_size=3).map(
    lambda items: FieldOr(tuple(items))
)
fields = st.lists(st.none() | field_conditions | st.just("unnamed"), min_size=2, max_size=5).map(
    lambda found: tuple(
        Field() if isinstance(condition, str) else Field(f"f{place}", condition)
        for place, condition in enumerate(found)
    )
)
terms = st.lists(words.filter(bool), max_size=3).map(tuple)
forms = (
    conditions.map(JsonForm)
    | st.builds(TermsForm, terms, terms, terms)
    | st.builds(FieldsForm, fields, st.none() | st.integers(0, 2))
    | st.just(RegexForm(RegexLiteral("^a.{1,3}$")))
)


@given(forms)
def test_what_is_printed_reads_as_what_it_was(form: Syntax) -> None:
    text = to_text(form)
    try:
        pattern = parse(text)
    except PatternError as error:
        # More wildcards than AWS allows, or longer: the form itself is refused, not its text.
        assert "maximum" in str(error) or len(text) > MAX_LENGTH
        return
    assert pattern.syntax == form
    assert str(pattern) == text


PIECES = [
    "{", "}", "[", "]", "(", ")", ",", "...", "$.a", "$.a-b[0]", "$.['x y'].b", "$.*", "=", "!=",
    "<", "&&", "||", "IS NULL", "NOT EXISTS", "1", "-2.5e1", "foo*", '"a b"', '"\\\\"', '"\\x"',
    '"1"', "true", "%a+%", "w", "-", "?", '" "',
]  # fmt: skip


@given(
    st.lists(st.sampled_from(PIECES), max_size=20).map("".join)
    | st.lists(st.sampled_from(PIECES), max_size=20).map(lambda bits: f"{{{''.join(bits)}}}")
    | st.lists(st.sampled_from(PIECES), max_size=20).map(lambda bits: f"[{' '.join(bits)}]")
    | st.text(max_size=30)
)
def test_what_was_read_prints_as_something_that_reads_the_same(text: str) -> None:
    try:
        pattern = parse(text)
    except PatternError:
        return
    assert parse(str(pattern)).equal(pattern)


@pytest.mark.parametrize(
    "text",
    [
        "{" + "||".join(["$.a=b"] * 146) + "}",
        "{" + "&&".join(["($.a=b||$.c=d)"] * 62) + "}",
        "[" + ",".join(f"f{n}=x" for n in range(155)) + "]",
        "a" + "-b" * 511,
        '"' + "\\a" * 511 + '"',
    ],
)
def test_a_pattern_of_the_full_length_still_prints_within_it(text: str) -> None:
    assert len(text) > 900
    pattern = parse(text)
    assert len(str(pattern)) <= MAX_LENGTH
    assert parse(str(pattern)).equal(pattern)


def test_every_recorded_pattern_prints(shared: Path) -> None:
    file = shared / "data" / "filter-vectors.jsonl"
    if not file.exists():
        pytest.skip("no recorded answers beside the project")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for text in {row["pattern"] for row in rows if "error" not in row}:
        assert parse(str(parse(text))).equal(parse(text)), text


def test_the_printed_form_is_for_readers() -> None:
    assert str(parse("{($.a=x)&&(($.b!=1)||($.c NOT EXISTS))}")) == (
        '{ ($.a = "x") && (($.b != 1) || ($.c NOT EXISTS)) }'
    )
    assert str(parse("[a=1&&a!=2 , ... ,z]")) == "[a = 1 && a != 2, ..., z]"
    assert str(parse("?x a -'b'".replace("'", '"'))) == "a -b ?x"
