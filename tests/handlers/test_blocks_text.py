"""Text from outside: what each way of showing it makes of marks, links and hidden characters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.blocks.text import (
    NOTHING,
    code,
    count,
    cut,
    date,
    esc,
    label,
    link,
    plain,
    prose,
    safe_url,
    span,
    utc,
)

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@U1&gt;"),
        ("*bold* _it_ ~gone~ `code`", "∗bold∗ ˍitˍ ∼gone∼ ˋcodeˋ"),
        ("snake_case_name 2*3 a~b", "snake_case_name 2*3 a~b"),
        ("__init__", "ˍˍinitˍˍ"),
        ("> quoted", "› quoted"),
        ("a > b", "a &gt; b"),
        (":fire: :+1: 09:59:41", "∶fire: ∶+1: 09:59:41"),
        ("one\r\n two\tthree\u2028four", "one two three four"),
        ("a\u202eb\u200bc\x00d\ud800\U000e0041", "a\\u202eb\\u200bc\\u0000d\\ud800\\U000e0041"),
        ("  ", NOTHING),
        ("naïve 日本 🚨 ✔\ufe0f", "naïve 日本 🚨 ✔\ufe0f"),
    ],
)
def test_esc(given_text: str, shown: str) -> None:
    assert esc(given_text, 100) == shown


def test_esc_caps_before_it_escapes() -> None:
    assert esc("<" * 10, 4) == "&lt;&lt;&lt;…"
    assert esc("&" * 4, 4) == "&amp;" * 4


def test_code_keeps_all_but_the_backtick() -> None:
    assert code("a_b* `x` <y> :fire:") == "`a_b* ˋxˋ &lt;y&gt; :fire:`"
    assert code("") == f"`{NOTHING}`"
    assert code("x" * 200, 5) == "`xxxx…`"


def test_plain_and_label_are_literal() -> None:
    assert plain("<!channel> *x* :fire: arn:aws:iam::1:root", 99) == (
        "<!channel> *x* :fire: arn:aws:iam::1:root"
    )
    assert label(":fire: <@U1>", 99) == "∶fire: <@U1>"


def test_accents_do_not_pile_up() -> None:
    assert plain("é" + "e\u0301\u0301", 99) == "é" + "e\u0301\u0301"
    assert plain("e" + "\u0301" * 9, 99).count("\u0301") == 4


@given(st.text(), st.integers(1, 50))
def test_never_longer_than_asked(text: str, limit: int) -> None:
    assert 1 <= len(plain(text, limit)) <= limit
    assert 1 <= len(label(text, limit)) <= limit


def test_dates_are_for_the_reader_and_fall_back_to_utc() -> None:
    assert date(AT) == "<!date^1795428000^{date_short_pretty} {time}|2026-11-23 10:00 UTC>"
    assert date(AT, "a|b>c", "{time}") == "<!date^1795428000^{time}|a/b&gt;c>"
    assert utc(AT.astimezone(timezone(timedelta(hours=9)))) == "2026-11-23 10:00 UTC"


@pytest.mark.parametrize(
    ("length", "shown"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(minutes=12, seconds=30), "12 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(hours=3, minutes=5), "3 h 5 min"),
        (timedelta(days=2, hours=4), "2 d 4 h"),
        (timedelta(days=2), "2 d"),
    ],
)
def test_spans(length: timedelta, shown: str) -> None:
    assert span(length) == shown


def test_counts() -> None:
    assert count(1, "event") == "1 event"
    assert count(1000, "event") == "1,000 events"
    assert count(2, "entry", "entries") == "2 entries"
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "https://a b",
        "https://a|b",
        "https://a>b",
        "https://a\u202eb",
        'https://a"b',
        "ftp://a",
        "https://a\n",
    ],
)
def test_odd_addresses_are_not_linked(url: str) -> None:
    assert safe_url(url) == ""
    assert link(url, "text") == "text"


def test_links() -> None:
    assert link("https://example.com/?a=1&b=2", "x|y") == "<https://example.com/?a=1&amp;b=2|x∣y>"


def test_prose_keeps_its_code_and_nothing_else() -> None:
    assert prose("Set `a_*` of *all*; `open", 100) == "Set `a_*` of \u2217all\u2217; \u02cbopen"
    assert prose("`<!here>` and <!here>", 100) == "`&lt;!here&gt;` and &lt;!here&gt;"
    assert prose("", 10) == ""
