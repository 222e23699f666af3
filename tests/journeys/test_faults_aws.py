"""AWS throttles, refuses or is silent: alerts go on, and what is missing is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.journey


def scenario(world: Any, name: str, title: str) -> dict[str, Any]:
    """Fire a detection of ours anew; its new message."""
    known = {m["ts"] for m in world.sandbox.alerts()}
    world.sandbox.post("/api/scenario", {"name": name})
    found: dict[str, Any] = world.sandbox.wait_message(
        lambda m: (
            m["ts"] not in known
            and title in m["text"]
            and "alert.events" in m["text"] + json.dumps(m["blocks"])
        )
    )
    return found


def test_a_search_that_fails_is_told_and_done_later(world: Any) -> None:
    world.fault("aws", "FilterLogEvents", status=503)
    alert = scenario(world, "create-user", "IAM user")
    world.until_shown(alert, "searched again by itself")
    world.well()
    found = world.until_shown(alert, '"type": "table"')
    assert "searched again" not in json.dumps(found["blocks"])


@pytest.mark.parametrize("fault", [{"status": 429}, {"status": "reset"}, {"status": "lost"}],
                         ids=lambda fault: str(fault["status"]))  # fmt: skip
def test_show_events_answers_in_the_end(world: Any, fault: dict[str, Any]) -> None:
    alert = next(m for m in world.sandbox.alerts() if "IAM user" in m["text"])
    known = {m["ts"] for m in world.sandbox.messages()}
    world.fault("aws", "FilterLogEvents", count=1, **fault)
    world.sandbox.click(alert, "alert.events", user="carol")
    reply = world.sandbox.wait_message(
        lambda m: m["ts"] not in known and m.get("thread_ts") == alert["ts"]
    )
    assert "CreateUser" in json.dumps(reply["blocks"])


def test_a_missing_permission_is_named(world: Any) -> None:
    alert = next(m for m in world.sandbox.alerts() if "IAM user" in m["text"])
    known = {m["ts"] for m in world.sandbox.messages()}
    world.fault("aws", "FilterLogEvents", status=403)
    world.sandbox.click(alert, "alert.events", user="carol")
    reply = world.sandbox.wait_message(
        lambda m: m["ts"] not in known and m.get("thread_ts") == alert["ts"]
    )
    assert "logs:FilterLogEvents" in json.dumps(reply["blocks"])
    assert "trailwatch permissions" in json.dumps(reply["blocks"])


def test_a_silent_aws_holds_up_no_acknowledgement(world: Any) -> None:
    world.fault("aws", "DescribeMetricFilters", timeout=100)
    names = [world.fire(wait=False) for _ in range(6)]
    alert = world.message_of(names[-1])
    world.sandbox.click(alert, "alert.acknowledge", user="bob")
    # Each search waits 20 s for AWS and then once more: one that is waited for shows by then.
    world.until_shown(alert, "cknowledged by", 18)


@pytest.mark.parametrize("call", ["DescribeTrails", "GetBucketPolicy"])
def test_a_plan_says_what_aws_refuses(world: Any, call: str) -> None:
    world.fault("aws", call, status=403)
    world.sandbox.command("setup plan")
    told = world.told("alice", f"AWS refused {call}")
    assert "trailwatch permissions" in told["text"]
    world.well()


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"status": "reset"}],
                         ids=lambda fault: str(fault["status"]))  # fmt: skip
def test_a_plan_is_made_though_aws_stumbles(world: Any, fault: dict[str, Any]) -> None:
    known = {m["ts"] for m in world.sandbox.messages()}
    world.fault("aws", "Describe", count=5, **fault)
    world.sandbox.command("setup plan")
    world.sandbox.wait_message(
        lambda m: m["ts"] not in known and "othing to change" in json.dumps(m)
    )
