"""A filter pattern typed into Slack is the pattern that was meant, whatever Slack made of it."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.slack_text import pattern_typed, typed
from trailwatch.detections import load_catalogue
from trailwatch.pattern import parse

CATALOGUE = [one.pattern for one in load_catalogue()]
OTHERS = [
    "ERROR -WARN", '?"two words" ?other', "[ip, ..., status = 4*, size > 1000]", "%^a%",
    '{ $.userIdentity.arn = "*jane@example.com" || $.errorMessage = "see example.com/help" }',
    "{ $.bytes <= 5 && $.bytes >= 1 }", "{ $.requestParameters.url = %https?://x% }",
    '{ $.requestParameters.channel = "#general" }',
]  # fmt: skip

words = st.text("abcXYZ019.-_/:@# *", min_size=1, max_size=12)
tests = st.builds(
    '$.{} {} "{}"'.format, st.sampled_from(["errorCode", "a.b[0]"]), st.sampled_from("=<"), words
).map(lambda text: re.sub(r'< ".*"', "< 5", text))
made = st.lists(tests, min_size=1, max_size=3).map(lambda found: f"{{ {' && '.join(found)} }}")

MAIL = re.compile(r"[A-Za-z0-9.]+@[a-z0-9]+\.(?:com|org)")
PLACE = re.compile(r"(?<![\w@./:-])(?:[a-z0-9-]+\.)+(?:com|org)(?:/[a-z]*)?(?![\w@/-])")


def slack(
    text: str, *, curly: bool, linked: bool, ticks: str, spaces: bool, shortened: bool
) -> str:
    """The text as Slack hands it to a slash command."""
    text = html.escape(text, quote=False)
    if linked:
        mailed = MAIL.sub(lambda found: f"<mailto:{found[0]}|{found[0]}>", text)
        parts = re.split(r"(<[^<>]*>)", mailed)
        parts[::2] = [PLACE.sub(lambda one: f"<http://{one[0]}|{one[0]}>", p) for p in parts[::2]]
        text = "".join(parts)
    if curly:
        text = re.sub('"([^"]*)"', "\u201c\\1\u201d", text)
    if spaces:
        text = text.replace(" ", "\u00a0")
    if shortened:
        text = text.replace("...", "\u2026")
    return f"{ticks}{text}{ticks}"


@given(
    st.sampled_from([*CATALOGUE, *OTHERS]) | made,
    st.booleans(), st.booleans(), st.sampled_from(["", "`", "```"]), st.booleans(), st.booleans(),
)  # fmt: skip
def test_what_slack_makes_of_a_pattern_is_undone(
    text: str, curly: bool, linked: bool, ticks: str, spaces: bool, shortened: bool
) -> None:
    pattern = parse(text)
    sent = slack(text, curly=curly, linked=linked, ticks=ticks, spaces=spaces, shortened=shortened)
    received = pattern_typed(typed(f"pattern check {sent} \u2014since 7d").removeprefix(
        "pattern check "
    ).removesuffix(" --since 7d"))  # fmt: skip
    assert received == text.strip()
    assert parse(received).equal(pattern)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ('{ $.a = "<#C012AB3CD|general>" }', '{ $.a = "#general" }'),
        ('{ $.a = "<http://ec2.amazonaws.com|ec2.amazonaws.com>" }',
         '{ $.a = "ec2.amazonaws.com" }'),
        ("{ $.a = %https?://<http://example.com|example.com>% }",
         "{ $.a = %https?://example.com% }"),
        ("{ $.a = \u201c<tel:+15550100|+1 555 0100>\u201d }", '{ $.a = "+1 555 0100" }'),
        ("```{ $.a = 1 }```", "{ $.a = 1 }"),
        ("`", "`"),
    ],
)  # fmt: skip
def test_single_changes(sent: str, meant: str) -> None:
    assert pattern_typed(typed(sent)) == meant
