"""An alert that an apply sets off says so; whoever acts in the same window stands out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from handlers.intake import confirmed, show_new
from trailwatch.alert import Alert, AlertFields, AlertState
from trailwatch.routers.router import RoutedAlert
from trailwatch.store import alerts

NUMBERS, DAYS = itertools.count(1), itertools.count(30)
ALARM = "trailwatch-s3-bucket-policy-changes"
BUCKET = "trailwatch-123456789012-us-east-1"


def set_up(house: Any, until: Callable[..., Any]) -> datetime:
    """A pipeline that stands; from when on everything that happens is of the test."""
    house.set_up("cis")
    quiet: datetime = house.deps.clock() + timedelta(seconds=2)
    until(lambda: house.deps.clock() > quiet)
    return quiet


def fire(house: Any, began: datetime) -> str:
    """An alert of the alarm on changes of buckets, as the webhook makes it; its id."""
    now, ident = house.deps.clock(), f"a{next(NUMBERS)}"
    reason = f"Threshold Crossed: 1 datapoint [1.0 ({began:%d/%m/%y %H:%M:%S})] was greater than"
    alert = Alert(
        id=ident,
        alias=ident,
        router_id=ident,
        title="S3 bucket policy changed",
        severity="P3",
        state=AlertState.OPEN,
        fields=AlertFields(
            alarm_name=ALARM,
            state_change=now,
            detection_id="s3-bucket-policy-changes",
            reason=reason,
        ),
        first_seen=now,
        updated_at=now,
        site="main",
    )
    with house.deps.db.transaction() as tx:
        show_new(house.deps, tx, alert)
    house.work()
    return alert.id


def change_by_plan(house: Any) -> str:
    """Another apply, which changes the bucket's lifecycle; the plan's id."""
    return str(house.plan_and_apply(f"--pack cis --set archive_after_days={next(DAYS)}"))


def shown(house: Any, ident: str) -> str:
    return json.dumps(house.messages(f"alert:{ident}")[0]["blocks"], ensure_ascii=False)


def records(house: Any, began: datetime) -> list[str]:
    """The names of the events that the trail has delivered since."""
    found = house.client("logs").filter_log_events(
        logGroupName="/trailwatch/cloudtrail", startTime=int(began.timestamp()) * 1000
    )
    return [json.loads(event["message"])["eventName"] for event in found["events"]]


def test_an_apply_s_own_alert_says_so(house: Any, until: Callable[..., Any]) -> None:
    began = set_up(house, until)
    plan = change_by_plan(house)
    until(lambda: "PutBucketLifecycle" in records(house, began))
    ident = fire(house, began)
    assert (
        f"*Set off by plan `{plan}`* that alice applied: the event is a call of that apply."
        in shown(house, ident)
    )
    assert f"trailwatch-plan-{plan} via role trailwatch-setup" in shown(house, ident)
    message = house.messages(f"alert:{ident}")[0]
    assert f"Set off by plan {plan} that alice applied" in message["text"]
    assert "FIRING" in message["text"], "it stays an alert"


def test_somebody_in_the_same_window_is_not_hidden(house: Any, until: Callable[..., Any]) -> None:
    began = set_up(house, until)
    plan = change_by_plan(house)
    until(lambda: "PutBucketLifecycle" in records(house, began))
    ident = fire(house, began)
    assert "Set off by plan" in shown(house, ident)
    # The alarm is on, so nothing goes off for this one.
    house.client("s3").delete_bucket_policy(Bucket=BUCKET)
    until(lambda: "DeleteBucketPolicy" in records(house, began))
    house.pass_time(seconds=30)
    house.work()
    assert "*Not only an apply*: 1 other event is *not*, and stands first." in shown(house, ident)
    assert f"1 event is of plan `{plan}`, which alice applied." in shown(house, ident)
    assert shown(house, ident).index("mallory") < shown(house, ident).index(
        "via role trailwatch-setup"
    )
    (told,) = house.messages(f"{ident}:strange:")
    assert "Not only the plan" in told["text"] and "mallory" in told["text"]
    house.pass_time(seconds=60)
    house.work()
    for _ in range(3):
        house.pass_time(seconds=60)
        house.work()
    assert len(house.messages(f"{ident}:strange:")) == 1, "told once"
    assert house.messages(f"{ident}:pairs:") == [], "nor by the follow-up"
    with house.deps.db.reading() as tx:
        alert = alerts.get(tx, ident)
    assert alert is not None and alert.state is AlertState.OPEN


def test_a_session_of_the_plan_s_name_with_another_key_is_strange(
    house: Any, until: Callable[..., Any]
) -> None:
    began = set_up(house, until)
    plan = change_by_plan(house)
    keys = house.client("sts").assume_role(
        RoleArn="arn:aws:iam::123456789012:role/trailwatch-setup",
        RoleSessionName=f"trailwatch-plan-{plan}",
    )["Credentials"]
    thief = house.session(keys, "s3")
    thief.delete_bucket_lifecycle(Bucket=BUCKET)
    thief.close()
    until(lambda: "DeleteBucketLifecycle" in records(house, began))
    ident = fire(house, began)
    assert "*Not only an apply*: 1 other event is *not*" in shown(house, ident)


def test_an_open_alert_that_an_apply_sets_off_again_says_so(
    house: Any, until: Callable[..., Any]
) -> None:
    began = set_up(house, until)
    house.client("s3").delete_bucket_policy(Bucket=BUCKET)
    until(lambda: "DeleteBucketPolicy" in records(house, began))
    ident = fire(house, began)
    assert "Set off by plan" not in shown(house, ident)
    plan = change_by_plan(house)
    until(lambda: "PutBucketLifecycle" in records(house, began))
    now = house.deps.clock()
    again = RoutedAlert(
        ident, ident, "1", "S3 bucket policy changed", AlertState.OPEN, "P3", now, now, count=2
    )
    with house.deps.db.transaction() as tx:
        confirmed(house.deps, tx, again, house.deps.sites.config_or_blank("main"))
    house.pass_time(seconds=30)
    house.work()
    assert f"of plan `{plan}`, which alice applied" in shown(house, ident)
    assert "mallory" in shown(house, ident)


def test_an_alert_that_no_apply_set_off_says_nothing_of_one(
    house: Any, until: Callable[..., Any]
) -> None:
    began = set_up(house, until)
    house.client("s3").delete_bucket_policy(Bucket=BUCKET)
    until(lambda: "DeleteBucketPolicy" in records(house, began))
    ident = fire(house, began)
    assert "mallory" in shown(house, ident) and "apply" not in shown(house, ident).lower()
    house.pass_time(minutes=5)
    house.work()
    assert house.messages(f"{ident}:strange:") == []
