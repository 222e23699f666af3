"""Alarms of the AWS stand-in: evaluation, history, actions, refusals, through boto3."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError


def count(aws: Any, value: float = 1.0, ago: float = 0.0) -> None:
    """Put one datapoint of the alarm's metric."""
    at = datetime.now(UTC) - timedelta(seconds=ago)
    datum = {"MetricName": "UserCreated", "Value": value, "Timestamp": at}
    aws.client("cloudwatch").put_metric_data(Namespace="trailwatch", MetricData=[datum])


def history(aws: Any, kind: str, **options: Any) -> list[dict[str, Any]]:
    found = aws.client("cloudwatch").describe_alarm_history(
        AlarmName="user-created", HistoryItemType=kind, ScanBy="TimestampAscending", **options
    )
    return list(found["AlarmHistoryItems"])


def was(aws: Any, name: str, state: str) -> bool:
    """Whether an alarm came to a state, though it may have left it since."""
    found = aws.client("cloudwatch").describe_alarm_history(
        AlarmName=name, HistoryItemType="StateUpdate"
    )
    return any(one["HistorySummary"].endswith(f"to {state}") for one in found["AlarmHistoryItems"])


def summaries(aws: Any, kind: str) -> list[str]:
    return [item["HistorySummary"] for item in history(aws, kind)]


def test_a_new_alarm_has_no_data_and_keeps_its_state_when_changed(
    aws: Any, until_true: Callable[..., Any]
) -> None:
    aws.alarm(Period=3600)
    state = aws.alarm_state()
    assert state["StateValue"] == "INSUFFICIENT_DATA"
    assert state["StateReason"] == "Unchecked: Initial alarm creation"
    count(aws)
    until_true(lambda: aws.alarm_state()["StateValue"] == "ALARM")
    aws.alarm(Period=3600, AlarmDescription="changed")
    state = aws.alarm_state()
    assert (state["StateValue"], state["AlarmDescription"]) == ("ALARM", "changed")
    assert summaries(aws, "ConfigurationUpdate") == [
        'Alarm "user-created" created',
        'Alarm "user-created" updated',
    ]


def test_from_alarm_back_to_ok(aws: Any, until_true: Callable[..., Any]) -> None:
    aws.alarm(TreatMissingData="notBreaching")
    until_true(lambda: aws.alarm_state()["StateValue"] == "OK")
    count(aws)
    until_true(lambda: was(aws, "user-created", "ALARM"))
    until_true(lambda: aws.alarm_state()["StateValue"] == "OK")
    assert summaries(aws, "StateUpdate") == [
        "Alarm updated from INSUFFICIENT_DATA to OK",
        "Alarm updated from OK to ALARM",
        "Alarm updated from ALARM to OK",
    ]
    data = json.loads(history(aws, "StateUpdate")[1]["HistoryData"])
    assert data["oldState"]["stateValue"] == "OK"
    reason = data["newState"]["stateReason"]
    assert "was greater than or equal to the threshold (1.0)" in reason
    assert data["newState"]["stateReasonData"]["threshold"] == 1.0


def test_without_data_an_alarm_returns_to_insufficient_data(
    aws: Any, until_true: Callable[..., Any]
) -> None:
    aws.alarm()
    count(aws)
    until_true(lambda: was(aws, "user-created", "ALARM"))
    until_true(lambda: aws.alarm_state()["StateValue"] == "INSUFFICIENT_DATA")


def test_late_data_inside_the_evaluation_range_counts(
    aws: Any, until_true: Callable[..., Any]
) -> None:
    aws.alarm(EvaluationPeriods=15, DatapointsToAlarm=1, TreatMissingData="notBreaching")
    until_true(lambda: aws.alarm_state()["StateValue"] == "OK")
    count(aws, ago=10)  # ten of its periods ago
    until_true(lambda: aws.alarm_state()["StateValue"] == "ALARM")
    assert "1 out of the last 15 datapoints" in aws.alarm_state()["StateReason"]


def test_m_of_n_and_other_statistics(aws: Any, until_true: Callable[..., Any]) -> None:
    aws.alarm("two-of-three", EvaluationPeriods=3, DatapointsToAlarm=2)
    aws.alarm("most", Statistic="Maximum", Threshold=5, EvaluationPeriods=15, DatapointsToAlarm=1)
    low = {"ComparisonOperator": "LessThanThreshold", "Threshold": 2, "Statistic": "Average"}
    aws.alarm("low", **low)
    count(aws, 4.0, ago=3)
    count(aws, 7.0, ago=2)
    for name, state in (("two-of-three", "ALARM"), ("most", "ALARM"), ("low", "OK")):
        until_true(lambda n=name, s=state: was(aws, n, s))


def test_actions_only_on_changes(aws: Any, until_true: Callable[..., Any]) -> None:
    topic = aws.topic()
    aws.confirmed(topic)
    aws.alarm(TreatMissingData="notBreaching", AlarmActions=[topic], OKActions=[topic])
    until_true(lambda: aws.receiver.of_type("Notification"))
    count(aws)
    until_true(lambda: len(aws.receiver.of_type("Notification")) >= 2)
    count(aws)
    until_true(lambda: len(aws.receiver.of_type("Notification")) >= 3)
    states = [p.alarm["NewStateValue"] for p in aws.receiver.of_type("Notification")]
    # A busy machine may count only when the alarm is off again.
    assert states[:3] == ["OK", "ALARM", "OK"]
    actions = history(aws, "Action")[:3]
    assert [json.loads(a["HistoryData"])["actionState"] for a in actions] == ["Succeeded"] * 3


def test_set_alarm_state_acts_and_is_overridden(aws: Any, until_true: Callable[..., Any]) -> None:
    topic = aws.topic()
    aws.confirmed(topic)
    aws.alarm(TreatMissingData="notBreaching", AlarmActions=[topic])
    until_true(lambda: aws.alarm_state()["StateValue"] == "OK")
    cloudwatch = aws.client("cloudwatch")
    for _ in range(2):
        cloudwatch.set_alarm_state(
            AlarmName="user-created", StateValue="ALARM", StateReason="a test"
        )
    post = until_true(lambda: aws.receiver.of_type("Notification"))[0]
    assert post.alarm["NewStateReason"] == "a test"
    until_true(lambda: aws.alarm_state()["StateValue"] == "OK")
    assert len(aws.receiver.of_type("Notification")) <= 2
    with pytest.raises(ClientError) as caught:
        cloudwatch.set_alarm_state(AlarmName="absent", StateValue="OK", StateReason="x")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFound"


def test_disabled_actions_and_forbidding_topics(aws: Any, until_true: Callable[..., Any]) -> None:
    forbidding = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": "*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [forbidding]})
    topic = aws.topic(Policy=document)
    aws.confirmed(topic)
    absent = topic.replace("alarms", "absent")
    aws.alarm(TreatMissingData="ignore", AlarmActions=[topic, absent])
    cloudwatch = aws.client("cloudwatch")

    def turn(state: str) -> None:
        cloudwatch.set_alarm_state(AlarmName="user-created", StateValue=state, StateReason="x")

    turn("ALARM")
    failed = [json.loads(i["HistoryData"]) for i in history(aws, "Action")]
    assert [f["actionState"] for f in failed] == ["Failed", "Failed"]
    assert "not authorized to perform: SNS:Publish" in failed[0]["error"]
    assert "does not exist" in failed[1]["error"]
    assert summaries(aws, "Action")[0].startswith(f"Failed to execute action {topic}. Received")

    allowing = dict(forbidding, Principal={"Service": "cloudwatch.amazonaws.com"})
    source = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:*"
    allowing["Condition"] = {"ArnLike": {"aws:SourceArn": source}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowing]})
    aws.client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=document
    )
    cloudwatch.disable_alarm_actions(AlarmNames=["user-created"])
    turn("OK")
    turn("ALARM")
    assert len(history(aws, "Action")) == 2
    cloudwatch.enable_alarm_actions(AlarmNames=["user-created"])
    turn("OK")
    turn("ALARM")
    until_true(lambda: aws.receiver.of_type("Notification"))


def test_history_filters_and_pages(aws: Any) -> None:
    aws.alarm(TreatMissingData="ignore")
    cloudwatch = aws.client("cloudwatch")
    for n in range(12):
        state = ("ALARM", "OK")[n % 2]
        cloudwatch.set_alarm_state(AlarmName="user-created", StateValue=state, StateReason=str(n))
    newest = cloudwatch.describe_alarm_history(AlarmName="user-created", MaxRecords=5)
    assert len(newest["AlarmHistoryItems"]) == 5
    assert newest["AlarmHistoryItems"][0]["HistorySummary"] == "Alarm updated from ALARM to OK"
    pages = cloudwatch.get_paginator("describe_alarm_history").paginate(
        AlarmName="user-created", PaginationConfig={"PageSize": 5}
    )
    assert sum(len(p["AlarmHistoryItems"]) for p in pages) == 13
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert history(aws, "StateUpdate", StartDate=later) == []


def test_describing_alarms(aws: Any) -> None:
    for n in range(7):
        aws.alarm(f"a{n}", TreatMissingData="ignore")
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName="a3", StateValue="ALARM", StateReason="x")

    def names(**options: Any) -> list[str]:
        return [a["AlarmName"] for a in cloudwatch.describe_alarms(**options)["MetricAlarms"]]

    assert names(StateValue="ALARM") == ["a3"]
    assert names(AlarmNamePrefix="a", StateValue="OK") == []
    assert names(MaxRecords=3) == ["a0", "a1", "a2"]
    pages = cloudwatch.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 3})
    assert [a["AlarmName"] for p in pages for a in p["MetricAlarms"]] == [f"a{n}" for n in range(7)]
    cloudwatch.delete_alarms(AlarmNames=["a0"])
    assert names(AlarmNames=["a0"]) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"Period": 45},
        {"EvaluationPeriods": 2, "DatapointsToAlarm": 3},
        {"ComparisonOperator": "Bigger"},
        {"AlarmDescription": "x" * 1025},
        {"TreatMissingData": "hide"},
        {"Period": 3600, "EvaluationPeriods": 200},
        {"AlarmActions": [f"arn:aws:sns:us-east-1:123456789012:t{n}" for n in range(6)]},
        {"AlarmActions": ["arn:aws:sns:eu-west-1:123456789012:alarms"]},
        {"AlarmActions": ["alarms"]},
        {"Statistic": "Median"},
    ],
)
def test_what_put_metric_alarm_refuses(aws: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        aws.alarm(**wrong)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert aws.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


def keys(value: Any) -> Any:
    """The keys of nested objects, in order."""
    return [(k, keys(v)) for k, v in value.items()] if isinstance(value, dict) else None


@pytest.mark.parametrize("sample", ["logs-metric-filter", "set-alarm-state"])
def test_the_message_is_laid_out_like_real_ones(
    aws: Any, until_true: Callable[..., Any], shared: Path, sample: str
) -> None:
    folder = shared / "data" / "cloudwatch"
    text = (folder / f"alarm-2025-{sample}-tokyo.message.json").read_text().strip()
    real = json.loads(text)
    topic = aws.topic()
    aws.confirmed(topic)
    trigger = real["Trigger"]
    aws.alarm(
        AlarmName=real["AlarmName"],
        AlarmDescription=real["AlarmDescription"],
        MetricName=trigger["MetricName"],
        Namespace=trigger["Namespace"],
        Threshold=trigger["Threshold"],
        ComparisonOperator=trigger["ComparisonOperator"],
        AlarmActions=[topic],
        OKActions=[topic],
    )
    datum = {"MetricName": trigger["MetricName"], "Value": 1.0}
    if sample == "set-alarm-state":
        aws.client("cloudwatch").set_alarm_state(
            AlarmName=real["AlarmName"], StateValue="ALARM", StateReason="test"
        )
    else:
        aws.client("cloudwatch").put_metric_data(Namespace=trigger["Namespace"], MetricData=[datum])
    post = until_true(lambda: aws.receiver.of_type("Notification"))[0]
    ours = post.alarm
    assert keys(ours) == keys(real)
    # All but what differs by nature: who, where and when.
    for key in ("AWSAccountId", "Region", "AlarmArn", "OKActions", "AlarmActions"):
        ours[key] = real[key]
    for key in ("AlarmConfigurationUpdatedTimestamp", "StateChangeTime"):
        datetime.strptime(ours[key], "%Y-%m-%dT%H:%M:%S.%f%z")
        assert len(ours[key]) == len(real[key])
        ours[key] = real[key]
    bucket = ours["NewStateReason"].partition("(")[2].partition(")")[0]
    if sample == "logs-metric-filter":
        ours["NewStateReason"] = ours["NewStateReason"].replace(bucket, "02/02/25 12:05:00")
    assert json.dumps(ours, separators=(",", ":"), ensure_ascii=False) == text


def test_an_idle_stand_in_uses_next_to_no_processor_time(aws: Any) -> None:
    for n in range(25):
        aws.alarm(f"a{n}")
    began = time.process_time()
    threading.Event().wait(2.0)
    assert time.process_time() - began < 0.3
