"""An alert that an apply sets off says so; whoever acts in the same window stands out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from handlers.intake import show_new
from trailwatch.alert import Alert, AlertFields, AlertState
from trailwatch.store import alerts

ALARM = "trailwatch-s3-bucket-policy-changes"
BUCKET = "trailwatch-123456789012-us-east-1"


def fire(house: Any) -> str:
    """An alert of the alarm on changes of buckets, as the webhook makes it."""
    now = house.deps.clock()
    alert = Alert(
        id="a1",
        alias="arn",
        router_id="r1",
        title="S3 bucket policy changed",
        severity="P3",
        state=AlertState.OPEN,
        fields=AlertFields(
            alarm_name=ALARM, state_change=now, detection_id="s3-bucket-policy-changes"
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
    """A second apply, which changes the bucket's lifecycle."""
    house.command("setup plan --pack cis --set archive_after_days=30")
    plan = str(house.messages("plan:")[-1]["key"].split(":")[1])
    house.command(f"setup apply {plan}")
    return plan


def shown(house: Any) -> str:
    return json.dumps(house.messages("alert:a1")[0]["blocks"], ensure_ascii=False)


def records(house: Any) -> list[str]:
    found = house.client("logs").filter_log_events(logGroupName="/trailwatch/cloudtrail")
    return [json.loads(event["message"])["eventName"] for event in found["events"]]


def test_an_apply_s_own_alert_says_so(house: Any, until: Callable[..., Any]) -> None:
    house.set_up("cis")
    plan = change_by_plan(house)
    until(lambda: "PutBucketLifecycle" in records(house))
    fire(house)
    assert f"*Set off by plan `{plan}`* that alice applied: its one event is of it." in shown(house)
    assert f"trailwatch-plan-{plan} via role trailwatch-setup" in shown(house)
    message = house.messages("alert:a1")[0]
    assert f"Set off by plan {plan} that alice applied" in message["text"]
    assert "FIRING" in message["text"], "it stays an alert"


def test_somebody_in_the_same_window_is_not_hidden(house: Any, until: Callable[..., Any]) -> None:
    house.set_up("cis")
    plan = change_by_plan(house)
    until(lambda: "PutBucketLifecycle" in records(house))
    fire(house)
    assert "Set off by plan" in shown(house)
    # The alarm is on, so nothing goes off for this one.
    house.client("s3").delete_bucket_policy(Bucket=BUCKET)
    until(lambda: "DeleteBucketPolicy" in records(house))
    house.pass_time(seconds=30)
    house.work()
    assert "*Not only an apply*: 1 other event is *not*, and stands first." in shown(house)
    assert f"1 event is of plan `{plan}`, which alice applied." in shown(house)
    assert shown(house).index("mallory") < shown(house).index("via role trailwatch-setup")
    (told,) = house.messages(":strange:")
    assert "Not only the plan" in told["text"] and "mallory" in told["text"]
    house.pass_time(seconds=60)
    house.work()
    assert len(house.messages(":strange:")) == 1, "told once"
    with house.deps.db.reading() as tx:
        alert = alerts.get(tx, "a1")
    assert alert is not None and alert.state is AlertState.OPEN


def test_a_session_of_the_plan_s_name_with_another_key_is_strange(
    house: Any, until: Callable[..., Any]
) -> None:
    house.set_up("cis")
    plan = change_by_plan(house)
    keys = house.client("sts").assume_role(
        RoleArn="arn:aws:iam::123456789012:role/trailwatch-setup",
        RoleSessionName=f"trailwatch-plan-{plan}",
    )["Credentials"]
    thief = house.session(keys, "s3")
    thief.delete_bucket_lifecycle(Bucket=BUCKET)
    thief.close()
    until(lambda: "DeleteBucketLifecycle" in records(house))
    fire(house)
    assert "*Not only an apply*: 1 other event is *not*" in shown(house)


def test_an_alert_that_no_apply_set_off_says_nothing_of_one(
    house: Any, until: Callable[..., Any]
) -> None:
    house.set_up("cis")
    house.client("s3").delete_bucket_policy(Bucket=BUCKET)
    until(lambda: "DeleteBucketPolicy" in records(house))
    fire(house)
    assert "mallory" in shown(house) and "apply" not in shown(house).lower()
    house.pass_time(minutes=5)
    house.work()
    assert house.messages(":strange:") == []
