"""A site without an on-call service: the topic tells the bot itself, over HTTP and signed."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.changing import ask_change
from sandbox.faults import Fault
from trailwatch.alert import Alert, AlertAction, AlertState
from trailwatch.store import alert_notes, alerts

TOPIC = "arn:aws:sns:us-east-1:123456789012:trailwatch-alarms"
ALARM = "trailwatch-root-console-login"


@pytest.fixture(scope="module")
def direct(make_listener: Callable[..., Any]) -> Any:
    """A house whose bot listens, with its pipeline built."""
    house = make_listener(
        TRAILWATCH_ROUTER="direct", OPSGENIE_API_KEY="", OPSGENIE_SETUP_API_KEY=""
    )
    house.plan_and_apply("--pack walkthrough")
    return house


def go(house: Any, state: str, reason: str = "because") -> None:
    house.client("cloudwatch").set_alarm_state(
        AlarmName=ALARM, StateValue=state, StateReason=reason
    )


def first(house: Any) -> Alert | None:
    with house.deps.db.reading() as tx:
        return alerts.newest_by_alias(tx, _arn())


def newest(house: Any) -> Alert:
    found = first(house)
    assert found is not None
    return found


def _arn() -> str:
    return f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{ALARM}"


def test_an_alarms_whole_life(direct: Any, until: Callable[..., Any]) -> None:
    go(direct, "ALARM")
    alert = until(lambda: first(direct))
    assert alert.state is AlertState.OPEN
    assert alert.severity == "P1"
    assert alert.router_id.startswith("direct:")
    assert alert.fields.account == "123456789012"
    assert alert.fields.alarm_name == ALARM
    assert alert.fields.description.startswith("[P1] ")
    assert len(direct.messages(f"alert:{alert.id}")) == 1

    direct.click("alert.acknowledge", alert.id)
    found = newest(direct)
    assert (found.state, found.pending) == (AlertState.ACKNOWLEDGED, "")
    assert found.acknowledged_by

    go(direct, "OK")
    until(lambda: direct.messages(f"alert:{alert.id}:ok"))
    assert newest(direct).state is AlertState.ACKNOWLEDGED
    go(direct, "ALARM")
    until(lambda: newest(direct).count == 2)
    assert newest(direct).id == alert.id

    direct.click("alert.close", alert.id)
    assert newest(direct).state is AlertState.CLOSED
    go(direct, "OK")
    go(direct, "ALARM")
    again = until(lambda: found if (found := newest(direct)).id != alert.id else None)
    assert again.state is AlertState.OPEN
    direct.job("alert.reconcile")
    assert newest(direct) == again


def test_setup_has_a_subscription_and_no_opsgenie(direct: Any) -> None:
    found = direct.client("sns").list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    assert [(one["Endpoint"], one["SubscriptionArn"][:4]) for one in found] == [
        (direct.url, "arn:")
    ]
    policy = direct.client("sns").get_subscription_attributes(
        SubscriptionArn=found[0]["SubscriptionArn"]
    )["Attributes"]["DeliveryPolicy"]
    assert json.loads(policy)["healthyRetryPolicy"]["numRetries"] == 45
    attributes = direct.client("sns").get_topic_attributes(TopicArn=TOPIC)["Attributes"]
    assert attributes["SignatureVersion"] == "2"
    direct.plan_and_apply()
    assert "Nothing to change" in direct.messages("plan:")[-1]["text"]


def test_signature_version_1_is_taken_too(direct: Any, until: Callable[..., Any]) -> None:
    sns = direct.client("sns")

    def version(number: str) -> None:
        sns.set_topic_attributes(
            TopicArn=TOPIC, AttributeName="SignatureVersion", AttributeValue=number
        )

    count = newest(direct).count
    version("1")
    go(direct, "OK")
    go(direct, "ALARM")
    until(lambda: newest(direct).count > count)
    version("2")


def test_what_comes_twice_counts_once(direct: Any) -> None:
    """A replay within SNS's own hour is known by its MessageId."""
    seen = newest(direct)
    body = direct.bodies[-1]
    assert json.loads(body)["Type"] == "Notification"
    assert post(direct, body) == 200
    assert newest(direct) == seen
    direct.pass_time(minutes=90)
    assert post(direct, body) == 403
    direct.pass_time(minutes=-90)


def test_what_sns_did_not_send_is_refused(direct: Any) -> None:
    body = json.loads(direct.bodies[-1])
    other = "arn:aws:sns:us-east-1:111122223333:trailwatch-alarms"
    for change in (
        {"MessageId": "another"},
        {"Message": body["Message"].replace("ALARM", "OK")},
        {"TopicArn": other},
        {"SigningCertURL": "https://sns.us-east-1.amazonaws.com.example.com/a.pem"},
        {"SigningCertURL": "http://169.254.169.254/SimpleNotificationService-a.pem"},
        {"Signature": ""},
        {"SignatureVersion": "3"},
    ):
        assert post(direct, {**body, **change}) == 403, change
    assert post(direct, b"{") == 403
    assert post(direct, b"[]") == 403


def post(house: Any, body: Any) -> int:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(house.url, data, {"Content-Type": "text/plain"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_an_alarm_that_sns_never_told_of_is_found(direct: Any, until: Callable[..., Any]) -> None:
    """The bot was away for longer than SNS tries; the alarm's history has it."""
    go(direct, "OK")
    direct.click("alert.close", newest(direct).id)
    # What went off within a second counts as told.
    began = datetime.now(UTC)
    until(lambda: datetime.now(UTC) > began + timedelta(seconds=1.1))
    direct.faults.add(Fault("sns", "", "status", status=400, count=2))
    closed = newest(direct)
    go(direct, "ALARM")
    go(direct, "OK")
    direct.job("direct.catch_up")
    assert newest(direct) == closed, "SNS may still tell"
    direct.pass_time(minutes=3)
    direct.job("direct.catch_up")
    found = newest(direct)
    assert found.id != closed.id
    assert (found.state, found.count) == (AlertState.OPEN, 1)
    direct.job("direct.catch_up")
    assert newest(direct).count == 1


def test_a_note_is_kept_with_the_alert(direct: Any, until: Callable[..., Any]) -> None:
    """Without an on-call service the bot itself keeps it."""
    go(direct, "OK")
    go(direct, "ALARM")

    def standing() -> Alert | None:
        found = first(direct)
        return found if found is not None and found.state is not AlertState.CLOSED else None

    alert = until(standing)
    with direct.deps.db.transaction() as tx:
        words = "alice noted: looked at it"
        asking = direct._request("U0ALICE")
        ask_change(direct.deps, tx, asking, alert, AlertAction.NOTE, words, note="looked at it")
    until(lambda: direct.work() or words in str(direct.messages(f"alert:{alert.id}:did:note")))
    with direct.deps.db.reading() as tx:
        (kept,) = alert_notes.of_alert(tx, alert.id)
    assert (kept.by, kept.text, kept.ours) == ("alice", "looked at it", True)
    shown = next(m for m in direct.messages("alert:") if m["key"] == f"alert:{alert.id}")
    assert ":memo: alice: looked at it" in str(shown["blocks"])


def test_nothing_speaks_of_opsgenie(direct: Any) -> None:
    commands = ("setup plan", "setup status", "setup drift", "setup options", "status", "sites")
    said = [direct.command(text).text for text in commands]
    said += [str(one) for one in (*direct.messages(), *direct.told())]
    assert [one for one in [*said, direct.home()] if "opsgenie" in one.lower()] == []


def test_who_follows_the_link_that_ends_the_subscription_is_told_of(
    direct: Any, until: Callable[..., Any]
) -> None:
    """Each message carries that link, and it asks for no credentials."""
    link = next(
        found["UnsubscribeURL"]
        for found in map(json.loads, reversed(direct.bodies))
        if found["Type"] == "Notification"
    )
    direct.pass_time(seconds=-direct._ahead.total_seconds())
    direct.job("setup.drift", due="before the link")
    urllib.request.urlopen(link, timeout=30).close()
    until(lambda: direct.work() or direct.drifted())
    assert [row.key for row in direct.drifted()] == ["subscription:trailwatch-alarms to trailwatch"]
    direct.plan_and_apply()
    direct.job("setup.drift", due="after the link")
    assert direct.drifted() == []
