"""Somebody stops the trail: the channel hears of it, by whom, and gets it back with one click."""

from __future__ import annotations

from typing import Any


def test_a_stopped_trail_is_told_and_restored(world: Any) -> None:
    sandbox = world.sandbox
    done = sandbox.post("/api/scenario", {"name": "stop-logging"})
    assert done["done"] == "stopped the trail trailwatch"
    sandbox.command("setup drift", user="carol")
    told = sandbox.wait_message(
        lambda m: not m.get("ephemeral") and "the trail trailwatch is stopped" in m["text"]
    )
    assert "StopLogging by mallory" in told["text"]
    buttons = [e for block in told["blocks"] for e in block.get("elements", ())]
    first = next(one for one in buttons if one.get("action_id") == "drift.restore")
    sandbox.click(told, "drift.restore", value=first["value"])
    sandbox.wait_message(
        lambda m: m["ts"] == told["ts"] and "is stopped" not in m["text"], user="alice"
    )
    logging = world.aws("cloudtrail").get_trail_status(Name="trailwatch")["IsLogging"]
    assert logging is True
