"""What a person looks for, as a filter pattern; nothing typed gets out of its place in it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailwatch.errors import UsageError
from trailwatch.event_filter import Wanted, filter_for
from trailwatch.pattern import parse

RECORD = json.dumps(
    {
        "eventName": "CreateUser",
        "sourceIPAddress": "203.0.113.7",
        "userIdentity": {
            "arn": "arn:aws:sts::123456789012:assumed-role/deploy/jane@example.com",
            "accessKeyId": "ASIAEXAMPLE000000001",
        },
    }
)


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (Wanted(), True),
        (Wanted(pattern='{ $.eventName = "CreateUser" }'), True),
        (Wanted(pattern="{ ($.a = 1) || ($.eventName = CreateUser) }", who="jane"), True),
        (Wanted(pattern="{ ($.eventName = CreateUser) || ($.a = 1) }", who="kim"), False),
        (Wanted(who="ASIAEXAMPLE000000001", event="Create*", address="203.0.113.0/28"), True),
        (Wanted(address="203.0.113.*"), True),
        (Wanted(address="203.0.113.16/28"), False),
        (Wanted(event="DeleteUser"), False),
        (Wanted(address="cloudtrail.amazonaws.com"), False),
    ],
)
def test_all_of_it_must_match(wanted: Wanted, matches: bool) -> None:
    assert filter_for(wanted).matches(RECORD) is matches


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(pattern="{ $.a"),
        Wanted(pattern="two words"),
        Wanted(pattern="{ $.a = 1 }", who='x" || $.a = "'),
        Wanted(event='Create" || "'),
        Wanted(address='1" || "'),
        Wanted(address="203.0.113.7/28"),
        Wanted(
            pattern="{ " + " || ".join(f'($.a = "{n}")' for n in range(99)) + " }", who="x" * 99
        ),
    ],
)
def test_what_cannot_be_searched_is_refused(wanted: Wanted) -> None:
    with pytest.raises(UsageError):
        filter_for(wanted)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_whatever_is_typed_is_refused_or_a_pattern(a: str, b: str, c: str, d: str) -> None:
    try:
        found = filter_for(Wanted(a, b, c, d))
    except UsageError:
        return
    assert parse(found.text).text == found.text
