"""Where a site has no on-call service no text speaks of one; where it has, it is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handlers.blocks.mutes import mute_message
from handlers.samples_acting import MUTE
from trailwatch.store import mutes
from trailwatch.store.mutes import Way


@pytest.fixture(scope="module")
def direct(make_house: Callable[..., Any]) -> Any:
    """A house whose one site has no on-call service."""
    return make_house(TRAILWATCH_ROUTER="direct", OPSGENIE_API_KEY="", OPSGENIE_SETUP_API_KEY="")


def said(house: Any, text: str) -> str:
    """What a command answers, at once and later."""
    before = len(house.told())
    reply = house.command(text)
    later = house.told()[before:]
    return json.dumps([reply.text, reply.blocks, later], ensure_ascii=False)


@pytest.mark.parametrize(
    "command",
    [
        "status", "mutes", "alerts", "sites", "setup status", "setup plan", "setup rotate-secret",
        "setup lint", "setup drift", "audit", "digest now", "access list", "detections",
    ],
)  # fmt: skip
def test_no_answer_speaks_of_an_on_call_service(direct: Any, command: str) -> None:
    shown = said(direct, command) + json.dumps(direct.messages(), ensure_ascii=False)
    shown = shown.replace("no on-call service", "")
    assert "on-call" not in shown and "Opsgenie" not in shown
    assert "Jira" not in shown


def test_status_says_what_is_there(direct: Any, house: Any) -> None:
    shown = said(direct, "status")
    assert "there is no on-call service: SNS tells the bot itself" in shown
    assert "last compared with Opsgenie" in said(house, "status")


def test_home_names_what_stands_in(direct: Any, house: Any) -> None:
    assert "on-call" not in direct.home() and "Opsgenie" not in direct.home()
    for one, names in ((house, ("Opsgenie",)), (direct, ())):
        assert one.deps.sites.services() == names


def test_a_mute_says_who_is_told_all_the_same(direct: Any) -> None:
    quiet = replace(MUTE, way=Way.BOT)
    assert "Opsgenie is told and calls as ever" in json.dumps(
        mute_message(quiet, ("Opsgenie",)).blocks
    )
    now = direct.deps.clock()
    with direct.deps.db.transaction() as tx:
        mutes.add(tx, replace(quiet, site="main", at=now, until=now + timedelta(hours=1)))
    shown = said(direct, "mutes")
    assert "on-call" not in shown and "nobody is told" in shown
