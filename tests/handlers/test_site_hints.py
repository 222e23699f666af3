"""Hints name the site that they are about, where there are several."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.commands.table import COMMANDS
from handlers.site_hints import named, named_in


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("See /trailwatch setup history.", "See /trailwatch setup history --site eu."),
        ("`/trailwatch setup rollback 1`", "`/trailwatch setup rollback 1 --site eu`"),
        ("/trailwatch setup plan --adopt none", "/trailwatch setup plan --site eu --adopt none"),
        ("/trailwatch setup plan --pack cis --site us", None),
        ("/trailwatch setup apply k3v9x2ma", None),
        ("/trailwatch status", None),
        ("/trailwatch setup planning", None),
    ],
)
def test_a_hint_names_the_site(said: str, meant: str | None) -> None:
    assert named(said, "eu") == (meant or said)
    block = {"type": "section", "text": {"type": "mrkdwn", "text": said}, "value": said}
    (done,) = named_in([block], "eu")
    assert done["text"]["text"] == (meant or said)
    assert done["value"] == said


def test_every_setup_command_that_takes_a_site_is_known() -> None:
    taking = [one.name for one in COMMANDS if "site" in one.options and "setup" in one.name]
    assert taking
    for name in taking:
        assert named(f"/trailwatch {name}", "eu") == f"/trailwatch {name} --site eu"


def test_a_topic_alone_shows_all_of_its_commands(house: Any) -> None:
    reply = str(house.command("setup").blocks)
    assert all(one.usage in reply for one in COMMANDS if one.name.startswith("setup "))
