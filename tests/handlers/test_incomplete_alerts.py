"""What a webhook leaves out of an alert, or cuts, is read from the on-call service."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from bot.app import take_in
from handlers.alert_fields import INCOMPLETE
from handlers.intake import CONFIRMED_AT_ONCE
from handlers.webhooks.opsgenie import parse
from trailwatch.alert import Alert, Search
from trailwatch.clock import utc_now
from trailwatch.store import alerts, inbox
from trailwatch.store.tables import job

ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:trailwatch-iam-user-created"
LONG = "[P3] " + "reason " * 160
DETAILS = {
    "alarm_arn": ARN,
    "alarm_name": "trailwatch-iam-user-created",
    "aws_account": "123456789012",
    "aws_region_name": "US East (N. Virginia)",
    "description": LONG,
    "reason": "Threshold Crossed: 1 datapoint [1.0 (23/11/26 09:00:00)] was greater",
    "state_change_time": "2026-11-23T09:01:02.003+0000",
}


@pytest.fixture(scope="module")
def desk(make_house: Callable[..., Any]) -> Any:
    return make_house()


def made(desk: Any, alias: str, **fields: Any) -> dict[str, Any]:
    """An alert that stands in Opsgenie, as its webhook's `alert` names it."""
    id_ = desk.opsgenie.create({"message": "ALARM: it", "alias": alias, **fields})
    found = next(one for one in desk.opsgenie.alerts() if one["id"] == id_)
    return {"alertId": id_, "alias": alias, "message": "ALARM: it", "updatedAt": found["updatedAt"]}


def deliver(desk: Any, alert: dict[str, Any]) -> Alert:
    body = json.dumps({"action": "Create", "alert": alert}).encode()
    now = utc_now()
    key = parse(body, now).key
    with desk.deps.db.transaction() as tx:
        inbox.put(tx, key=key, source="opsgenie", body=body.decode(), at=now, lane=key)
        row = inbox.claim(tx, owner="t", now=now, lease=now)
    assert row is not None
    take_in(desk.deps, row)
    return known(desk, alert["alertId"])


def known(desk: Any, router_id: str) -> Alert:
    with desk.deps.db.reading() as tx:
        found = alerts.by_router_id(tx, router_id)
    assert found is not None
    return found


def kinds(desk: Any) -> list[str]:
    with desk.deps.db.reading() as tx:
        return list(tx.execute(select(job.c.kind).where(job.c.state == "queued")).scalars())


def test_a_webhook_without_details_is_shown_at_once_and_completed(desk: Any) -> None:
    told = made(desk, "no-arn", description="[P3] x", details=DETAILS)
    first = deliver(desk, told)
    assert (first.title, first.fields.account) == ("ALARM: it", "")
    desk.work()
    whole = known(desk, told["alertId"])
    assert whole.title == "IAM user created"
    assert (whole.fields.alarm_arn, whole.fields.account) == (ARN, "123456789012")
    assert whole.fields.reason == DETAILS["reason"] and whole.fields.description == LONG
    assert whole.first_seen == whole.fields.state_change
    assert INCOMPLETE not in whole.extra
    shown = json.dumps(desk.messages(f"alert:{whole.id}"))
    assert "IAM user created" in shown and len(desk.messages("alert:")) == 1


def test_what_the_webhook_cut_is_read_whole(desk: Any) -> None:
    told = made(desk, ARN, description=LONG, details=DETAILS)
    told |= {"description": LONG[:1000], "details": {**DETAILS, "description": LONG[:1000]}}
    assert len(deliver(desk, told).fields.description) == 1000
    desk.work()
    assert known(desk, told["alertId"]).fields.description == LONG


def test_what_is_complete_is_confirmed_too(desk: Any) -> None:
    told = made(desk, f"{ARN}-2", details={**DETAILS, "description": "short"})
    told["details"] = {**DETAILS, "alarm_arn": f"{ARN}-2", "description": "short"}
    alert = deliver(desk, told)
    assert INCOMPLETE not in alert.extra
    desk.pass_time(seconds=2)
    desk.work()
    asked = [call["method"] for call in desk.calls.list("opsgenie")]
    assert any(told["alertId"] in method for method in asked)
    assert "forged" not in json.dumps(desk.messages(f"alert:{alert.id}"))


def test_a_forged_alert_says_that_the_service_has_none(desk: Any) -> None:
    forged = {"alertId": "0b4d6bc1-5f0e", "alias": f"{ARN}-f", "message": "ALARM: it"}
    forged |= {"updatedAt": 1795469683275, "description": "short"}
    forged["details"] = {**DETAILS, "alarm_arn": f"{ARN}-f", "description": "short"}
    alert = deliver(desk, forged)
    for tries in range(3):
        assert "forged" not in json.dumps(desk.messages(f"alert:{alert.id}"))
        desk.job("alert.confirm", router_id="0b4d6bc1-5f0e", action="Create", tries=tries)
    assert "its webhook may be forged" in json.dumps(desk.messages(f"alert:{alert.id}"))


def test_in_a_storm_the_comparison_confirms(desk: Any) -> None:
    with desk.deps.db.transaction() as tx:
        tx.execute(job.delete())
    for number in range(CONFIRMED_AT_ONCE + 5):
        arn = f"{ARN}-storm-{number}"
        told = made(desk, arn, details={**DETAILS, "alarm_arn": arn, "description": "short"})
        told["details"] = {**DETAILS, "alarm_arn": arn, "description": "short"}
        deliver(desk, told)
    assert kinds(desk).count("alert.confirm") == CONFIRMED_AT_ONCE
    with desk.deps.db.transaction() as tx:
        tx.execute(job.delete())


def test_while_the_service_is_away_it_stays_to_be_read(desk: Any) -> None:
    """Whatever news comes first then completes it, and its events are searched anew."""
    told = made(desk, "no-arn-3", details={**DETAILS, "alarm_arn": f"{ARN}-3"})
    deliver(desk, told)
    with desk.deps.db.transaction() as tx:
        tx.execute(job.delete())
        shown = known(desk, told["alertId"])
        assert INCOMPLETE in shown.extra
        alerts.save(tx, type(shown)(**{**vars(shown), "search": Search.FAILED}))
    desk.job("alert.confirm", router_id=told["alertId"], action="Acknowledge")
    whole = known(desk, told["alertId"])
    assert whole.fields.alarm_arn == f"{ARN}-3"
    # There is no log group in this account; that was not known before.
    assert "log group does not exist" in whole.search_note
    assert "alert.follow_up" in kinds(desk)
