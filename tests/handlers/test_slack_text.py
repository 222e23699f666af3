from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.slack_text import mentioned_id, typed

PATTERN = '{ ($.eventName = "ConsoleLogin") && ($.sourceIPAddress != "198.51.100.7") }'


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (html.escape(PATTERN, quote=False), PATTERN),
        (PATTERN.replace('"', "\u201d"), PATTERN),
        ("setup plan \u2014pack cis", "setup plan --pack cis"),
        ("setup plan \u2013pack cis", "setup plan --pack cis"),
        ("events <http://example.com|example.com>", "events example.com"),
        ("ask <mailto:jane@example.com|jane@example.com>", "ask jane@example.com"),
        ("a\u00a0b ", "a b"),
        ("typed &amp;amp; once", "typed &amp; once"),
        ("grant <@U012AB3CD|bob> responder", "grant <@U012AB3CD|bob> responder"),
        ("10 \u2013 20", "10 \u2013 20"),
    ],
)
def test_what_slack_did_is_undone(sent: str, meant: str) -> None:
    assert typed(sent) == meant


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_escaping_by_slack_changes_nothing(text: str) -> None:
    """Whether Slack escapes a plain text or not, the bot understands the same."""
    if "<" in text or "&" in text:
        text = text.replace("<", "").replace("&", "and")
    assert typed(html.escape(text, quote=False)) == typed(text)


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    assert isinstance(typed(text), str)


def test_who_is_mentioned() -> None:
    assert mentioned_id("<@U012AB3CD|bob>") == "U012AB3CD"
    assert mentioned_id("<!subteam^S0ABC|@oncall>") == "S0ABC"
    assert mentioned_id("U012AB3CD") == "U012AB3CD"
    assert mentioned_id("bob") is None
