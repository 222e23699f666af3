"""The caret stands below the error, whatever stands before it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailwatch.pattern import PatternError, parse
from trailwatch.pattern.pointing import MAX_COLUMNS, pointed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{ $.a == 1 }", "{ $.a == 1 }\n       ^"),
        ("{\t$.a\t==\t1 }", "{ $.a == 1 }\n       ^"),
        ("{   $.a == 1 }", "{   $.a == 1 }\n         ^"),
        ('{ $.a = "日本" = 1 }', '{ $.a = "日本" = 1 }\n               ^'),
        ('{ $.a = "e\u0301\u200b" = 1 }', '{ $.a = "e\\u0301\\u200b" = 1 }\n' + " " * 24 + "^"),
        ("{ $.a = 1 &&\n  $.b == 2 }", "  $.b == 2 }\n       ^"),
        ("{ $.a = 1 &&\n }", " }\n ^"),
        ("a -", "a -\n   ^"),
        ("ERROR\u00a0WARN", "ERROR WARN\n     ^"),
    ],
)
def test_the_caret_stands_below_the_error(text: str, shown: str) -> None:
    with pytest.raises(PatternError) as caught:
        parse(text)
    assert pointed(text, caught.value.at) == shown


def test_of_a_long_pattern_the_part_around_the_error_is_shown() -> None:
    text = "{ " + " || ".join(f'$.eventName = "Event{n}"' for n in range(20)) + " || $.a == 1 }"
    with pytest.raises(PatternError) as caught:
        parse(text)
    shown, caret = pointed(text, caught.value.at).split("\n")
    assert len(shown) <= MAX_COLUMNS
    assert shown.startswith("…")
    assert shown.endswith("|| $.a == 1 }")
    assert shown[caret.index("^") :] == "= 1 }"
    start = pointed(text, 2).split("\n")[0]
    assert start.startswith("{ $.eventName")
    assert start.endswith("…")
    middle = pointed(text, 300).split("\n")[0]
    assert middle.startswith("…")
    assert middle.endswith("…")


@given(st.text(max_size=200) | st.text("ab\t日\u0301\n ", max_size=200), st.data())
def test_the_caret_is_always_within_its_line(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    shown, caret = pointed(text, at).split("\n")
    assert caret.strip() == "^"
    assert len(shown) <= MAX_COLUMNS
    assert len(caret) <= MAX_COLUMNS + 1
    assert shown.isprintable()
