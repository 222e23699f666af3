"""What of the AWS stand-in lives on in its folder from one run to the next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_the_account_lives_on(
    start_aws: Callable[..., Any],
    until_true: Callable[..., Any],
    make_record: Callable[..., Any],
    tmp_path: Path,
) -> None:
    first = start_aws(state=tmp_path)
    group = first.trail()
    first.metric_filter(group)
    topic = first.topic()
    arn = first.confirmed(topic)
    first.alarm(TreatMissingData="ignore", AlarmActions=[topic])
    first.client("cloudwatch").set_alarm_state(
        AlarmName="user-created", StateValue="OK", StateReason="x"
    )
    first.stand_in.ingest([make_record("CreateGroup")])
    until_true(lambda: first.client("logs").filter_log_events(logGroupName=group)["events"])
    until_true(lambda: first.client("s3").list_objects_v2(Bucket="trailwatch-archive")["KeyCount"])
    first.stop()

    second = start_aws(state=tmp_path)
    assert second.alarm_state()["StateValue"] == "OK"
    items = second.client("cloudwatch").describe_alarm_history()["AlarmHistoryItems"]
    assert len(items) == 2
    subscriptions = second.client("sns").list_subscriptions()["Subscriptions"]
    assert [s["SubscriptionArn"] for s in subscriptions] == [arn]
    assert len(second.client("cloudtrail").lookup_events()["Events"]) == 1
    objects = second.client("s3").list_objects_v2(Bucket="trailwatch-archive")
    assert objects["KeyCount"] == 1
    second.stand_in.ingest([make_record("CreateUser")])
    until_true(lambda: second.alarm_state()["StateValue"] == "ALARM")
    events = second.client("logs").filter_log_events(logGroupName=group)["events"]
    assert len({e["eventId"] for e in events}) == 2


def test_without_a_folder_each_start_is_fresh(start_aws: Callable[..., Any]) -> None:
    first = start_aws()
    first.topic()
    first.stop()
    assert start_aws().client("sns").list_topics()["Topics"] == []


def test_a_damaged_file_is_passed_over(
    start_aws: Callable[..., Any], tmp_path: Path, caplog: Any
) -> None:
    (tmp_path / "aws.pickle").write_bytes(b"not a pickle")
    aws = start_aws(state=tmp_path)
    assert aws.client("sns").list_topics()["Topics"] == []
    assert "not readable" in caplog.text
