"""Drift in the channel: told once with who did it, followed, restored, ignored, accepted."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sandbox.faults import Fault
from trailwatch.errors import NotAllowed, NotFound, UsageError
from trailwatch.store import audit

GROUP = "/trailwatch/cloudtrail"


def drift(house: Any) -> list[dict[str, Any]]:
    return [m for m in house.messages("drift:") if ":record:" not in m["key"]]


def rows(house: Any) -> list[Any]:
    return list(house.drifted())


def shown(message: dict[str, Any]) -> str:
    return json.dumps(message["blocks"], ensure_ascii=False)


def retention(house: Any, days: int) -> None:
    house.client("logs").put_retention_policy(logGroupName=GROUP, retentionInDays=days)


def test_a_stopped_trail_is_told_once_with_who_did_it_and_restored(house: Any) -> None:
    house.job("setup.drift", due="1")
    assert drift(house) == [], "nothing was set up"
    house.set_up()
    house.client("cloudtrail").stop_logging(Name="trailwatch")
    house.job("setup.drift", due="3")
    (first,) = drift(house)
    assert first["text"].startswith("Drift in main: the trail trailwatch is stopped")
    assert "StopLogging by mallory" in first["text"]
    assert ":rotating_light: Drift: trail trailwatch is stopped" in shown(first)
    assert "<@U0ALICE>" in shown(first) and "127.0.0.1" in shown(first)
    assert "logging: " in shown(first) and "Boto3" in shown(first)
    house.job("setup.drift", due="4")
    assert drift(house) == [first], "the same drift is told once"
    (row,) = rows(house)
    house.click("drift.record", row.id, user="U0CAROL")
    assert '\\"eventName\\": \\"StopLogging\\"' in shown(house.messages(":record:")[0])
    reply = house.click("drift.restore", row.id)
    assert reply.text.startswith("Restoring with plan ")
    plan = reply.text.split("plan ")[1].split(";")[0]
    assert house.messages(f"plan:{plan}")[0]["text"].startswith("Applied: 0 created, 1 changed")
    (after,) = drift(house)
    assert after["key"] == first["key"]
    assert f"restored by alice (plan {plan})" in after["text"] and "is over" in after["text"]
    assert "mallory" in shown(after), "who did it stays told"
    assert rows(house) == []
    house.command("setup drift")
    assert "No drift in main" in house.told()[-1]["text"]


def test_a_filter_policy_is_told_with_who_set_it_and_taken_off(house: Any) -> None:
    house.set_up()
    sns = house.client("sns", "AKIAEXAMPLEERIN00001")
    (ours,) = sns.list_subscriptions()["Subscriptions"]

    def policy() -> str | None:
        arn = ours["SubscriptionArn"]
        found = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        return found.get("FilterPolicy")

    sns.set_subscription_attributes(
        SubscriptionArn=ours["SubscriptionArn"],
        AttributeName="FilterPolicy",
        AttributeValue='{"severity": ["none"]}',
    )
    house.job("setup.drift", due="1")
    (first,) = drift(house)
    assert "has a filter policy: alarms that it drops reach nobody" in first["text"]
    assert "SetSubscriptionAttributes by erin" in first["text"]
    assert "<@U0ALICE>" in shown(first)
    unread = Fault("aws", "GetSubscriptionAttributes", "status", 403)
    house.faults.add(unread)
    house.job("setup.drift", due="2")
    house.command("setup drift", user="U0CAROL")
    assert "allow sns:GetSubscriptionAttributes" in shown(house.told()[-1])
    house.faults.clear()
    assert drift(house) == [first], "what may not be read is not taken for put back"
    (row,) = rows(house)
    house.click("drift.restore", row.id)
    assert policy() is None and rows(house) == []
    assert "is over" in drift(house)[0]["text"] and "erin" in shown(drift(house)[0])


def test_drift_that_changes_is_edited_and_what_comes_later_is_told_anew(house: Any) -> None:
    house.set_up()
    retention(house, 1)
    house.job("setup.drift", due="2")
    retention(house, 3)
    house.job("setup.drift", due="3")
    (first,) = drift(house)
    assert "Accept: retention_days=3" in shown(first)
    assert "U0ALICE" not in shown(first), "only what is loud calls somebody"
    alarm = house.client("cloudwatch").describe_alarms()["MetricAlarms"][0]["AlarmName"]
    house.client("cloudwatch", "AKIAEXAMPLEERIN00001").disable_alarm_actions(AlarmNames=[alarm])
    house.job("setup.drift", due="4")
    first_now, second = drift(house)
    assert first_now == first
    assert f"the alarm {alarm} is disabled: it tells nobody" in second["text"]
    assert "DisableAlarmActions by erin" in second["text"]
    house.command("setup drift", user="U0CAROL")
    answer = house.told()[-1]
    assert answer["text"].startswith("Drift in main: 2 resources drifted")
    assert "is disabled" in answer["text"] and "keeps events" in answer["text"]
    house.client("cloudwatch", "AKIAEXAMPLEERIN00001").enable_alarm_actions(AlarmNames=[alarm])
    house.job("setup.drift", due="5")
    assert "put back by erin (EnableAlarmActions)" in drift(house)[1]["text"]
    assert [row.change["kind"] for row in rows(house)] == ["log_group"]


def test_several_at_once_are_one_message_and_restored_together(house: Any) -> None:
    house.set_up()
    retention(house, 1)
    house.client("cloudtrail").stop_logging(Name="trailwatch")
    found = house.client("logs").describe_metric_filters(logGroupName=GROUP)["metricFilters"][0]
    house.client("logs").delete_metric_filter(logGroupName=GROUP, filterName=found["filterName"])
    house.job("setup.drift", due="2")
    (message,) = drift(house)
    assert "Drift: 3 resources not as set up" in shown(message)
    assert shown(message).index("trail ") < shown(message).index("log group")
    assert message["text"].count("by mallory") == 3
    house.command("setup status", user="U0CAROL")
    assert "is stopped: nothing is recorded: StopLogging by mallory" in house.told()[-1]["text"]
    assert "trail trailwatch is stopped: nothing is recorded, and 2 more" in house.home()
    one = next(row for row in rows(house) if row.change["kind"] == "metric_filter")
    house.click("drift.restore", one.id)
    assert len(rows(house)) == 2
    house.click("drift.restore", f"all:{one.message}")
    assert rows(house) == [] and "is over" in drift(house)[0]["text"]
    assert "Drift in main" in house.home() and "none, checked" in house.home()


def test_a_mute_is_accepted_until_it_ends_and_ignoring_ends_when_it_changes(house: Any) -> None:
    house.set_up()
    house.aws.act("mute-alarm")
    house.job("setup.drift", due="1")
    (message,) = drift(house)
    assert "the alarm mute rule too-noisy silences trailwatch-" in message["text"]
    assert "PutAlarmMuteRule by erin" in message["text"]
    (row,) = rows(house)
    house.click("drift.more", selected=f"accept:{row.id}")
    assert "ignored by alice until" in shown(drift(house)[0])
    (row,) = rows(house)
    assert row.ignored_until == row.until
    retention(house, 1)
    house.job("setup.drift", due="2")
    two = next(row for row in rows(house) if row.change["kind"] == "log_group")
    house.click("drift.more", selected=f"ignore:{two.id}")
    assert "ignored by alice" in shown(drift(house)[1])
    retention(house, 3)
    house.job("setup.drift", due="3")
    assert "ignored by alice" not in shown(drift(house)[1])


def test_what_is_one_s_to_choose_is_accepted_and_nothing_else(house: Any) -> None:
    house.set_up()
    retention(house, 30)
    house.client("cloudtrail").stop_logging(Name="trailwatch")
    house.job("setup.drift", due="1")
    by_kind = {row.change["kind"]: row for row in rows(house)}
    assert "Accept: retention_days=30" in shown(drift(house)[0])
    house.click("drift.more", selected=f"accept:{by_kind['log_group'].id}")
    assert house.deps.sites.config("main").retention_days == 30
    assert "accepted by alice: retention_days=30" in shown(drift(house)[0])
    with pytest.raises(UsageError, match="nothing to choose"):
        house.click("drift.more", selected=f"accept:{by_kind['trail'].id}")
    house.job("setup.drift", due="2")
    assert [row.change["kind"] for row in rows(house)] == ["trail"]


def test_an_event_that_comes_late_is_found_at_a_later_check(house: Any) -> None:
    house.set_up()
    house.faults.add(_refused("LookupEvents"))
    house.faults.add(_refused("FilterLogEvents"))
    retention(house, 1)
    house.job("setup.drift", due="2")
    (message,) = drift(house)
    assert "not in the event history yet" in shown(message)
    house.faults.clear()
    house.job("setup.drift", due="3")
    assert "PutRetentionPolicy by mallory" in drift(house)[0]["text"]


def _refused(match: str) -> Any:
    return Fault("aws", match, "status", 403)


def test_a_restore_is_void_once_the_world_moved(house: Any) -> None:
    house.set_up()
    retention(house, 1)
    house.job("setup.drift", due="1")
    (row,) = rows(house)
    retention(house, 3)
    reply = house.click("drift.restore", row.id)
    plan = reply.text.split("plan ")[1].split(";")[0]
    assert "out of date" in house.messages(f"plan:{plan}")[0]["text"]
    assert '"3"' in shown(drift(house)[0]), "the check after it shows what stands"


def test_only_admins_restore_and_it_is_written_down(house: Any) -> None:
    house.set_up()
    retention(house, 1)
    house.job("setup.drift", due="1")
    (row,) = rows(house)
    with pytest.raises(NotAllowed, match="admin"):
        house.click("drift.restore", row.id, user="U0CAROL")
    house.click("drift.restore", row.id)
    with pytest.raises(NotFound, match="over"):
        house.click("drift.restore", row.id)
    with house.deps.db.reading() as tx:
        said = [(one.action, one.outcome) for one in audit.recent(tx)]
    assert ("drift.restore", "refused") in said and ("setup.restore", "proposed") in said
    assert ("setup.update", "done") in said


def test_what_is_wished_otherwise_since_is_no_drift(house: Any) -> None:
    house.set_up()
    with house.deps.db.transaction() as tx:
        config = house.deps.sites.config("main")
        config = replace(config, retention_days=400, add=("root-usage",))
        house.deps.sites.remember(tx, config, "U0ALICE", house.deps.clock())
    house.job("setup.drift", due="1")
    assert drift(house) == []
    house.command("setup drift")
    assert "3 resources await a plan" in json.dumps(house.told()[-1]["blocks"])
    retention(house, 1)
    alarm = house.client("cloudwatch").describe_alarms()["MetricAlarms"][0]["AlarmName"]
    house.client("cloudwatch").delete_alarms(AlarmNames=[alarm])
    house.job("setup.drift", due="2")
    assert {row.change["kind"] for row in rows(house)} == {"log_group", "alarm"}
    house.plan_and_apply("--drop root-usage --set retention_days=365")
    assert rows(house) == []


def test_where_a_second_person_is_asked_for_a_restore_is_proposed_only(house: Any) -> None:
    house.set_up()
    retention(house, 1)
    house.job("setup.drift", due="1")
    (row,) = rows(house)
    alone = house.deps
    house.deps = replace(alone, second_person=True)
    try:
        reply = house.click("drift.restore", row.id)
        assert "another admin has to apply it" in reply.text
        plan = reply.text.split("Plan ")[1].split(" ")[0]
        with pytest.raises(NotAllowed, match="You proposed plan"):
            house.click("plan.apply", plan)
        assert rows(house) == [row]
        house.click("plan.apply", plan, user="U0DAVE")
    finally:
        house.deps = alone
    assert rows(house) == []
    assert f"restored by dave (plan {plan})" in drift(house)[0]["text"]


def test_a_destroyed_pipeline_does_not_drift(house: Any) -> None:
    house.set_up()
    retention(house, 1)
    house.job("setup.drift", due="1")
    house.command("setup destroy")
    plan = str(house.messages("plan:")[-1]["key"].split(":")[1])
    house.command(f"setup apply {plan} --confirm main")
    assert "Applied" in house.messages(f"plan:{plan}")[0]["text"]
    house.job("setup.drift", due="2")
    assert rows(house) == [] and "taken down" in drift(house)[0]["text"]
    house.job("setup.drift", due="3")
    assert len(drift(house)) == 1
    # Asked for, too: what a destroy leaves is no drift of what it took down.
    for command in ("setup drift", "setup status"):
        house.command(command)
        told = str(house.told()[-1]["text"])
        assert f"taken down by alice with plan {plan}" in told
    assert "Still there: bucket trailwatch-" in told
    assert len(drift(house)) == 1 and rows(house) == []
    assert "nothing is set up from here" in house.home()
