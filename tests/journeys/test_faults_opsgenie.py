"""Opsgenie does not answer, refuses or loses answers: what was asked is done once, and told."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.journey


def acknowledgements(world: Any, message: dict[str, Any], status: int | None = None) -> int:
    """How many requests to acknowledge this alert reached Opsgenie."""
    router_id = world.routed(message)["id"]
    return len(
        [
            call
            for call in world.calls("opsgenie", f"{router_id}/acknowledge")
            if status in (None, call["status"])
        ]
    )


def test_an_acknowledgement_is_asked_for_once(world: Any) -> None:
    alert = world.fire()
    world.sandbox.click(alert, "alert.acknowledge", user="bob")
    world.until_shown(alert, "cknowledged by")
    assert acknowledgements(world, alert) == 1


@pytest.mark.parametrize("fault", [{"status": 500}, {"timeout": 6}], ids=str)
def test_a_long_outage_is_told_and_done_when_it_ends(world: Any, fault: dict[str, Any]) -> None:
    alert = world.fire()
    world.fault("opsgenie", "/v2/alerts", **fault)
    world.sandbox.click(alert, "alert.acknowledge", user="bob")
    world.until_shown(alert, "tried again")
    world.told("bob", "tried again")
    world.well()
    done = world.until_shown(alert, "cknowledged by")
    assert "acknowledging" not in json.dumps(done["blocks"])
    assert acknowledgements(world, alert, 202) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"status": "lost"},
        {"status": "reset"},
        {"status": 429, "retry_after": 1},
        {"status": 503},
    ],
    ids=lambda fault: str(fault["status"]),
)
def test_whatever_becomes_of_the_request_it_is_done_once(world: Any, fault: Any) -> None:
    alert = world.fire()
    world.fault("opsgenie", "/acknowledge", count=1, **fault)
    world.sandbox.click(alert, "alert.acknowledge", user="bob")
    world.until_shown(alert, "cknowledged by")
    took_effect = acknowledgements(world, alert, 202) + (fault["status"] == "lost")
    assert took_effect == 1
    assert world.routed(alert)["acknowledged"]


def test_a_refusal_gives_the_button_back_and_is_told(world: Any) -> None:
    alert = world.fire()
    world.fault("opsgenie", "/close", status=403)
    world.sandbox.click(alert, "alert.close", user="bob")
    told = world.told("bob", "Could not close")
    assert "OPSGENIE_API_KEY" in told["text"]
    back = world.until_shown(alert, "alert.close")
    assert "closing" not in back["text"]


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("sns", {"status": 500, "count": 2}),
        ("sns", {"status": "lost", "count": 1}),
        ("webhook", {"status": 500, "count": 2}),
        ("webhook", {"status": "lost", "count": 1}),
    ],
    ids=str,
)
def test_a_delivery_that_stumbles_ends_in_one_message(
    world: Any, target: str, fault: dict[str, Any]
) -> None:
    world.fault(target, "", **fault)
    name = world.fire(wait=False)
    alert = world.message_of(name)
    router_id = world.routed(alert)["id"]
    if (target, fault["status"]) == ("sns", "lost"):
        # What comes again after the alert was closed would be an alert of its own.
        world.sandbox.until(lambda: world.routed(alert)["count"] == 2, what="the second delivery")
    world.sandbox.post(f"/api/opsgenie/alerts/{router_id}/close", {"user": "olga@example.com"})
    world.until_shown(alert, "CLOSED")
    assert len(world.messages_of(name)) == 1
