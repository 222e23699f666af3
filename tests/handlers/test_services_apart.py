"""Two on-call services at a time, one of which is away; and answers that get lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import opsgenie_sdk
import pytest

from handlers.changing import ask_change, ask_escalation
from handlers.direct import take_alarm
from handlers.modals.modal import Submission
from handlers.modals.table import modal_of, submitted
from sandbox.faults import Fault
from trailwatch.alarm_message import AlarmMessage
from trailwatch.alert import Alert, AlertAction, AlertState
from trailwatch.errors import RouterError
from trailwatch.routers.router import Routers
from trailwatch.routes import Route
from trailwatch.store import alerts

EVE = "eve@example.com"


@pytest.fixture(scope="module")
def desk(make_house: Callable[..., Any]) -> Any:
    """A house that reaches Opsgenie and Jira Service Management, which are one stand-in."""
    house = make_house(
        TRAILWATCH_PUBLIC_URL="http://127.0.0.1:9",
        JSM_API_TOKEN="a secret of sixteen characters",
        OPSGENIE_ESCALATION="security_escalation",
    )
    house.number = 0
    return house


@pytest.fixture
def arn(desk: Any) -> Iterator[str]:
    """An alarm of which Opsgenie has an alert."""
    desk.faults.clear()
    desk.number += 1
    made = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:trailwatch-apart-{desk.number}"
    configuration = opsgenie_sdk.Configuration()
    configuration.host = desk.opsgenie.url
    configuration.api_key = {"Authorization": desk.opsgenie.api_key}
    body = opsgenie_sdk.CreateAlertPayload(
        message="apart", alias=made, priority="P3", tags=["trailwatch"]
    )
    api = opsgenie_sdk.AlertApi(opsgenie_sdk.ApiClient(configuration=configuration))
    api.create_alert(body, _request_timeout=30)
    settle(desk, lambda: any(one["alias"] == made for one in desk.opsgenie.alerts()))
    yield made
    desk.faults.clear()
    if theirs(desk, made)["status"] == "open":
        desk.opsgenie.act(theirs(desk, made)["id"], "close", {"user": EVE})
    desk.job("alert.reconcile")
    desk.deps = replace(desk.deps, routes=())


def settle(desk: Any, look: Callable[[], Any]) -> Any:
    for _ in range(300):
        desk.work()
        if found := look():
            return found
        desk.pass_time(seconds=0.5)
    raise AssertionError("it did not come true")


def theirs(desk: Any, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in desk.opsgenie.alerts() if one["alias"] == arn)
    return found


def of(desk: Any, arn: str) -> Alert | None:
    with desk.deps.db.reading() as tx:
        return alerts.newest_by_alias(tx, arn)


def only(desk: Any, arn: str, service: str) -> Alert:
    """The alert as one service tells of it, while the other, which is the same, is away."""
    other = "/jsm/" if service == "opsgenie" else " /v2/"
    desk.faults.add(Fault("opsgenie", other, "status", status=503))
    desk.job("alert.reconcile")
    desk.faults.clear()
    found = of(desk, arn)
    assert found is not None
    return found


def with_twin(desk: Any, arn: str) -> Alert:
    """The alert as Opsgenie told of it, which Jira Service Management has, too."""
    alert = only(desk, arn, "opsgenie")
    with desk.deps.db.transaction() as tx:
        alerts.add_twin(tx, alert.id, f"jsm:{alert.router_id}")
    return alert


def thread(desk: Any, alert: Alert) -> list[str]:
    return [one["text"] for one in desk.messages(f"alert:{alert.id}:")]


def log_of(desk: Any, arn: str) -> list[str]:
    return [one.text for one in desk.deps.router.log(theirs(desk, arn)["id"])]


@pytest.mark.parametrize(
    ("away", "name", "other"),
    [("/jsm/", "Jira Service Management", "opsgenie"), (" /v2/", "Opsgenie", "jsm")],
)
def test_the_one_that_answers_is_compared_with(
    desk: Any, arn: str, away: str, name: str, other: str
) -> None:
    desk.faults.add(Fault("opsgenie", away, "status", status=503))
    desk.job("alert.reconcile")
    found = of(desk, arn)
    assert found is not None
    assert found.router_id.startswith("jsm:") is (other == "jsm")
    said = desk.command("status")
    assert f"{name} does not answer" in said.text
    assert "503" in json.dumps(said.blocks)
    # What is open there is not taken for closed.
    desk.job("alert.reconcile")
    assert of(desk, arn) == found
    desk.faults.clear()
    desk.job("alert.reconcile")
    assert "does not answer" not in desk.command("status").text


def test_where_none_answers_the_comparison_fails(desk: Any, arn: str) -> None:
    desk.faults.add(Fault("opsgenie", "", "status", status=503))
    with pytest.raises(RouterError, match="503"):
        desk.job("alert.reconcile")
    said = desk.command("status").text
    assert "Opsgenie does not answer" in said
    assert "Jira Service Management does not answer" in said
    desk.faults.clear()
    desk.job("alert.reconcile")


def test_the_second_service_is_told_until_it_took_it(desk: Any, arn: str) -> None:
    alert = with_twin(desk, arn)
    desk.faults.add(Fault("opsgenie", "/jsm/", "status", status=503, count=6))
    desk.click("alert.acknowledge", alert.id)
    settle(desk, lambda: _state(desk, alert) is AlertState.ACKNOWLEDGED)
    settle(desk, lambda: _twins_left(desk) == 0)
    assert _asked(desk, alert, "jsm/ops/integration") >= 1


def test_the_second_service_is_told_at_once_while_the_first_is_away(desk: Any, arn: str) -> None:
    alert = with_twin(desk, arn)
    desk.faults.add(Fault("opsgenie", " /v2/", "status", status=503))
    desk.click("alert.acknowledge", alert.id)
    settle(desk, lambda: _state(desk, alert) is AlertState.ACKNOWLEDGED)
    assert theirs(desk, arn)["acknowledged"]
    calls = _asked(desk, alert, " /v2/alerts")
    desk.faults.clear()
    # The first one is not forgotten.
    settle(desk, lambda: _asked(desk, alert, " /v2/alerts") > calls)
    settle(desk, lambda: _twins_left(desk) == 0)


def test_the_new_service_is_asked_where_there_is_no_way_to_the_old_one(desk: Any, arn: str) -> None:
    """The move is over, and the old one's key was taken out of the settings."""
    alert = with_twin(desk, arn)
    whole = desk.deps.router
    there = Routers([whole._routers["jsm"]], lambda: ("jsm",))
    desk.deps = replace(desk.deps, router=there)
    try:
        desk.click("alert.acknowledge", alert.id)
        settle(desk, lambda: _state(desk, alert) is AlertState.ACKNOWLEDGED)
        settle(desk, lambda: _twins_left(desk) == 0)
        with desk.deps.db.transaction() as tx:
            request = desk._request("U0ALICE")
            ask_change(desk.deps, tx, request, alert, AlertAction.NOTE, "alice noted", note="n")
        settle(desk, lambda: "alice noted" in thread(desk, alert))
        with desk.deps.db.reading() as tx:
            now = alerts.get(tx, alert.id)
            assert now is not None
            assert now.router_id == f"jsm:{alert.router_id}"
            assert alerts.twins(tx, alert.id) == (alert.router_id,)
            assert alerts.by_router_id(tx, alert.router_id) == now
    finally:
        desk.deps = replace(desk.deps, router=whole)
    assert "could not" not in " ".join(thread(desk, alert)).lower()


def _state(desk: Any, alert: Alert) -> AlertState:
    with desk.deps.db.reading() as tx:
        found = alerts.get(tx, alert.id)
    assert found is not None
    return found.state


def _asked(desk: Any, alert: Alert, part: str) -> int:
    calls = [str(one["method"]) for one in desk.calls.list("opsgenie")]
    return sum(part in one and alert.router_id in one for one in calls)


def _twins_left(desk: Any) -> int:
    with desk.deps.db.reading() as tx:
        from sqlalchemy import select

        from trailwatch.store.tables import job

        chosen = select(job.c.id).where(
            job.c.kind.in_(("alert.act", "alert.act_twin")), job.c.state == "queued"
        )
        return len(tx.execute(chosen).all())


@pytest.mark.parametrize("service", ["opsgenie", "jsm"])
def test_a_note_whose_answer_was_lost_stands_there_once(desk: Any, arn: str, service: str) -> None:
    alert = only(desk, arn, service)
    desk.faults.add(Fault("opsgenie", f"{theirs(desk, arn)['id']}/notes", "lost", count=1))
    request = replace(desk._request("U0ALICE"), response_url="")
    with desk.deps.db.transaction() as tx:
        words = "alice noted: seen it"
        ask_change(desk.deps, tx, request, alert, AlertAction.NOTE, words, note="seen it")
    settle(desk, lambda: words in thread(desk, alert))
    notes = desk.deps.router.notes(alert.router_id)
    assert [one.text for one in notes] == ["seen it"]
    only(desk, arn, service)
    assert [one for one in thread(desk, alert) if "seen it" in one] == [words]


@pytest.mark.parametrize("service", ["opsgenie", "jsm"])
def test_an_escalation_whose_answer_was_lost_is_made_once(
    desk: Any, arn: str, service: str
) -> None:
    alert = only(desk, arn, service)
    desk.faults.add(Fault("opsgenie", "/escalate", "lost", count=1))
    request = desk._request("U0ALICE")
    with desk.deps.db.transaction() as tx:
        ask_escalation(desk.deps, tx, request, alert, "nobody answers")
    settle(desk, lambda: any("alice escalated this to" in one for one in thread(desk, alert)))
    settle(desk, lambda: len(desk.deps.router.notes(alert.router_id)) == 1)
    assert [one for one in log_of(desk, arn) if "scalated" in one] == [
        "Escalated alert to the next rule"
    ]
    (note,) = desk.deps.router.notes(alert.router_id)
    assert note.text == "alice escalated this from Slack: nobody answers"
    only(desk, arn, service)
    assert len([one for one in thread(desk, alert) if "scalated" in one]) == 1


def test_what_cannot_be_escalated_becomes_a_p1(desk: Any, arn: str) -> None:
    """The policy that the settings name is there no more."""
    alert = only(desk, arn, "opsgenie")
    desk.faults.add(Fault("opsgenie", "/escalate", "status", status=422))
    _escalate(desk, alert, "nobody answers")
    settle(desk, lambda: theirs(desk, arn)["priority"] == "P1")
    settle(desk, lambda: any("It is P1 now" in one for one in thread(desk, alert)))
    said = " | ".join(thread(desk, alert))
    assert "alice asked to escalate the alert (“nobody answers”), which could not be done:" in said
    assert "escalated this to" not in said


def test_the_channel_hears_of_an_escalation_while_the_service_is_away(desk: Any, arn: str) -> None:
    alert = only(desk, arn, "opsgenie")
    desk.faults.add(Fault("opsgenie", "", "status", status=503))
    _escalate(desk, alert, "it was not me")
    settle(desk, lambda: any("tried again by itself" in one for one in thread(desk, alert)))
    desk.faults.clear()
    settle(desk, lambda: any("alice escalated this to" in one for one in thread(desk, alert)))
    assert sum("wants to escalate this" in one for one in thread(desk, alert)) == 1


def test_what_is_a_p1_already_calls_its_people_once_more(make_house: Callable[..., Any]) -> None:
    """Where no policy is named an escalation would else change nothing."""
    house = make_house(TRAILWATCH_ROUTER="direct", OPSGENIE_API_KEY="")
    house.deps = replace(house.deps, routes=(Route(mentions=("S0ONCALL",)),))
    name = "trailwatch-again"
    arn = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}"
    message = AlarmMessage(name, arn, "ALARM", account="123456789012", description="[P1] root.")
    with house.deps.db.transaction() as tx:
        config = house.deps.sites.watching(arn)
        alert = take_alarm(house.deps, tx, message, config, key="again")
    assert alert is not None
    _escalate(house, alert, "nobody answers")
    house.work()
    said = " | ".join(thread(house, alert))
    assert "alice escalated this: it is P1 already: nobody answers" in said
    assert said.count("<!subteam^S0ONCALL> This was escalated.") == 1


def test_without_an_on_call_service_nobody_needs_an_address(make_house: Callable[..., Any]) -> None:
    house = make_house(TRAILWATCH_ROUTER="direct", OPSGENIE_API_KEY="")
    arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:trailwatch-owned"
    with house.deps.db.transaction() as tx:
        message = AlarmMessage("trailwatch-owned", arn, "ALARM")
        alert = take_alarm(house.deps, tx, message, house.deps.sites.watching(arn), key="owned")
    assert alert is not None
    submission = Submission(
        **vars(house._request("U0ALICE")), about=alert.id, chosen={"owner": ("U0ALICE",)}
    )
    submitted(house.deps, modal_of("alert.change"), submission)
    house.work()
    with house.deps.db.reading() as tx:
        now = alerts.get(tx, alert.id)
    assert now is not None
    assert now.owner == "alice"


def _escalate(desk: Any, alert: Alert, why: str) -> None:
    with desk.deps.db.transaction() as tx:
        ask_escalation(desk.deps, tx, desk._request("U0ALICE"), alert, why)


def test_who_becomes_a_p1_calls_as_a_new_p1_does_once(desk: Any, arn: str) -> None:
    desk.deps = replace(desk.deps, routes=(Route(mentions=("S0ONCALL",)),))
    alert = only(desk, arn, "opsgenie")
    assert "S0ONCALL" not in json.dumps(desk.messages(f"alert:{alert.id}"))
    for priority in ("P2", "P1", "P3", "P1"):
        desk.opsgenie.act(theirs(desk, arn)["id"], "priority", {"priority": priority, "user": EVE})
        desk.job("alert.reconcile")
    called = [one for one in desk.messages(f"alert:{alert.id}:") if "S0ONCALL" in str(one)]
    assert len(called) == 1
    assert "This is P1 now" in called[0]["text"]


def test_who_was_called_by_a_new_p1_is_not_called_again(desk: Any, arn: str) -> None:
    desk.deps = replace(desk.deps, routes=(Route(mentions=("S0ONCALL",)),))
    desk.opsgenie.act(theirs(desk, arn)["id"], "priority", {"priority": "P1", "user": EVE})
    alert = only(desk, arn, "opsgenie")
    for priority in ("P3", "P1"):
        desk.opsgenie.act(theirs(desk, arn)["id"], "priority", {"priority": priority, "user": EVE})
        desk.job("alert.reconcile")
    assert not [one for one in desk.messages(f"alert:{alert.id}:") if "S0ONCALL" in str(one)]
