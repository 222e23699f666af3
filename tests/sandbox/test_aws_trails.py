"""Trails, what they deliver, and the event history of the AWS stand-in, through boto3."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"


def refused(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_a_trail_delivers_to_its_bucket(
    aws: Any, until_true: Callable[..., Any], make_record: Callable[..., Any]
) -> None:
    aws.trail()
    s3 = aws.client("s3")
    other = make_record("RunInstances", awsRegion="eu-west-1", recipientAccountId="111122223333")
    aws.stand_in.ingest([make_record("CreateUser"), make_record("DeleteUser"), other])
    objects = until_true(
        lambda: (
            (found := s3.list_objects_v2(Bucket="trailwatch-archive").get("Contents", []))
            and len(found) == 2
            and found
        )
    )
    names = {}
    for found in objects:
        key = found["Key"]
        account, region = key.split("/")[1], key.split("/")[3]
        day = datetime.now(UTC).strftime("%Y/%m/%d")
        pattern = (
            rf"AWSLogs/{account}/CloudTrail/{region}/{day}/"
            rf"{account}_CloudTrail_{region}_\d{{8}}T\d{{4}}Z_\w{{16}}\.json\.gz"
        )
        assert re.fullmatch(pattern, key)
        body = s3.get_object(Bucket="trailwatch-archive", Key=key)["Body"].read()
        records = json.loads(gzip.decompress(body))["Records"]
        names[account, region] = [r["eventName"] for r in records]
    assert names == {
        (ACCOUNT, "us-east-1"): ["CreateUser", "DeleteUser"],
        ("111122223333", "eu-west-1"): ["RunInstances"],
    }
    status = aws.client("cloudtrail").get_trail_status(Name="trailwatch")
    assert status["IsLogging"]
    assert status["LatestDeliveryTime"] >= status["StartLoggingTime"] - timedelta(seconds=1)
    assert "LatestCloudWatchLogsDeliveryTime" in status


def test_a_log_event_has_the_records_time(
    aws: Any, until_true: Callable[..., Any], make_record: Callable[..., Any]
) -> None:
    group = aws.trail()
    record = make_record("CreateUser", eventTime="2026-01-02T03:04:05Z")
    aws.stand_in.ingest([record])
    logs = aws.client("logs")
    event = until_true(lambda: logs.filter_log_events(logGroupName=group)["events"])[0]
    assert event["timestamp"] == 1767323045000
    assert json.loads(event["message"]) == record
    assert event["logStreamName"] == f"{ACCOUNT}_CloudTrail_us-east-1"


def test_selectors_and_logging_decide_what_is_delivered(
    aws: Any, until_true: Callable[..., Any], make_record: Callable[..., Any]
) -> None:
    group = aws.trail()
    trail, logs = aws.client("cloudtrail"), aws.client("logs")

    def delivered() -> list[str]:
        events = logs.filter_log_events(logGroupName=group)["events"]
        return [json.loads(e["message"])["eventName"] for e in events]

    selector = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}
    trail.put_event_selectors(TrailName="trailwatch", EventSelectors=[selector])
    data = make_record("PutObject", eventCategory="Data", managementEvent=False)
    aws.stand_in.ingest([make_record("ListUsers", readOnly=True), data, make_record("CreateUser")])
    until_true(delivered)
    assert delivered() == ["CreateUser"]

    assert aws.stand_in.recording(make_record("DeleteUser"))
    aws.stand_in.stop_trails()
    assert not aws.stand_in.recording(make_record("DeleteUser"))
    assert not trail.get_trail_status(Name="trailwatch")["IsLogging"]
    aws.stand_in.ingest([make_record("DeleteUser")])
    aws.stand_in.start_trails()
    fields = [
        {"Field": "eventCategory", "Equals": ["Management"]},
        {"Field": "readOnly", "Equals": ["true"]},
    ]
    trail.put_event_selectors(
        TrailName="trailwatch",
        AdvancedEventSelectors=[{"Name": "reads", "FieldSelectors": fields}],
    )
    aws.stand_in.ingest([make_record("UpdateUser"), make_record("GetUser", readOnly=True)])
    until_true(lambda: len(delivered()) == 2)
    assert sorted(delivered()) == ["CreateUser", "GetUser"]
    selectors = trail.get_event_selectors(TrailName="trailwatch")
    assert "EventSelectors" not in selectors
    assert trail.describe_trails()["trailList"][0]["HasCustomEventSelectors"]


def test_a_trail_without_selectors_shows_the_default(aws: Any) -> None:
    aws.trail()
    trail = aws.client("cloudtrail")
    selectors = trail.get_event_selectors(TrailName="trailwatch")["EventSelectors"]
    assert selectors[0]["ReadWriteType"] == "All"
    assert selectors[0]["IncludeManagementEvents"] is True
    described = trail.describe_trails()["trailList"][0]
    assert described["HomeRegion"] == "us-east-1"
    assert described["HasCustomEventSelectors"] is False


def test_insight_selectors_replace(aws: Any) -> None:
    aws.trail()
    trail = aws.client("cloudtrail")
    absent = refused(trail.get_insight_selectors, TrailName="trailwatch")
    assert absent == "InsightNotEnabledException"
    both = [{"InsightType": "ApiCallRateInsight"}, {"InsightType": "ApiErrorRateInsight"}]
    for _ in range(2):
        trail.put_insight_selectors(TrailName="trailwatch", InsightSelectors=both)
    found = trail.get_insight_selectors(TrailName="trailwatch")["InsightSelectors"]
    assert [s["InsightType"] for s in found] == [s["InsightType"] for s in both]
    assert trail.describe_trails()["trailList"][0]["HasInsightSelectors"] is True


def test_what_create_trail_refuses(aws: Any) -> None:
    create = aws.client("cloudtrail").create_trail
    aws.bucket("open-bucket", policy=False)
    aws.bucket("good-bucket")
    aws.client("logs").create_log_group(logGroupName="audit")
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:audit:*"
    role = aws.role()
    wrong_role = aws.role("ec2.amazonaws.com")

    def code(**options: Any) -> str:
        return refused(create, **{"Name": "one", "S3BucketName": "good-bucket"} | options)

    assert code(S3BucketName="open-bucket") == "InsufficientS3BucketPolicyException"
    assert code(S3BucketName="no-bucket") == "S3BucketDoesNotExistException"
    assert code(S3KeyPrefix="elsewhere") == "InsufficientS3BucketPolicyException"

    def logs_code(group_arn: str, role_arn: str) -> str:
        return code(CloudWatchLogsLogGroupArn=group_arn, CloudWatchLogsRoleArn=role_arn)

    absent_group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:absent:*"
    assert logs_code(absent_group, role) == "InvalidCloudWatchLogsLogGroupArnException"
    assert logs_code(group[:-2], role) == "InvalidCloudWatchLogsLogGroupArnException"
    absent_role = f"arn:aws:iam::{ACCOUNT}:role/absent"
    assert logs_code(group, absent_role) == "InvalidCloudWatchLogsRoleArnException"
    assert logs_code(group, wrong_role) == "InvalidCloudWatchLogsRoleArnException"
    assert code(CloudWatchLogsLogGroupArn=group) == "InvalidParameterCombinationException"

    create(Name="one", S3BucketName="good-bucket")
    assert code() == "TrailAlreadyExistsException"
    for n in range(4):
        create(Name=f"trail-{n}", S3BucketName="good-bucket")
    assert code(Name="one-more") == "MaximumNumberOfTrailsExceededException"


def test_updating_and_deleting_a_trail(aws: Any) -> None:
    aws.trail()
    trail = aws.client("cloudtrail")
    absent = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:absent:*"
    code = refused(trail.update_trail, Name="trailwatch", CloudWatchLogsLogGroupArn=absent)
    assert code == "InvalidCloudWatchLogsLogGroupArnException"
    trail.update_trail(Name="trailwatch", EnableLogFileValidation=True)
    assert trail.get_trail(Name="trailwatch")["Trail"]["LogFileValidationEnabled"] is True
    assert refused(trail.delete_trail, Name="absent") == "TrailNotFoundException"
    trail.delete_trail(Name=f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/trailwatch")
    assert trail.describe_trails()["trailList"] == []


def test_looking_up_events(aws: Any, make_record: Callable[..., Any]) -> None:
    now = datetime.now(UTC).replace(microsecond=0)

    def at(minutes: int, name: str, **fields: Any) -> dict[str, Any]:
        moment = now - timedelta(minutes=minutes)
        return dict(make_record(name, eventTime=f"{moment:%Y-%m-%dT%H:%M:%SZ}", **fields))

    root = {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root"}
    data = at(1, "GetObject", eventCategory="Data", managementEvent=False)
    old = at(60 * 24 * 91, "AncientEvent")
    far = at(1, "FarAway", awsRegion="eu-west-1")
    few = [at(5, "CreateUser"), at(3, "ConsoleLogin", userIdentity=root), at(4, "ListUsers")]
    aws.stand_in.ingest([*few, data, old, far])
    lookup = aws.client("cloudtrail").lookup_events

    def names(**options: Any) -> list[str]:
        return [e["EventName"] for e in lookup(**options)["Events"]]

    def attribute(key: str, value: str) -> list[str]:
        return names(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}])

    assert names() == ["ConsoleLogin", "ListUsers", "CreateUser"]
    assert attribute("EventName", "CreateUser") == ["CreateUser"]
    assert attribute("Username", "root") == ["ConsoleLogin"]
    assert attribute("AccessKeyId", "AKIAEXAMPLE") == ["ListUsers", "CreateUser"]
    assert attribute("EventSource", "s3.amazonaws.com") == []
    window = {"StartTime": now - timedelta(minutes=4), "EndTime": now - timedelta(minutes=3)}
    assert names(**window) == ["ConsoleLogin", "ListUsers"]
    event = lookup(MaxResults=1)["Events"][0]
    assert event["EventTime"] == now - timedelta(minutes=3)
    assert json.loads(event["CloudTrailEvent"])["eventName"] == "ConsoleLogin"

    two = [{"AttributeKey": "EventName", "AttributeValue": "x"}] * 2
    assert refused(lookup, LookupAttributes=two) == "InvalidLookupAttributesException"
    assert refused(lookup, StartTime=now, EndTime=now - timedelta(1)) == "InvalidTimeRangeException"
    assert refused(lookup, NextToken="x") == "InvalidNextTokenException"


def test_lookup_pages(aws: Any, make_record: Callable[..., Any]) -> None:
    aws.stand_in.ingest([make_record(f"Event{n}") for n in range(120)])
    trail = aws.client("cloudtrail")
    first = trail.lookup_events()
    assert len(first["Events"]) == 50
    pages = trail.get_paginator("lookup_events").paginate()
    seen = [e["EventName"] for p in pages for e in p["Events"]]
    assert sorted(seen) == sorted(f"Event{n}" for n in range(120))


def test_a_record_without_a_time_is_refused(aws: Any, make_record: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="isoformat"):
        aws.stand_in.ingest([make_record("Good"), make_record("Bad", eventTime="yesterday")])
    assert aws.client("cloudtrail").lookup_events()["Events"] == []


def test_what_the_sandbox_lacks_is_a_json_error(aws: Any) -> None:
    with pytest.raises(ClientError) as caught:
        aws.client("cloudtrail").list_public_keys()
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_a_policy_that_denies_plain_http_says_nothing_of_loopback(aws: Any) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="tls-only")
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::tls-only", "arn:aws:s3:::tls-only/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    document = {"Version": "2012-10-17", "Statement": [deny]}
    s3.put_bucket_policy(Bucket="tls-only", Policy=json.dumps(document))
    s3.put_object(Bucket="tls-only", Key="a", Body=b"x")
    assert s3.get_object(Bucket="tls-only", Key="a")["Body"].read() == b"x"
