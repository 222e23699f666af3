"""Options of a site in Slack: planned, applied, remembered, shown with who chose them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

pytestmark = pytest.mark.journey


def shown(message: Mapping[str, Any]) -> str:
    return json.dumps(message["blocks"], ensure_ascii=False)


def apply(world: Any, chosen: str) -> dict[str, Any]:
    """Plan and apply with these options, as alice; the plan's message when it is done."""
    known = {m["ts"] for m in world.sandbox.messages()}
    world.sandbox.command(f"setup plan --set {chosen}")
    plan = world.sandbox.wait_message(lambda m: m["ts"] not in known and "plan.apply" in shown(m))
    world.sandbox.click(plan, "plan.apply")
    done: dict[str, Any] = world.sandbox.wait_message(
        lambda m: m["ts"] == plan["ts"] and "Applied" in m["text"]
    )
    return {**done, "plan": plan}


def test_what_was_chosen_is_built_and_remembered(world: Any) -> None:
    done = apply(world, "retention_days=400 --set exclude_kms=yes")
    assert "0 created, 2 changed" in done["text"]
    assert "all management events except kms.amazonaws.com" in shown(done["plan"])
    (group,) = world.aws("logs").describe_log_groups()["logGroups"]
    assert group["retentionInDays"] == 400
    (trail,) = world.aws("cloudtrail").get_event_selectors(TrailName="trailwatch")["EventSelectors"]
    assert trail["ExcludeManagementEventSources"] == ["kms.amazonaws.com"]

    world.sandbox.command("setup options", user="bob")
    options = world.told("bob", "Options of main")
    assert "retention_days=400; exclude_kms=yes;" in options["text"]
    assert '"user_id": "U0ALICE000"' in shown(options)

    # A plan without options keeps what was chosen; the settings' values are settings again.
    world.sandbox.command("setup plan")
    world.sandbox.wait_message(lambda m: "Nothing to change in main" in m["text"])
    assert "2 changed" in apply(world, "retention_days=365,exclude_kms=no")["text"]
    world.sandbox.command("setup options", user="carol")
    after = world.told("carol", "Options of main")
    assert "user_id" not in shown(after)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("retention_days=42", "the nearest is 30"),
        ("retentions=42", "Did you mean retention_days"),
        ("kms=own,kms=none", "given twice"),
        ("pack=cis", "Write --pack instead"),
    ],
)
def test_what_cannot_be_is_told_at_once(world: Any, text: str, words: str) -> None:
    world.sandbox.command(f"setup plan --set {text}", user="alice")
    world.told("alice", words)
