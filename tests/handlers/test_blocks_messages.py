"""Every message and view: as recorded, within Slack's limits, and deaf to what stands in it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import (
    samples,
)
from tests.handlers.hostile_messages import everything
from tests.handlers.hostile_text import HOSTILE, escaped, marks
from tests.handlers.slack_limits import as_json, problems

GOLDEN = Path(__file__).parent / "fixtures" / "blocks"
MESSAGES = samples.messages()
VIEWS = samples.views()


@pytest.mark.parametrize("name", [*MESSAGES, *VIEWS])
def test_looks_as_recorded(name: str) -> None:
    content = as_json(MESSAGES[name] if name in MESSAGES else VIEWS[name])
    path = GOLDEN / f"{name}.expected.json"
    if os.environ.get("GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    assert content == json.loads(path.read_text()), "make golden, then look at the diff"


def test_nothing_recorded_is_left_over() -> None:
    recorded = {path.name.removesuffix(".expected.json") for path in GOLDEN.iterdir()}
    assert recorded == {*MESSAGES, *VIEWS}


def test_slack_would_take_every_sample(slack_schema: Callable[[Any, str], list[str]]) -> None:
    for name, message in MESSAGES.items():
        assert slack_schema({"channel": "C1", **as_json(message)}, "message") == [], name
    for name, view in VIEWS.items():
        assert slack_schema(as_json(view), str(view["type"])) == [], name


@pytest.mark.parametrize("name", [*MESSAGES, *VIEWS])
def test_keeps_the_limits(name: str) -> None:
    assert problems(as_json(MESSAGES[name] if name in MESSAGES else VIEWS[name])) == []


# Hostile text in every field that is shown


CUT = ("alerts", "digest", "import", "letters", "links", "state")
"""Lists that end earlier where their lines are longer, and so have fewer marks of ours."""

PEACE = {name: marks(as_json(content)) for name, content in everything("peace").items()}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_stays_text(name: str) -> None:
    for what, message in everything(HOSTILE[name]).items():
        content = as_json(message)
        assert problems(content) == [], what
        assert escaped(content) == [], what
        assert len(json.dumps(content)) < 60_000, what
        if what not in CUT:
            assert marks(content) == PEACE[what], what


def test_slack_would_take_hostile_text(slack_schema: Callable[[Any, str], list[str]]) -> None:
    for name in ("mentions", "marks", "hidden", "long-entities"):
        for what, message in everything(HOSTILE[name]).items():
            content = as_json(message)
            kind = str(content.get("type", "message"))
            assert slack_schema(content, kind) == [], (name, what)


NASTY = st.text(
    st.one_of(
        st.sampled_from("*_~`<>&|:!@# \n\t\u202e\u200b\u2066\ud800\u0301/\\{}^a1"),
        st.characters(),
    ),
    min_size=1,
    max_size=60,
).filter(lambda text: text not in ("P1", "P2", "P3", "P4", "P5"))  # severities have pictures


# Each example goes through every message there is; TRAILWATCH_EXAMPLES asks for more.
@settings(max_examples=settings().max_examples // 5, deadline=None)
@given(NASTY)
def test_any_text_stays_text(text: str) -> None:
    for what, message in everything(text).items():
        content = as_json(message)
        assert problems(content) == [], what
        assert escaped(content) == [], what
        if what not in CUT:
            assert marks(content) == PEACE[what], what
