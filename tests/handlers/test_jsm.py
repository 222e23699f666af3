"""A site whose alarms go to Jira Service Management, whose integrations were made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.wire import Fault
from trailwatch.alert import Alert, AlertState
from trailwatch.store import alerts

TOPIC = "arn:aws:sns:us-east-1:123456789012:trailwatch-alarms"
ALARM = "trailwatch-root-console-login"
ARN = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{ALARM}"


@pytest.fixture(scope="module")
def jsm(make_listener: Callable[..., Any]) -> Any:
    house = make_listener(
        TRAILWATCH_ROUTER="jsm",
        JSM_API_TOKEN="a secret of sixteen characters",
        OPSGENIE_API_KEY="",
        OPSGENIE_SETUP_API_KEY="",
    )
    house.plan_and_apply("--pack walkthrough")
    return house


def newest(house: Any) -> Alert | None:
    with house.deps.db.reading() as tx:
        return alerts.newest_by_alias(tx, ARN)


def test_setup_subscribes_it_and_shows_no_key(jsm: Any) -> None:
    (one,) = jsm.client("sns").list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    address, _, key = one["Endpoint"].partition("?apiKey=")
    assert address.endswith("/jsm/ops/integration/v1/json/amazonsns")
    assert key
    assert key not in str(jsm.messages("plan:"))
    jsm.plan_and_apply()
    assert "Nothing to change" in jsm.messages("plan:")[-1]["text"]


def test_an_alarms_life(jsm: Any, until: Callable[..., Any]) -> None:
    cloudwatch = jsm.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="because")
    alert = until(lambda: newest(jsm))
    assert alert.router_id.startswith("jsm:")
    assert (alert.severity, alert.fields.alarm_name) == ("P1", ALARM)
    (message,) = jsm.messages(f"alert:{alert.id}")
    assert "Opsgenie" not in str(message["blocks"])

    def state() -> AlertState:
        jsm.work()
        found = newest(jsm)
        assert found is not None
        return found.state

    jsm.click("alert.acknowledge", alert.id)
    until(lambda: state() is AlertState.ACKNOWLEDGED)
    there = next(a for a in jsm.opsgenie.alerts() if a["alias"] == ARN)
    assert there["acknowledged"]
    # Somebody closes it there: the webhook tells, and is confirmed.
    jsm.opsgenie.act(there["id"], "close", {"user": "eve@example.com"})
    until(lambda: state() is AlertState.CLOSED)
    found = newest(jsm)
    assert found is not None
    assert found.closed_by == "eve@example.com"


def test_the_reconciler_finds_what_no_webhook_told(jsm: Any, until: Callable[..., Any]) -> None:
    cloudwatch = jsm.client("cloudwatch")
    jsm.faults.add(Fault("webhook", "", "status", status=400, count=1))
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="OK", StateReason="quiet")
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="again")
    until(lambda: any(a["status"] == "open" for a in jsm.opsgenie.alerts()))
    jsm.job("alert.reconcile")
    found = newest(jsm)
    assert found is not None
    assert found.state is AlertState.OPEN


def test_it_moves_to_the_bot_alone(jsm: Any) -> None:
    jsm.plan_and_apply("--set router=direct")
    (one,) = jsm.client("sns").list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    assert one["Endpoint"] == jsm.url
