"""An alert that an apply or a mute sets off says so; whoever acts in that window stands out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from handlers.access import Person, Role
from handlers.applies import made_since
from handlers.intake import confirmed
from handlers.muting import end_mute, start_mute
from handlers.request import Request
from setup.own import Deed, sort_out
from trailwatch.alert import AlertState
from trailwatch.event import parse_event
from trailwatch.routers.router import RoutedAlert
from trailwatch.store import alerts, audit, mutes

NUMBERS, DAYS = itertools.count(1), itertools.count(30)
BUCKET = "trailwatch-123456789012-us-east-1"


def set_up(house: Any, until: Callable[..., Any]) -> datetime:
    """A pipeline that stands; from when on everything that happens is of the test."""
    house.set_up("cis")
    quiet: datetime = house.deps.clock() + timedelta(seconds=2)
    until(lambda: house.deps.clock() > quiet)
    return quiet


def fire(house: Any, began: datetime, detection: str = "s3-bucket-policy-changes") -> str:
    """An alert of the alarm on changes of buckets, as the webhook makes it; its id."""
    ident = f"a{next(NUMBERS)}"
    reason = f"Threshold Crossed: 1 datapoint [1.0 ({began:%d/%m/%y %H:%M:%S})] was greater than"
    arn = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:trailwatch-{detection}"
    house.fire(ident, detection, fields={"alarm_arn": arn, "reason": reason})
    return ident


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


WHY = "the yearly <!channel> audit"


def by_alice(house: Any) -> Request:
    person = Person("U0ALICE", "alice", "", role=Role.ADMIN)
    return Request(person, "C0ALERTS", "", "", f"own-{next(NUMBERS)}")


def mute_from_slack(house: Any, ident: str) -> Any:
    """Mute the alarm of an alert for half an hour; the mute."""
    with house.deps.db.transaction() as tx:
        alert = alerts.get(tx, ident)
        until_when = house.deps.clock() + timedelta(minutes=30)
        start_mute(house.deps, tx, by_alice(house), alert, until_when, WHY)
    house.work()
    with house.deps.db.reading() as tx:
        return mutes.standing(tx, alert.fields.alarm_arn)


def end_of(house: Any, mute: Any) -> None:
    with house.deps.db.transaction() as tx:
        end_mute(house.deps, tx, by_alice(house), mutes.get(tx, mute.id))
    house.work()


def test_a_mute_from_slack_is_known_as_one(house: Any, until: Callable[..., Any]) -> None:
    began = set_up(house, until)
    mute = mute_from_slack(house, fire(house, began, "root-usage"))
    until(lambda: "PutAlarmMuteRule" in records(house, began))
    ident = fire(house, began, "pipeline-weakened")
    end_of(house, mute)
    told = (
        "*Set off from Slack*: trailwatch-root-usage was muted from Slack by alice, reason: "
        "“the yearly &lt;!channel&gt; audit”. The event is a call of that."
    )
    assert told in shown(house, ident)
    assert "there is nothing to put back" in shown(house, ident)
    assert "FIRING" in house.messages(f"alert:{ident}")[0]["text"], "it stays an alert"


def test_whoever_mutes_in_a_session_of_that_name_is_strange(
    house: Any, until: Callable[..., Any]
) -> None:
    began = set_up(house, until)
    mute = mute_from_slack(house, fire(house, began, "root-usage"))
    keys = house.client("sts").assume_role(
        RoleArn="arn:aws:iam::123456789012:role/trailwatch-setup",
        RoleSessionName=f"trailwatch-mute-{mute.id}",
    )["Credentials"]
    thief = house.session(keys, "cloudwatch")
    thief.put_alarm_mute_rule(
        Name=f"trailwatch-mute-{mute.id}",
        Rule={"Schedule": {"Expression": "at(2030-01-01T00:00)", "Duration": "P1D"}},
        MuteTargets={"AlarmNames": ["trailwatch-root-usage", "trailwatch-pipeline-weakened"]},
    )
    thief.close()
    until(lambda: records(house, began).count("PutAlarmMuteRule") == 2)
    ident = fire(house, began, "pipeline-weakened")
    end_of(house, mute)
    assert "*Not only trailwatch*: 1 other event is *not*, and stands first." in shown(house, ident)
    assert "1 event is of this: trailwatch-root-usage was muted" in shown(house, ident)
    assert "nothing to put back" not in shown(house, ident)


def test_a_mute_and_its_end_are_proven_and_their_outcome_is_kept(
    house: Any, until: Callable[..., Any]
) -> None:
    began = set_up(house, until)
    mute = mute_from_slack(house, fire(house, began, "root-usage"))
    end_of(house, mute)
    until(lambda: "DeleteAlarmMuteRule" in records(house, began))
    with house.deps.db.reading() as tx:
        entries = [e for e in audit.recent(tx, 6, action="alarm.") if mute.id in str(e.detail)]
    assert [(e.action, e.outcome) for e in reversed(entries)] == [
        ("alarm.mute", "asked"),
        ("alarm.mute", "started"),
        ("alarm.mute", "done"),
        ("alarm.unmute", "asked"),
        ("alarm.unmute", "started"),
        ("alarm.unmute", "done"),
    ]
    found = house.client("logs").filter_log_events(
        logGroupName="/trailwatch/cloudtrail", startTime=int(began.timestamp()) * 1000
    )
    parsed = [parse_event(one["message"]) for one in found["events"]]
    calls = [event for event in parsed if "AlarmMuteRule" in event.name]
    config = house.deps.sites.config("main")
    sorted_out = sort_out(calls, made_since(house.deps, began), config)
    assert sorted_out.strange == ()
    assert [one.deed for one in sorted_out.made] == [Deed.MUTE, Deed.UNMUTE]


def test_a_mute_whose_rule_somebody_takes_away_in_aws_is_over(
    house: Any, until: Callable[..., Any]
) -> None:
    began = set_up(house, until)
    mute = mute_from_slack(house, fire(house, began, "root-usage"))
    house.job("setup.drift", due=f"still muted {mute.id}")
    house.pass_time(minutes=5)
    house.job("setup.drift", due=f"muted for 5 minutes {mute.id}")
    assert standing(house, mute)
    house.client("cloudwatch").delete_alarm_mute_rule(
        AlarmMuteRuleName=f"trailwatch-mute-{mute.id}"
    )
    house.job("setup.drift", due=f"muted no more {mute.id}")
    assert not standing(house, mute)
    (over,) = house.messages(f"mute:{mute.id}:end")
    assert "no longer muted: somebody in AWS ended it" in over["text"]


def standing(house: Any, mute: Any) -> bool:
    with house.deps.db.reading() as tx:
        return mutes.standing(tx, mute.alarm) is not None
