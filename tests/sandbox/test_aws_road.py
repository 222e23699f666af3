"""The whole way: a record, the trail, a log group, a filter, an alarm, a confirmed endpoint."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any


def test_a_record_becomes_a_post(
    aws: Any, until_true: Callable[..., Any], make_record: Callable[..., Any]
) -> None:
    group = aws.trail()
    aws.metric_filter(group)
    topic = aws.topic()
    aws.alarm(TreatMissingData="notBreaching", AlarmActions=[topic])
    aws.subscribe(topic)
    asked = until_true(lambda: aws.receiver.of_type("SubscriptionConfirmation"))[0]
    with urllib.request.urlopen(asked.body["SubscribeURL"], timeout=30) as answer:
        assert b"<SubscriptionArn>arn:aws:sns:us-east-1" in answer.read()

    aws.stand_in.ingest([make_record("ListUsers"), make_record("CreateUser")])
    post = until_true(lambda: aws.receiver.of_type("Notification"))[0]

    assert post.body["Subject"] == 'ALARM: "user-created" in US East (N. Virginia)'
    assert post.alarm["NewStateValue"] == "ALARM"
    assert post.alarm["AlarmArn"] == "arn:aws:cloudwatch:us-east-1:123456789012:alarm:user-created"


def test_the_delivery_delay_shrinks_with_the_speed(
    start_aws: Callable[..., Any], until_true: Callable[..., Any], make_record: Callable[..., Any]
) -> None:
    aws = start_aws(speed=600.0, delivery_delay=300.0)
    group = aws.trail()
    logs = aws.client("logs")
    began = time.monotonic()
    aws.stand_in.ingest([make_record("CreateUser")])
    assert logs.filter_log_events(logGroupName=group)["events"] == []
    until_true(lambda: logs.filter_log_events(logGroupName=group)["events"])
    assert time.monotonic() - began >= 0.5
    history = aws.client("cloudtrail").lookup_events()
    assert [e["EventName"] for e in history["Events"]] == ["CreateUser"]


def test_calls_are_logged_by_operation(aws: Any) -> None:
    aws.trail()
    aws.metric_filter("trailwatch")
    aws.client("sts").assume_role(
        RoleArn="arn:aws:iam::123456789012:role/trailwatch-setup", RoleSessionName="alice"
    )
    logged = {c["method"]: c["arguments"] for c in aws.calls.list("aws")}
    assert logged["CreateBucket"]["Bucket"] == "trailwatch-archive"
    assert "s3:GetBucketAcl" in logged["PutBucketPolicy"]["Body"]
    assert logged["PutMetricFilter"]["filterName"] == "user-created"
    assert logged["AssumeRole"]["RoleSessionName"] == "alice"
    assert logged["CreateTrail"]["IsMultiRegionTrail"] is True


def test_long_arguments_are_cut(aws: Any) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="long")
    logs.create_log_stream(logGroupName="long", logStreamName="one")
    rows = [{"timestamp": int(time.time() * 1000), "message": "x" * 5000}]
    logs.put_log_events(logGroupName="long", logStreamName="one", logEvents=rows)
    call = aws.calls.list("aws")[-1]
    assert call["method"] == "PutLogEvents"
    assert len(json.dumps(call["arguments"])) < 2000


def test_the_account_and_its_roles(aws: Any) -> None:
    assert aws.client("sts").get_caller_identity()["Account"] == "123456789012"
    roles = {r["RoleName"] for r in aws.client("iam").list_roles()["Roles"]}
    assert {"trailwatch-setup", "trailwatch-run"} <= roles
