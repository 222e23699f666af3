"""Two accounts in one bot: the second is built, fires, and is answered, by its own roles."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.journey

STAGE = "111122223333"


def test_the_second_site_is_built_fires_and_is_acknowledged(
    start_sandbox: Callable[..., Any],
) -> None:
    sandbox = start_sandbox("--speed", "60", "--sites", "2")
    sandbox.command("setup plan --site stage")
    plan = sandbox.wait_message(lambda m: "Setup plan for stage" in m["text"])
    sandbox.click(plan, "plan.apply")
    sandbox.wait_message(lambda m: m["ts"] == plan["ts"] and "Applied" in m["text"])
    sandbox.post("/api/scenario", {"name": "root-sign-in", "site": "stage"})
    found = sandbox.wait_message(
        lambda m: "Root console login at site stage" in m["text"] and "1 event" in m["text"]
    )
    assert f"in account {STAGE}" in found["text"]
    assert "eu-central-1" in found["text"]
    # Opsgenie confirms by the webhook of this site, which has a secret of its own.
    sandbox.click(found, "alert.acknowledge", user="bob")
    sandbox.wait_message(lambda m: m["ts"] == found["ts"] and "ACKNOWLEDGED" in m["text"])
    sandbox.click(found, "alert.events", user="carol")
    sandbox.wait_message(lambda m: m.get("thread_ts") == found["ts"] and "1 matching" in m["text"])
    sandbox.command("sites", user="carol")
    told = sandbox.wait_message(
        lambda m: m.get("ephemeral") and m["text"].startswith("2 sites"), user="carol"
    )
    rows = json.dumps(told["blocks"])
    assert STAGE in rows
    assert "applied" in rows
    answers = {call["status"] for call in sandbox.get("/api/calls", target="webhook")}
    assert answers == {200}
    assert sandbox.stop() == 0
