"""Exclusions are added so that nothing else is lost, and taken out without a trace."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailwatch.detections import load_catalogue
from trailwatch.pattern import MAX_LENGTH, parse
from trailwatch.pattern.addresses import AddressError, excluding, network_values
from trailwatch.pattern.edit import (
    EditError,
    Exclusion,
    exclude,
    exclusions,
    include,
    selector,
)
from trailwatch.pattern.syntax import Literal, RegexLiteral

CATALOGUE = load_catalogue()
ARN = selector("$.userIdentity.arn")
NAME = selector("$.eventName")


def test_a_field_that_may_be_missing_is_guarded() -> None:
    pattern = exclude(parse('{ $.errorCode = "AccessDenied*" }'), ARN, [Literal("*role/deploy*")])
    assert pattern.text == (
        '{ ($.errorCode = "AccessDenied*") && '
        '(($.userIdentity.arn NOT EXISTS) || ($.userIdentity.arn != "*role/deploy*")) }'
    )
    assert pattern.matches('{"errorCode": "AccessDenied"}')
    assert not pattern.matches(
        '{"errorCode": "AccessDenied", "userIdentity": {"arn": "x:role/deploy/y"}}'
    )


def test_a_field_that_every_record_has_is_not() -> None:
    pattern = exclude(parse("{ $.errorCode = x }"), NAME, [Literal("A"), Literal("B")])
    assert pattern.text == '{ ($.errorCode = "x") && ($.eventName != "A") && ($.eventName != "B") }'


def test_the_alternatives_of_a_pattern_are_kept_together() -> None:
    pattern = exclude(
        parse("{ $.errorCode = a || $.errorCode = b }"), NAME, [Literal("HeadBucket")]
    )
    assert not pattern.matches('{"errorCode": "a", "eventName": "HeadBucket"}')
    assert pattern.matches('{"errorCode": "b", "eventName": "X"}')


def test_values_of_one_field_share_one_guard() -> None:
    once = exclude(parse("{ $.errorCode = x }"), ARN, [Literal("a")])
    twice = exclude(once, ARN, [Literal("a"), Literal("b")])
    assert str(twice).count("NOT EXISTS") == 1
    assert exclusions(twice) == (Exclusion(ARN, Literal("a")), Exclusion(ARN, Literal("b")))
    assert exclude(twice, ARN, [Literal("b")]) is twice
    assert include(twice, Exclusion(ARN, Literal("b"))).equal(once)


@given(
    st.sampled_from([detection.pattern for detection in CATALOGUE]),
    st.sampled_from([ARN, NAME, selector("$.sourceIPAddress"), selector("$.['a b'].c[0]")]),
    st.lists(st.text(max_size=8), min_size=1, max_size=3, unique=True).map(
        lambda texts: [Literal(text) for text in texts]
    ),
)
def test_what_was_excluded_is_taken_out_without_a_trace(
    text: str, field: object, values: list[Literal]
) -> None:
    assert isinstance(field, type(ARN))
    before = parse(text)
    after = exclude(before, field, values)
    fresh = [value for value in values if Exclusion(field, value) not in exclusions(before)]
    for value in fresh:
        assert Exclusion(field, value) in exclusions(after)
        after = include(after, Exclusion(field, value))
    assert after.equal(before)


def test_what_cannot_be_edited_is_refused() -> None:
    with pytest.raises(EditError, match="only patterns in braces"):
        exclude(parse("ERROR"), ARN, [Literal("x")])
    with pytest.raises(EditError, match="wildcard"):
        exclude(parse("{ $.a = 1 }"), selector("$.resources[*].ARN"), [Literal("x")])
    with pytest.raises(EditError, match="does not exclude"):
        include(parse("{ $.a = 1 && $.b = 2 }"), Exclusion(ARN, Literal("x")))
    with pytest.raises(EditError, match="not a selector"):
        selector("eventName")
    with pytest.raises(EditError, match="less than or equal to 1024"):
        exclude(parse("{ $.a = 1 }"), ARN, [Literal("x" * MAX_LENGTH)])
    three = [RegexLiteral(text) for text in "abc"]
    with pytest.raises(EditError, match="maximum of 2 regular expressions"):
        exclude(parse("{ $.a = 1 }"), ARN, three)


def test_networks_can_be_excluded() -> None:
    field = selector("$.sourceIPAddress")
    pattern = exclude(
        parse("{ $.eventName = ConsoleLogin }"),
        field,
        network_values(["198.51.100.0/24", "203.0.113.64/26"]),
    )
    for address, matched in (
        ("198.51.100.7", False), ("203.0.113.64", False), ("203.0.113.127", False),
        ("203.0.113.128", True), ("198.51.101.7", True),
    ):  # fmt: skip
        record = {"eventName": "ConsoleLogin", "sourceIPAddress": address}
        assert pattern.matches(json.dumps(record)) is matched, address
    assert excluding("$.x", ["198.51.100.7"]) == ['$.x != "198.51.100.7"']
    with pytest.raises(AddressError):
        network_values(["198.51.100.7/24"])
