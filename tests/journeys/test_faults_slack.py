"""Slack is away, slow, or loses answers: each message stands once and shows the newest state."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.journey

FAULTS: list[dict[str, Any]] = [
    {"status": 429, "retry_after": 1},
    {"status": 500},
    {"timeout": 1},
    {"status": "reset"},
    {"status": "lost"},
]


def name_of(fault: dict[str, Any]) -> str:
    return str(fault.get("status", "timeout"))


@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
def test_an_alert_is_posted_once(world: Any, fault: dict[str, Any]) -> None:
    world.fault("slack", "chat.postMessage", count=1, **fault)
    name = world.fire(wait=False)
    alert = world.message_of(name, 20)
    world.sandbox.post(f"/api/opsgenie/alerts/{world.routed(alert)['id']}/acknowledge",
                       {"user": "olga@example.com"})  # fmt: skip
    world.until_shown(alert, "olga")
    assert len(world.messages_of(name)) == 1


@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
def test_the_newest_state_is_shown_in_the_end(world: Any, fault: dict[str, Any]) -> None:
    alert = world.fire()
    world.fault("slack", "chat.update", count=2, **fault)
    world.sandbox.click(alert, "alert.acknowledge", user="bob")
    done = world.until_shown(alert, "cknowledged by", 20)
    assert "acknowledging" not in done["text"]


@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
def test_what_is_said_in_private_arrives(world: Any, fault: dict[str, Any]) -> None:
    alert = world.fire()
    world.fault("slack", "response_url", count=1, **fault)
    world.sandbox.click(alert, "alert.close", user="carol")
    world.told("carol", "You need the role responder to close alerts")


@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
def test_a_command_is_answered_while_slack_does_not_say_who_asks(
    world: Any, fault: dict[str, Any]
) -> None:
    """The person was never seen before, or long ago: refused with the reason, in time."""
    world.fault("slack", "users.info", **({"timeout": 4} if "timeout" in fault else fault))
    answer = world.sandbox.command("alerts", user="dave")
    assert answer["status"] == 200
    assert answer["ms"] < 2_900
    words = json.dumps(answer["ack"])
    assert "users.info" in words or "full members" in words
    assert "Try again" in words or "full members" in words


@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
def test_home_is_shown_when_slack_is_back(world: Any, fault: dict[str, Any]) -> None:
    before = len([c for c in world.calls("slack", "views.publish") if c["status"] == 200])
    world.fault("slack", "views.publish", count=1, **fault)
    world.sandbox.get("/api/home", user="alice")
    world.sandbox.until(
        lambda: (
            len([c for c in world.calls("slack", "views.publish") if c["status"] == 200]) > before
        ),
        20,
        "Home to be published",
    )


def test_a_plan_is_made_once_though_its_answer_is_lost(world: Any) -> None:
    """What a job has to say in private never repeats the job itself."""
    plans = "select count(*) from secret"
    before = world.rows(plans)[0][0]
    world.fault("slack", "response_url", status=500, count=3)
    world.sandbox.command("setup rotate-secret")
    world.told("alice", "secret was rotated")
    assert world.rows(plans)[0][0] == before + 1
