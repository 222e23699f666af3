"""The bot is killed at bad moments: what it had taken is done by its successor, once."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

pytestmark = pytest.mark.journey


def test_after_a_webhook_was_taken_and_while_messages_are_posted(world: Any) -> None:
    world.fault("slack", "chat.postMessage", status="lost", count=1)
    names = [world.fire(wait=False) for _ in range(4)]
    world.sandbox.until(lambda: world.rows("select 1 from inbox"))
    world.kill()
    for name in names:
        world.message_of(name)
    world.sandbox.until(
        lambda: (
            not world.rows("select 1 from message where state in ('queued', 'sending', 'unknown')")
        ),
        what="quiet",
    )
    assert [len(world.messages_of(name)) for name in names] == [1, 1, 1, 1]


def test_between_a_click_and_its_acknowledgement(world: Any) -> None:
    """The click is taken and done, or not taken and can be made again; nothing hangs between."""
    alerts = [world.fire(), world.fire()]
    world.fault("opsgenie", "/v2/alerts", status=503)
    world.sandbox.click(alerts[0], "alert.acknowledge", user="bob")
    clicked = threading.Thread(
        target=lambda: world.sandbox.click(alerts[1], "alert.acknowledge", user="bob")
    )
    clicked.start()
    world.kill()
    clicked.join()
    world.well()
    world.until_shown(alerts[0], "cknowledged by")
    world.sandbox.until(
        lambda: next(
            "acknowledging" not in m["text"]
            for m in world.sandbox.alerts()
            if m["ts"] == alerts[1]["ts"]
        ),
    )
    now = next(m for m in world.sandbox.alerts() if m["ts"] == alerts[1]["ts"])
    if "alert.acknowledge" in json.dumps(now["blocks"]):
        world.sandbox.click(now, "alert.acknowledge", user="bob")
    world.until_shown(now, "cknowledged by")
    assert world.routed(now)["acknowledged"]
    for alert in alerts:
        assert len([m for m in world.sandbox.alerts() if m["ts"] == alert["ts"]]) == 1


def test_what_came_while_nobody_was_there_is_taken_later(world: Any) -> None:
    world.fault("webhook", "", status="reset", count=2)
    alert = world.fire()
    world.fault("webhook", "", status="lost", count=1)
    router_id = world.routed(alert)["id"]
    world.sandbox.post(f"/api/opsgenie/alerts/{router_id}/close", {"user": "olga@example.com"})
    world.until_shown(alert, "CLOSED")
    name = alert["text"].split("Alarm ")[1].split(".")[0]
    assert len(world.messages_of(name)) == 1


def test_aws_is_away_when_the_bot_comes_back(world: Any) -> None:
    """Alerts are shown and acknowledged while nobody knows the account; their events come later."""
    for operation in ("GetCallerIdentity", "DescribeMetricFilters"):
        world.fault("aws", operation, status=500)
    world.kill()
    alert = world.fire()
    world.until_shown(alert, "searched again by itself")
    world.sandbox.click(alert, "alert.acknowledge", user="bob")
    world.until_shown(alert, "cknowledged by")
    world.well()
    world.sandbox.until(
        lambda: next(
            "searched again" not in m["text"]
            for m in world.sandbox.alerts()
            if m["ts"] == alert["ts"]
        ),
        what="the search",
    )
