"""Integrations of Jira Service Management that setup makes, where it is given a token for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from trailwatch.alert import Alert
from trailwatch.store import alerts

TOPIC = "arn:aws:sns:us-east-1:123456789012:trailwatch-alarms"
ALARM = "trailwatch-root-console-login"
ARN = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{ALARM}"
NAMES = {"trailwatch-main-jsm-alarms", "trailwatch-main-jsm-webhook"}


@pytest.fixture(scope="module")
def made(make_listener: Callable[..., Any]) -> Any:
    house = make_listener(
        TRAILWATCH_ROUTER="jsm",
        JSM_API_TOKEN="a secret of sixteen characters",
        JSM_SETUP_API_TOKEN="by setup",
        OPSGENIE_API_KEY="",
        OPSGENIE_SETUP_API_KEY="",
        OPSGENIE_TEAM="Security",
    )
    house.plan_and_apply("--pack walkthrough")
    return house


def api(house: Any) -> Any:
    return house.deps.setup_clients().integrations_of("jsm")


def ours(house: Any) -> dict[str, str]:
    return {one["name"]: one["id"] for one in api(house).list() if one["name"] in NAMES}


def plan(house: Any) -> str:
    house.command("setup plan")
    return str(house.messages("plan:")[-1]["text"])


def newest(house: Any) -> Alert | None:
    with house.deps.db.reading() as tx:
        return alerts.newest_by_alias(tx, ARN)


def test_they_are_made_and_a_second_plan_is_empty(made: Any) -> None:
    assert set(ours(made)) == NAMES
    assert "Nothing to change" in plan(made)
    said = str(made.messages("plan:"))
    assert "pipeline" in said or "trailwatch-main-jsm-alarms" in said
    key = made.deps.setup_clients().secrets.get("main/jsm-incoming-key")
    assert key
    assert key not in said


def test_alarms_and_news_come_by_them(made: Any, until: Callable[..., Any]) -> None:
    cloudwatch = made.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="because")
    alert = until(lambda: newest(made))
    assert (alert.severity, alert.fields.alarm_name) == ("P1", ALARM)
    there = next(one for one in made.opsgenie.alerts() if one["alias"] == ARN)
    made.opsgenie.act(there["id"], "note", {"note": "seen", "user": "eve@example.com"})
    until(lambda: made.work() or "seen" in str(made.messages(f"alert:{alert.id}:note")))


def _webhook(house: Any) -> None:
    ident = ours(house)["trailwatch-main-jsm-webhook"]
    body = {"name": "trailwatch-main-jsm-webhook", "type": "Webhook", "enabled": True}
    other = {"url": "https://other.example.com", "headers": {}, "addAlertDescription": True}
    api(house).update(ident, {**body, **other, "addAlertDetails": True})


def _actions(house: Any) -> None:
    api(house).put_actions(ours(house)["trailwatch-main-jsm-alarms"], {"create": []})


def _off(house: Any) -> None:
    ident = ours(house)["trailwatch-main-jsm-alarms"]
    body = {"name": "trailwatch-main-jsm-alarms", "type": "AmazonSns", "enabled": False}
    api(house).update(ident, body)


def _gone(house: Any) -> None:
    api(house).delete(ours(house)["trailwatch-main-jsm-webhook"])


@pytest.mark.parametrize("change", [_webhook, _actions, _off, _gone])
def test_what_drifted_is_told_and_mended(made: Any, change: Callable[[Any], None]) -> None:
    change(made)
    assert "Nothing to change" not in plan(made)
    made.job("setup.drift", due=change.__name__)
    assert made.drifted()
    made.plan_and_apply()
    assert "Nothing to change" in plan(made)
    made.job("setup.drift", due=f"after {change.__name__}")
    assert made.drifted() == []


def test_its_secret_is_renewed(made: Any, until: Callable[..., Any]) -> None:
    secrets = made.deps.setup_clients().secrets
    before = secrets.get("main/jsm-webhook-secret")
    made.command("setup rotate-secret")
    assert secrets.get("main/jsm-webhook-secret") != before
    assert "Nothing to change" in plan(made)
    made.client("cloudwatch").set_alarm_state(
        AlarmName=ALARM, StateValue="ALARM", StateReason="because"
    )
    alert = until(lambda: newest(made))
    there = next(one for one in made.opsgenie.alerts() if one["alias"] == ARN)
    made.opsgenie.act(there["id"], "note", {"note": "after it", "user": "eve@example.com"})
    until(lambda: made.work() or "after it" in str(made.messages(f"alert:{alert.id}:note")))


def test_moving_away_takes_them_along(made: Any) -> None:
    made.plan_and_apply("--set router=direct")
    assert ours(made) == {}
