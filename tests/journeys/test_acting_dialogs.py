"""Dialogs of an alert over Slack's own protocol: a note, another owner, a muted alarm."""

from __future__ import annotations

import json
from typing import Any


def fill_in(world: Any, alert: Any, dialog: str, values: dict[str, str]) -> None:
    value = alert["metadata"]["event_payload"]["alert_id"]
    world.sandbox.click(alert, "alert.more", user="bob", selected=f"{dialog}:{value}")
    (view,) = world.sandbox.until(lambda: world.sandbox.get("/api/views", user="bob"))
    done = world.sandbox.post(f"/api/views/{view['id']}/submit", {"user": "bob", "values": values})
    assert done["status"] == 200, done
    assert world.sandbox.get("/api/views", user="bob") == []


def test_what_is_filled_in_is_done_in_opsgenie_under_the_name(world: Any) -> None:
    alert = world.fire()
    fill_in(world, alert, "note", {"why": "looked <!channel> at it"})
    carol = next(p["id"] for p in world.sandbox.status["slack"]["users"] if p["name"] == "carol")
    fill_in(world, alert, "change", {"owner": carol, "priority": "P2"})
    shown = world.until_shown(alert, "P2")
    assert "carol@example.com" not in json.dumps(shown["blocks"])
    world.sandbox.wait_message(lambda m: "bob assigned this to carol" in m["text"])
    noted = world.sandbox.wait_message(lambda m: "bob noted: looked" in m["text"])
    assert "<!channel>" not in noted["text"]
    there = world.routed(alert)
    assert (there["owner"], there["priority"]) == ("carol@example.com", "P2")
    notes = world.calls("opsgenie", f"{there['id']}/notes")
    given = [call for call in notes if call["method"].startswith("POST")]
    assert [call["status"] for call in given] == [202]


def test_an_alarm_is_muted_and_heard_again(world: Any) -> None:
    alert = world.fire()
    fill_in(world, alert, "pause", {"how": "mute-1h", "why": "tests"})
    told = world.sandbox.wait_message(lambda m: "bob muted trailwatch-test" in m["text"])
    assert "CloudWatch keeps quiet" in json.dumps(told["blocks"])
    world.sandbox.click(told, "mute.end", user="bob")
    world.sandbox.wait_message(lambda m: "no longer muted: bob ended it" in m["text"])
