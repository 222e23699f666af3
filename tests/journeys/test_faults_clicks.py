"""Clicks that come twice, too late, from two people or from somebody who may not."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from sandbox.driver import PATIENCE

pytestmark = pytest.mark.journey


def test_two_people_acknowledge_at_once(world: Any) -> None:
    alert = world.fire()
    both = [
        threading.Thread(
            target=world.sandbox.click, args=(alert, "alert.acknowledge"), kwargs={"user": who}
        )
        for who in ("alice", "bob")
    ]
    for one in both:
        one.start()
    for one in both:
        one.join()
    world.until_shown(alert, "cknowledged by")
    router_id = world.routed(alert)["id"]
    assert len(world.calls("opsgenie", f"{router_id}/acknowledge")) == 1
    world.sandbox.until(
        lambda: [
            m
            for who in ("alice", "bob")
            for m in world.sandbox.messages(who)
            if m.get("ephemeral") and ("already" in m["text"] or "under way" in m["text"])
        ],
        what="a word to who came second",
    )


def test_a_click_on_what_an_older_message_showed(world: Any) -> None:
    """The buttons of a message that was not drawn anew yet, after it was closed elsewhere."""
    alert = world.fire()
    router_id = world.routed(alert)["id"]
    value = alert["metadata"]["event_payload"]["alert_id"]
    world.sandbox.post(f"/api/opsgenie/alerts/{router_id}/close", {"user": "olga@example.com"})
    world.until_shown(alert, "CLOSED")
    for action in ("alert.acknowledge", "alert.close"):
        world.sandbox.click(alert, action, user="bob", value=value)
    world.told("bob", "already closed by olga@example.com")
    assert world.asked(router_id) == []


def test_a_click_for_an_alert_that_is_not_kept(world: Any) -> None:
    alert = world.fire()
    for action in ("alert.acknowledge", "alert.events", "alert.close"):
        world.sandbox.click(alert, action, user="bob", value="0123456789abcdef")
    told = world.told("bob", "no longer kept")
    assert "/trailwatch alerts" in told["text"]


@pytest.mark.parametrize(("user", "words"), [("carol", "You need the role"),
                                             ("dave", "full members")])  # fmt: skip
def test_who_may_not_changes_nothing(world: Any, user: str, words: str) -> None:
    alert = world.fire()
    value = alert["metadata"]["event_payload"]["alert_id"]
    actions = ["alert.acknowledge", "alert.close"]
    for action in actions:
        world.sandbox.click(alert, action, user=user)
    world.sandbox.click(alert, "alert.more", user=user, selected=f"snooze-1h:{value}")
    for command in ("setup plan", "setup destroy", "setup apply abc", "setup rotate-secret",
                    "access grant <@U0CAROL000> admin", "digest now"):  # fmt: skip
        answer = world.sandbox.command(command, user=user)
        assert words in json.dumps(answer["ack"]), command
    world.told(user, words)
    router_id = world.routed(alert)["id"]
    assert world.asked(router_id) == []
    refused = world.rows(
        f"select count(*) from audit where outcome = 'refused' and actor_name = '{user}'"
    )
    assert refused[0][0] >= len(actions)


def test_two_alarms_of_a_kind_are_one_message_until_it_is_closed(world: Any) -> None:
    alert = world.fire()
    name = alert["text"].split("Alarm ")[1].split(".")[0]
    world.sound(name, "OK")
    world.sound(name, "ALARM")
    # No webhook tells of a count: the comparison with Opsgenie does, once a minute at the latest.
    counted = world.until_shown(alert, "*2 times*", 2 * PATIENCE)
    assert len(world.messages_of(name)) == 1
    world.sandbox.click(counted, "alert.close", user="bob")
    world.until_shown(alert, "CLOSED")
    world.sound(name, "OK")
    world.sound(name, "ALARM")
    world.sandbox.until(lambda: len(world.messages_of(name)) == 2, what="a new message")
    old, new = world.messages_of(name)
    assert "CLOSED" in old["text"]
    assert "FIRING" in new["text"]


def test_each_action_of_the_menu_ends(world: Any) -> None:
    """Acknowledged, taken back, snoozed, closed: nothing stays pending, each is asked for once."""
    alert = world.fire()
    value = alert["metadata"]["event_payload"]["alert_id"]
    router_id = world.routed(alert)["id"]
    world.sandbox.click(alert, "alert.acknowledge", user="bob")
    world.until_shown(alert, "ACKNOWLEDGED")
    world.sandbox.click(alert, "alert.more", user="bob", selected=f"unacknowledge:{value}")
    world.until_shown(alert, "FIRING")
    world.sandbox.click(alert, "alert.more", user="bob", selected=f"snooze-1h:{value}")
    snoozed = world.until_shown(alert, "SNOOZED")
    assert "hourglass" not in json.dumps(snoozed["blocks"])
    world.sandbox.click(alert, "alert.more", user="bob", selected=f"snooze-1h:{value}")
    world.sandbox.until(lambda: len(world.calls("opsgenie", f"{router_id}/snooze")) == 2)
    world.sandbox.until(
        lambda: (
            not world.rows(
                "select 1 from job where state in ('queued', 'running') and kind = 'alert.act'"
            )
        )
    )
    world.sandbox.click(alert, "alert.close", user="bob")
    closed = world.until_shown(alert, "CLOSED")
    assert "hourglass" not in json.dumps(closed["blocks"])
    assert sorted(world.asked(router_id)) == [
        "acknowledge",
        "close",
        "snooze",
        "snooze",
        "unacknowledge",
    ]
