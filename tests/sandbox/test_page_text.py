"""Text on the page: mrkdwn, rich text, Markdown, dates, and what must come out harmless."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.page.characters import safe_url, shown
from sandbox.page.dates import ViewerClock, formatted, zone_named
from sandbox.page.markdown import markdown
from sandbox.page.mrkdwn import mrkdwn
from sandbox.page.reader import Reader
from sandbox.page.richtext import rich_text

NOW = datetime(2026, 11, 23, 10, 5, tzinfo=UTC)
READER = Reader("U1", ViewerClock(NOW), {"U1": "alice", "U2": "bob"}, {"C1": "security-alerts"})


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* _it_ ~no~", "<b>bold</b> <i>it</i> <s>no</s>"),
        ("*_both_*", "<b><i>both</i></b>"),
        ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
        ("`*code* & <b>`", "<code>*code* &amp; &lt;b&gt;</code>"),
        ("&lt;!channel&gt; &amp;amp;", "&lt;!channel&gt; &amp;amp;"),
        ("> one\n&gt; two\nthree", "<blockquote>one\ntwo</blockquote>three"),
        ("a\n```x < y```\nb", "a<pre>x &lt; y</pre>b"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        (":no_such_emoji: 09:59:41", ":no_such_emoji: 09:59:41"),
        ("arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:root"),
    ],
)
def test_mrkdwn(text: str, html: str) -> None:
    assert mrkdwn(text, READER) == html


def test_mentions_know_whom_they_are_for() -> None:
    assert 'class="mention me"' in mrkdwn("<@U1>", READER)
    assert mrkdwn("<@U2|old>", READER) == '<span class="mention" data-user="U2">@bob</span>'
    assert mrkdwn("<#C1>", READER) == '<span class="mention">#security-alerts</span>'


@pytest.mark.parametrize("text", ["<!channel>", "`<!here>`", "```<!everyone|all>```"])
def test_a_broadcast_that_slipped_through_stands_out(text: str) -> None:
    assert 'class="broadcast"' in mrkdwn(text, READER)


def test_links() -> None:
    link = '<a href="https://example.com/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">'
    assert mrkdwn("<https://example.com/?a=1&amp;b=2|there>", READER) == f"{link}there</a>"
    assert mrkdwn("see https://example.com/?a=1&amp;b=2.", READER).startswith(f"see {link}")
    assert "<a" not in mrkdwn("see https://example.com/", READER, verbatim=True)


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//example.com", "https:x"],
)
def test_only_web_addresses_are_links(url: str) -> None:
    assert safe_url(url) is None
    assert "<a" not in mrkdwn(f"<{url}|click>", READER)
    leaf = {"type": "link", "url": url, "text": "click"}
    section = {"elements": [{"type": "rich_text_section", "elements": [leaf]}]}
    assert "<a" not in rich_text(section, READER)
    assert "<a" not in markdown(f"[click]({url})")


def test_controls_and_bidi_are_shown_as_labels() -> None:
    html = shown("a\u202eb\x07c\u200bd\ud800")
    assert ">U+202E</span>" in html
    assert ">U+0007</span>" in html
    assert ">U+D800</span>" in html
    assert "\u202e" not in html
    assert "\u200b" not in html
    html.encode()


@given(st.text(alphabet="<>&|!@#*_~`: \n\\\"'ahtps/\u202e\x00\U0001f6a8", max_size=80))
def test_no_text_becomes_markup_of_its_own(text: str) -> None:
    for html in (mrkdwn(text, READER), markdown(text), shown(text, names=True)):
        html.encode()
        for bad in ('<a href="j', "<script", "<h", "\x00", "\u202e"):
            assert bad not in html
        assert html.count("<") == html.count(">")


def test_rich_text_parses_no_marks() -> None:
    text = {"type": "text", "text": "*x* <!channel> :tada:", "style": {"bold": True, "code": True}}
    block = {"elements": [{"type": "rich_text_section", "elements": [text]}]}
    inner = "<b><code>*x* &lt;!channel&gt; :tada:</code></b>"
    assert rich_text(block, READER) == f'<div class="rt">{inner}</div>'


def test_lists_in_rich_text_go_on_counting() -> None:
    def ordered(text: str, indent: int) -> dict[str, object]:
        section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
        return {
            "type": "rich_text_list",
            "style": "ordered",
            "indent": indent,
            "elements": [section],
        }

    html = rich_text({"elements": [ordered("a", 0), ordered("b", 1), ordered("c", 0)]}, READER)
    assert html.count('start="1"') == 2
    assert html.count('start="2"') == 1


def test_markdown() -> None:
    html = markdown(
        "# Head\n**b** *i* ~~s~~ `c`\n\n- one\n- <b>\n\n|a|b|\n|-|-|\n|1|2|\n```\n<x>\n```"
    )
    assert '<div class="md-h md-h1">Head</div>' in html
    assert "<b>b</b> <i>i</i> <s>s</s> <code>c</code>" in html
    assert "<ul><li>one</li><li>&lt;b&gt;</li></ul>" in html
    assert "<tr><td>1</td><td>2</td></tr>" in html
    assert "<pre>&lt;x&gt;</pre>" in html


def test_dates_are_in_the_viewers_zone_and_clock() -> None:
    epoch = NOW.timestamp()
    kolkata = ViewerClock(NOW, ZoneInfo("Asia/Kolkata"))
    american = ViewerClock(NOW, ZoneInfo("America/New_York"), twelve_hours=True)
    assert formatted(kolkata, epoch, "{date_num} {time_secs}", "") == "2026-11-23 15:35:00"
    assert formatted(american, epoch, "at {time}", "") == "at 5:05 AM"
    assert formatted(kolkata, epoch, "{date_short_pretty} at {time}", "") == "Today at 15:35"
    assert formatted(kolkata, epoch, "{date}", "") == "November 23rd, 2026"
    assert formatted(kolkata, epoch - 7200, "{ago}", "") == "2 hours ago"
    html = mrkdwn(f"<!date^{int(epoch)}^{{time}}|10:05>", Reader("U1", kolkata))
    assert html == "15:35"


@pytest.mark.parametrize(
    "text",
    ["<!date^x^{time}|then>", "<!date^9^{nonsense}|then>", "<!date^99999999999999^{time}|then>"],
)
def test_a_date_that_cannot_be_written_shows_its_fallback(text: str) -> None:
    assert mrkdwn(text, READER) == "then"


def test_unknown_zones_are_utc() -> None:
    assert zone_named("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    for name in (None, "", "Nowhere/At_All", "../../etc/passwd", "x" * 90):
        assert zone_named(name) is UTC
