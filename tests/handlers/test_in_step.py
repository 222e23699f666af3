"""What people do to an alert in the on-call service itself is shown in Slack, whatever it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.faults import Fault
from trailwatch.alert import Alert, AlertState
from trailwatch.store import alerts

ALARM = "trailwatch-root-console-login"
ARN = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{ALARM}"
EVE = "eve@example.com"
HOSTILE = "<!channel> *x* <https://evil.example.com|y> \u202e`z`"


@pytest.fixture(scope="module", params=["opsgenie", "jsm"])
def desk(request: pytest.FixtureRequest, make_listener: Callable[..., Any]) -> Any:
    """A house that the service's webhook tells of what is done there."""
    jsm = {
        "TRAILWATCH_ROUTER": "jsm",
        "JSM_API_TOKEN": "a secret of sixteen characters",
        "OPSGENIE_API_KEY": "",
        "OPSGENIE_SETUP_API_KEY": "",
    }
    house = make_listener(**(jsm if request.param == "jsm" else {}))
    house.plan_and_apply("--pack walkthrough")
    house.title = "Jira Service Management" if request.param == "jsm" else "Opsgenie"
    return house


@pytest.fixture
def alert(desk: Any, until: Callable[..., Any]) -> Iterator[Alert]:
    """An alarm that went off; its alert is closed afterwards."""
    desk.faults.clear()
    cloudwatch = desk.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="because")
    found = until(lambda: newest(desk))
    yield found
    desk.faults.clear()
    if theirs(desk)["status"] == "open":
        desk.opsgenie.act(theirs(desk)["id"], "close", {"user": EVE})
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="OK", StateReason="quiet")
    until(lambda: desk.job("alert.reconcile") or not newest(desk))


def newest(desk: Any) -> Alert | None:
    with desk.deps.db.reading() as tx:
        return alerts.open_by_alias(tx, ARN)


def now_is(desk: Any, alert: Alert) -> Alert:
    with desk.deps.db.reading() as tx:
        found = alerts.get(tx, alert.id)
    assert found is not None
    return found


def theirs(desk: Any) -> dict[str, Any]:
    found: dict[str, Any] = [one for one in desk.opsgenie.alerts() if one["alias"] == ARN][-1]
    return found


def act(desk: Any, action: str, **body: Any) -> None:
    desk.opsgenie.act(theirs(desk)["id"], action, {"user": EVE, **body})


def thread(desk: Any, alert: Alert) -> list[str]:
    return [one["text"] for one in desk.messages(f"alert:{alert.id}:")]


def shown(desk: Any, alert: Alert) -> str:
    found = next(m for m in desk.messages(f"alert:{alert.id}") if m["key"] == f"alert:{alert.id}")
    return json.dumps(found, ensure_ascii=False)


def says(desk: Any, until: Callable[..., Any], alert: Alert, words: str) -> None:
    until(lambda: desk.work() or words in " | ".join(thread(desk, alert)))


def test_a_note_is_told_once(desk: Any, alert: Alert, until: Callable[..., Any]) -> None:
    act(desk, "note", note=f"seen before: {HOSTILE}")
    says(desk, until, alert, f"{EVE} noted in {desk.title}: seen before")
    desk.job("alert.reconcile")
    act(desk, "note", note="and again")
    says(desk, until, alert, "and again")
    desk.job("alert.reconcile")
    said = [one for one in thread(desk, alert) if "noted in" in one]
    assert len(said) == 2
    assert "<!channel>" not in said[0]
    # The newest stands on the message, too.
    assert f":memo: {EVE}: and again (and 1 note before, in the thread)" in shown(desk, alert)


def test_a_note_that_no_webhook_told_is_found(
    desk: Any, alert: Alert, until: Callable[..., Any]
) -> None:
    desk.faults.add(Fault("webhook", "", "status", status=400))
    act(desk, "note", note="while you were away")
    desk.job("alert.reconcile")
    desk.job("alert.reconcile")
    said = [one for one in thread(desk, alert) if "noted in" in one]
    assert said == [f"{EVE} noted in {desk.title}: while you were away"]


def test_ours_is_not_told_back(desk: Any, alert: Alert, until: Callable[..., Any]) -> None:
    from handlers.changing import ask_change
    from trailwatch.alert import AlertAction

    request = desk._request("U0ALICE")
    with desk.deps.db.transaction() as tx:
        ask_change(
            desk.deps, tx, request, alert, AlertAction.NOTE, "alice noted: ours", note="ours"
        )
    says(desk, until, alert, "alice noted: ours")
    act(desk, "note", note="theirs")
    says(desk, until, alert, "theirs")
    desk.job("alert.reconcile")
    assert [one for one in thread(desk, alert) if "ours" in one] == ["alice noted: ours"]
    assert f":memo: {EVE}: theirs" in shown(desk, alert)


def test_who_acknowledged_snoozed_and_closed_stands_on_the_message(
    desk: Any, alert: Alert, until: Callable[..., Any]
) -> None:
    act(desk, "acknowledge")
    until(lambda: desk.work() or now_is(desk, alert).state is AlertState.ACKNOWLEDGED)
    assert f"Acknowledged by {EVE}" in shown(desk, alert)
    end = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    act(desk, "snooze", endTime=end, user="mallory@example.com")
    until(lambda: desk.work() or now_is(desk, alert).state is AlertState.SNOOZED)
    assert "by mallory@example.com" in shown(desk, alert)
    act(desk, "note", note="n")
    says(desk, until, alert, "noted")
    assert now_is(desk, alert).snoozed_by == "mallory@example.com"
    act(desk, "close")
    until(lambda: desk.work() or now_is(desk, alert).state is AlertState.CLOSED)
    assert f"by {EVE}" in shown(desk, alert)


def test_who_took_it_back_assigned_it_and_changed_the_priority_is_told(
    desk: Any, alert: Alert, until: Callable[..., Any]
) -> None:
    act(desk, "acknowledge")
    until(lambda: desk.work() or now_is(desk, alert).state is AlertState.ACKNOWLEDGED)
    act(desk, "unacknowledge")
    says(desk, until, alert, f"{EVE} took the acknowledgement back in {desk.title}.")
    act(desk, "assign", owner={"type": "user", "username": "bob@example.com"})
    says(desk, until, alert, f"{EVE} assigned this to bob in {desk.title}.")
    act(desk, "assign", owner={"type": "user", "username": EVE})
    says(desk, until, alert, f"{EVE} took this in {desk.title}.")
    act(desk, "priority", priority="P4")
    says(desk, until, alert, f"{EVE} changed the priority from P1 to P4 in {desk.title}.")
    assert now_is(desk, alert).severity == "P4"


@pytest.mark.parametrize(
    ("action", "body", "words"),
    [
        ("escalate", {"escalation": {"name": "second line"}}, "Escalated alert to the next rule"),
        ("teams", {"team": {"name": "team2"}}, "Added team to alert"),
        ("responders", {"responder": {"type": "user", "username": EVE}}, "Added responder"),
        ("tags", {"tags": ["seen"]}, "Added tags"),
        ("details", {"details": {"ticket": "12"}}, "Added details"),
        ("message", {"message": "another"}, "Updated message"),
        ("description", {"description": "another"}, "Updated description"),
        ("Restart it", {}, "Executed custom action [Restart it]"),
    ],
)
def test_what_else_is_done_is_told_in_the_services_words(
    desk: Any,
    alert: Alert,
    until: Callable[..., Any],
    action: str,
    body: dict[str, Any],
    words: str,
) -> None:
    act(desk, action, **body)
    says(desk, until, alert, f"In {desk.title}: {words}")
    (line,) = [one for one in thread(desk, alert) if words in one]
    assert f"({EVE})" in line
    desk.job("alert.reconcile")
    assert len([one for one in thread(desk, alert) if words in one]) == 1


def test_what_was_done_while_no_webhook_came(desk: Any, alert: Alert) -> None:
    desk.faults.add(Fault("webhook", "", "status", status=400))
    act(desk, "escalate", escalation={"name": "second line"})
    act(desk, "assign", owner={"type": "user", "username": "bob@example.com"})
    act(desk, "priority", priority="P2")
    desk.job("alert.reconcile")
    said = " | ".join(thread(desk, alert))
    assert f"In {desk.title}: Escalated alert to the next rule ({EVE})" in said
    assert f"{EVE} assigned this to bob in {desk.title}." in said
    assert f"{EVE} changed the priority from P1 to P2 in {desk.title}." in said


def test_what_is_deleted_there_is_over_here(
    desk: Any, alert: Alert, until: Callable[..., Any]
) -> None:
    before = theirs(desk)
    desk.opsgenie.act(before["id"], "delete", {"user": EVE})
    until(lambda: desk.work() or now_is(desk, alert).state is AlertState.CLOSED)
    assert thread(desk, alert)[-1] == f"{EVE} deleted this in {desk.title}."
    desk.client("cloudwatch").set_alarm_state(AlarmName=ALARM, StateValue="OK", StateReason="quiet")
    cloudwatch = desk.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="because")
    until(lambda: newest(desk))


def test_what_was_deleted_unseen_is_said_and_can_be_closed_here(
    desk: Any, alert: Alert, until: Callable[..., Any]
) -> None:
    desk.faults.add(Fault("webhook", "", "status", status=400))
    desk.opsgenie.act(theirs(desk)["id"], "delete", {"user": EVE})
    desk.job("alert.reconcile")
    desk.job("alert.reconcile")
    assert f"not in {desk.title} any more" in shown(desk, alert)
    assert not [one for one in thread(desk, alert) if "any more" in one]
    assert now_is(desk, alert).state is AlertState.OPEN
    desk.click("alert.acknowledge", alert.id)
    until(lambda: desk.work() or not now_is(desk, alert).pending)
    assert "it can be closed here" in desk.told()[-1]["text"]
    desk.click("alert.close", alert.id)
    until(lambda: desk.work() or now_is(desk, alert).state is AlertState.CLOSED)
    assert "by alice" in shown(desk, alert)
    desk.faults.clear()
    cloudwatch = desk.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="OK", StateReason="quiet")
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="because")
    until(lambda: newest(desk))


def test_what_came_and_went_without_a_word_is_shown(desk: Any, until: Callable[..., Any]) -> None:
    """While the bot was away somebody closed an alert that it had never heard of."""
    desk.job("alert.reconcile")
    desk.faults.add(Fault("webhook", "", "status", status=400))
    name = "trailwatch-came-and-went"
    arn = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}"
    made = desk.opsgenie.create({"message": name, "alias": arn, "tags": ["trailwatch"]})
    desk.opsgenie.act(made, "close", {"user": EVE})
    desk.job("alert.reconcile")
    desk.faults.clear()
    with desk.deps.db.reading() as tx:
        found = alerts.newest_by_alias(tx, arn)
    assert found is not None and found.state is AlertState.CLOSED
    assert "CLOSED" in shown(desk, found)
