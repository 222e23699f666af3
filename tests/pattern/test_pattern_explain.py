"""Explanations say what a pattern asks for, and agree with the matcher about every part."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from trailwatch.pattern import Clause, parse

LOGIN = {
    "eventName": "ConsoleLogin",
    "sourceIPAddress": "8.8.8.8",
    "responseElements": None,
    "list": [1, 2.5, "x", None, True],
}


def _lines(text: str, event: object = None) -> list[str]:
    message = None if event is None else json.dumps(event)
    return list(parse(text).explain(message).lines())


def test_a_pattern_in_english() -> None:
    assert _lines('{ ($.eventName = ConsoleLogin) && ($.sourceIPAddress != "8.8.8.*") }') == [
        "The message is one JSON object in which all of these hold:",
        '- eventName is "ConsoleLogin"',
        '- sourceIPAddress is there and does not start with "8.8.8."',
    ]
    assert _lines("{ $.errorCode NOT EXISTS }") == [
        "The message is one JSON object in which this holds:",
        "- errorCode is missing",
    ]
    assert _lines("{ $.a = *x* && ($.b = *y || $.c > 1 || $.d = %e% || $.f = 1 || $.g = *) }") == [
        "The message is one JSON object in which all of these hold:",
        '- a contains "x"',
        "- at least one of these holds:",
        '  - b ends with "y"',
        "  - c is a number more than 1",
        "  - d has a match of the regular expression e",
        "  - f is the number 1",
        "  - g is any text or number",
    ]


def test_an_event_clause_by_clause() -> None:
    assert _lines('{ $.eventName = ConsoleLogin && $.sourceIPAddress != "8.8.8.8" }', LOGIN) == [
        "[no] The message is one JSON object in which all of these hold:",
        '- [yes] eventName is "ConsoleLogin" (found "ConsoleLogin")',
        '- [no] sourceIPAddress is there and is not "8.8.8.8" (found "8.8.8.8")',
    ]
    assert _lines("{ $.errorCode != x || $.responseElements IS NULL }", LOGIN) == [
        "[yes] The message is one JSON object in which at least one of these holds:",
        '- [no] errorCode is there and is not "x" (found nothing)',
        "- [yes] responseElements is null (found null)",
    ]
    assert _lines("{ $.responseElements = x }", LOGIN) == [
        "[no] The message is one JSON object in which this holds:",
        '- [no] responseElements is "x" (found null, of which no comparison is true)',
    ]
    assert _lines("{ $.list[*] = x || $.list[*] != y || $.none[*] IS TRUE }", LOGIN) == [
        "[yes] The message is one JSON object in which at least one of these holds:",
        '- [yes] at least one list[*] is "x" (found 1, 2.5, "x" and 2 more)',
        '- [yes] no list[*] is "y" (found 1, 2.5, "x" and 2 more)',
        "- [no] at least one none[*] is true (found none)",
    ]


def test_a_message_that_is_no_json() -> None:
    assert list(parse("{ $.a NOT EXISTS }").explain("text").lines()) == [
        "[no] The message is one JSON object in which this holds (found something else):",
        "- a is missing",
    ]


def test_the_other_forms() -> None:
    assert _lines("ERROR -x ?y") == [
        "All of these hold:",
        '- the message contains "ERROR"',
        '- the message does not contain "x"',
    ]
    assert list(parse("?a ?b").explain("b").lines()) == [
        "[yes] At least one of these holds:",
        '- [no] the message contains "a"',
        '- [yes] the message contains "b"',
    ]
    assert _lines("") == ["Every message matches"]
    assert list(parse("%a+%").explain("caat").lines()) == [
        "[yes] The message has a match of the regular expression a+"
    ]
    assert list(
        parse("[level = ERROR || level = 5*, ..., ms > 9]").explain("INFO x 12").lines()
    ) == [
        "[no] The message has at least 2 fields parted by blanks, and all of these hold:",
        '- [no] of level, at least one of these holds (found "INFO"):',
        '  - [no] level is "ERROR"',
        '  - [no] level starts with "5"',
        '- [yes] ms is a number more than 9 (found "12")',
    ]
    assert list(parse("[a, b = 1]").explain("x").lines()) == [
        "[no] The message has at least 2 fields parted by blanks (found 1)"
    ]


def test_many_texts_for_one_field_are_one_clause() -> None:
    names = "$.eventName = A || $.eventName = B || $.errorCode = C* || $.eventName = ConsoleLogin"
    assert _lines(f"{{ {names} }}", LOGIN) == [
        "[yes] The message is one JSON object in which at least one of these holds:",
        '- [yes] eventName is one of "A", "B", "ConsoleLogin" (found "ConsoleLogin")',
        '- [no] errorCode starts with "C" (found nothing)',
    ]
    assert _lines("{ $.eventName = A || $.eventName = B || $.eventName = C }") == [
        "The message is one JSON object in which this holds:",
        '- eventName is one of "A", "B", "C"',
    ]
    addresses = " && ".join(f'$.sourceIPAddress != "8.8.8.{last}"' for last in (7, 8, 9))
    assert _lines(f"{{ $.eventName = ConsoleLogin && {addresses} }}", LOGIN) == [
        "[no] The message is one JSON object in which all of these hold:",
        '- [yes] eventName is "ConsoleLogin" (found "ConsoleLogin")',
        '- [no] sourceIPAddress is there and is none of "8.8.8.7", "8.8.8.8", "8.8.8.9" '
        '(found "8.8.8.8")',
    ]


def test_only_what_made_it_match() -> None:
    text = "{ ($.a = A || $.b = B || $.eventName = ConsoleLogin) && $.list[*] = x }"
    clause = parse(text).explain(json.dumps(LOGIN))
    assert list(clause.because().lines()) == [
        "[yes] The message is one JSON object in which all of these hold:",
        "- [yes] at least one of these holds:",
        '  - [yes] eventName is "ConsoleLogin" (found "ConsoleLogin")',
        "  - 2 others do not hold",
        '- [yes] at least one list[*] is "x" (found 1, 2.5, "x" and 2 more)',
    ]
    other = parse(text).explain("{}")
    assert other.because() is other
    assert list(parse("?a ?b").explain("b").because().lines())[-1] == "- another does not hold"


PATTERNS = [
    "{ $.a = 1 }", "{ $.a != x && $.b = * }", "{ $.a NOT EXISTS || ($.b > 1 && $.a IS NULL) }",
    "{ $.a[*] != 1 }", "{ $.a = %x% }", "[a, b]", "[a = 1 && a != 2, ..., c]", "x -y", "?x ?y", "",
    "%x%", "[]",
]  # fmt: skip
messages = st.text(max_size=20) | st.dictionaries(
    st.sampled_from("ab"), st.none() | st.integers(0, 2) | st.text("xy1", max_size=2), max_size=2
).map(json.dumps)


def _agree(clause: Clause) -> None:
    for part in clause.parts:
        _agree(part)
    if clause.parts and clause.holds is not None and clause.parts[0].holds is not None:
        found = [part.holds for part in clause.parts]
        assert clause.holds in (all(found), any(found))


@given(st.sampled_from(PATTERNS), messages)
def test_the_explanation_agrees_with_the_matcher(text: str, message: str) -> None:
    pattern = parse(text)
    clause = pattern.explain(message)
    assert clause.holds is pattern.matches(message)
    _agree(clause)
