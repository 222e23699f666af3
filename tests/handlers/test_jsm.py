"""A site whose alarms go to Jira Service Management, whose integrations were made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from handlers.changing import ask_change, ask_escalation
from sandbox.faults import Fault
from trailwatch.alert import Alert, AlertAction, AlertState
from trailwatch.store import alerts

TOPIC = "arn:aws:sns:us-east-1:123456789012:trailwatch-alarms"
ALARM = "trailwatch-root-console-login"
SPEAKING = (
    "setup plan", "setup status", "setup drift", "setup options", "status", "sites", "alerts",
    "setup history", "digest now", "setup lint",
)  # fmt: skip
ARN = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{ALARM}"


@pytest.fixture(scope="module")
def jsm(make_listener: Callable[..., Any]) -> Any:
    house = make_listener(
        TRAILWATCH_ROUTER="jsm",
        JSM_API_TOKEN="a secret of sixteen characters",
        OPSGENIE_ESCALATION="second line",
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
    assert "Opsgenie" not in str(message)
    number = next(a["tinyId"] for a in jsm.opsgenie.alerts() if a["alias"] == ARN)
    page = f"{jsm.opsgenie.url}/jira/ops/alerts/{alert.router_id.removeprefix('jsm:')}"
    assert f"<{page}|Jira Service Management #{number}>" in str(message["blocks"])
    assert "here and in Jira Service Management" in str(message["blocks"])

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


def test_assigned_raised_and_passed_on(jsm: Any, until: Callable[..., Any]) -> None:
    cloudwatch = jsm.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="OK", StateReason="quiet")
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="again")

    def fresh() -> Alert | None:
        found = newest(jsm)
        return found if found is not None and found.state is AlertState.OPEN else None

    alert = until(fresh)
    asking = jsm._request("U0ALICE")
    with jsm.deps.db.transaction() as tx:
        to = {"to": "bob@example.com", "note": "yours"}
        ask_change(jsm.deps, tx, asking, alert, AlertAction.ASSIGN, "alice assigned this", **to)
        ask_change(jsm.deps, tx, asking, alert, AlertAction.PRIORITY, "alice: P2", to="P2")
        ask_escalation(jsm.deps, tx, asking, alert, "nobody answers")

    def there() -> dict[str, Any]:
        jsm.work()
        jsm.pass_time(seconds=0.2)
        found: dict[str, Any] = [a for a in jsm.opsgenie.alerts() if a["alias"] == ARN][-1]
        return found

    until(lambda: (there()["owner"], there()["priority"]) == ("bob@example.com", "P2"))

    def said() -> str:
        jsm.work()
        jsm.pass_time(seconds=0.2)
        return " | ".join(one["text"] for one in jsm.messages(f"alert:{alert.id}:"))

    until(lambda: all(words in said() for words in ("alice assigned", "P2", "second line")))
    # Such a change takes no note there: it is added by itself, and not told back.
    wanted = {"yours", "alice escalated this from Slack: nobody answers"}
    until(lambda: said() and {n.text for n in jsm.deps.router.notes(alert.router_id)} == wanted)
    jsm.job("alert.reconcile")
    assert "noted in" not in said()
    assert "in Jira Service Management" not in said()
    found = newest(jsm)
    assert found is not None
    assert (found.owner, found.shown(found.owner), found.severity) == (
        "bob@example.com",
        "bob",
        "P2",
    )
    jsm.click("alert.close", alert.id)
    until(lambda: jsm.work() or not fresh())
    jsm.pass_time(seconds=-jsm._ahead.total_seconds())


def test_nothing_speaks_of_opsgenie(jsm: Any) -> None:
    said = [jsm.command(text).text for text in SPEAKING]
    said += [str(one) for one in (*jsm.messages(), *jsm.told())]
    assert [one for one in [*said, jsm.home()] if "opsgenie" in one.lower()] == []


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
