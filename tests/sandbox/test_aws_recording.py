"""Calls to the AWS stand-in leave CloudTrail records; mute rules silence; people really act."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox import scenarios
from sandbox.aws.acts import ACTS, NothingThere


def history(aws: Any, name: str = "") -> list[dict[str, Any]]:
    chosen = [{"AttributeKey": "EventName", "AttributeValue": name}] if name else []
    found = aws.client("cloudtrail").lookup_events(LookupAttributes=chosen)["Events"]
    return [json.loads(event["CloudTrailEvent"]) for event in found]


@pytest.fixture
def aws(start_aws: Callable[..., Any]) -> Any:
    return start_aws(recording=True)


def test_a_write_is_recorded_with_who_made_it(aws: Any) -> None:
    keys = aws.client("sts").assume_role(
        RoleArn="arn:aws:iam::123456789012:role/trailwatch-setup", RoleSessionName="trailwatch-plan"
    )["Credentials"]
    client = boto3.client(
        "logs",
        region_name="us-east-1",
        endpoint_url=aws.stand_in.url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    client.create_log_group(logGroupName="/somewhere", tags={"Team": "Blue"})
    client.describe_log_groups()
    client.close()
    record = history(aws)[0]
    assert record["eventName"] == "CreateLogGroup" and record["readOnly"] is False
    assert record["requestParameters"] == {"logGroupName": "/somewhere", "tags": {"Team": "Blue"}}
    assert record["userIdentity"]["accessKeyId"] == keys["AccessKeyId"]
    session = "arn:aws:sts::123456789012:assumed-role/trailwatch-setup/trailwatch-plan"
    assert record["userIdentity"]["arn"] == session
    assert record["sourceIPAddress"] == "127.0.0.1" and "Boto3" in record["userAgent"]
    assert [one["eventName"] for one in history(aws)] == ["CreateLogGroup"]


def test_a_refused_write_is_recorded_with_its_error(aws: Any) -> None:
    with pytest.raises(ClientError):
        aws.client("logs").delete_metric_filter(logGroupName="/none", filterName="none")
    assert history(aws)[0]["errorCode"] == "ResourceNotFoundException"


def test_secrets_in_addresses_and_data_are_not_recorded(aws: Any) -> None:
    topic = aws.topic()
    aws.client("sns").subscribe(
        TopicArn=topic, Protocol="http", Endpoint=f"{aws.receiver.url}?apiKey=very-secret"
    )
    aws.client("sns").publish(TopicArn=topic, Message="hello")
    names = {record["eventName"] for record in history(aws)}
    assert names == {"CreateTopic", "Subscribe"}
    assert "very-secret" not in json.dumps(history(aws))


def test_the_call_that_stops_a_trail_is_its_last_record(
    aws: Any, until_true: Callable[..., Any]
) -> None:
    group = aws.trail()
    aws.client("cloudtrail").stop_logging(Name="trailwatch")
    aws.client("sns").create_topic(Name="unseen")

    def delivered() -> list[str]:
        found = aws.client("logs").filter_log_events(logGroupName=group)["events"]
        return [json.loads(event["message"])["eventName"] for event in found]

    until_true(lambda: "StopLogging" in delivered())
    assert "CreateTopic" not in delivered()
    assert history(aws, "CreateTopic")


def test_nothing_is_recorded_where_it_is_off(start_aws: Callable[..., Any]) -> None:
    quiet = start_aws()
    quiet.topic()
    assert history(quiet) == []


def test_a_muted_alarm_changes_state_and_acts_not(aws: Any) -> None:
    topic = aws.topic()
    aws.confirmed(topic)
    aws.alarm(AlarmActions=[topic])
    cloudwatch = aws.client("cloudwatch")
    rule = {"Schedule": {"Expression": "at(2026-01-01T00:00)", "Duration": "P9999D"}}
    cloudwatch.put_alarm_mute_rule(
        Name="quiet", Rule=rule, MuteTargets={"AlarmNames": ["user-created"]}
    )
    cloudwatch.set_alarm_state(AlarmName="user-created", StateValue="ALARM", StateReason="a test")
    assert aws.alarm_state()["StateValue"] == "ALARM"
    told = cloudwatch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]
    assert told == []
    listed = cloudwatch.list_alarm_mute_rules(AlarmName="user-created", Statuses=["ACTIVE"])
    assert listed["AlarmMuteRuleSummaries"][0]["AlarmMuteRuleArn"].endswith(":quiet")
    found = cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="quiet")
    assert found["MuteTargets"]["AlarmNames"] == ["user-created"] and found["Status"] == "ACTIVE"
    cloudwatch.delete_alarm_mute_rule(AlarmMuteRuleName="quiet")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="quiet")


def test_somebody_really_acts(aws: Any) -> None:
    with pytest.raises(NothingThere):
        aws.stand_in.act("stop-logging")
    group = aws.trail()
    aws.metric_filter(group)
    aws.alarm()
    assert {s.name for s in scenarios.load() if s.acts} == set(ACTS)
    for name in ACTS:
        aws.stand_in.act(name)
    assert aws.client("cloudtrail").get_trail_status(Name="trailwatch")["IsLogging"] is False
    assert aws.client("logs").describe_metric_filters()["metricFilters"] == []
    stopped = history(aws, "StopLogging")[0]
    assert stopped["userIdentity"]["userName"] == "mallory"
    assert stopped["sourceIPAddress"] == "198.51.100.66"
    assert stopped["userAgent"].startswith("aws-cli/")
    assert history(aws, "PutAlarmMuteRule")[0]["userIdentity"]["userName"] == "erin"
