"""The search of the log group against the AWS stand-in."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.aws import AwsStandIn
from sandbox.faults import Fault, Faults
from sandbox.wire import CallLog, Sender
from trailwatch.aws import Aws, Keys
from trailwatch.errors import AwsError
from trailwatch.pattern import parse
from trailwatch.search.logs import EventQuery, LogsSource

GROUP = "/trailwatch/cloudtrail"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults(random.Random(1).random)


@pytest.fixture(scope="module")
def aws(faults: Faults) -> Iterator[Aws]:
    calls = CallLog()
    stand_in = AwsStandIn(calls=calls, faults=faults, sender=Sender(calls, faults))
    stand_in.start()
    made = Aws("us-east-1", stand_in.url, Keys("AKIAEXAMPLE", "secret"), max_attempts=1)
    logs = made.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    events = [line(number) for number in range(120)]
    events += [line(3), {**line(500), "message": '{"eventName": "CreateUser"}'}]
    events.sort(key=lambda event: event["timestamp"])
    logs.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=events)
    logs.put_metric_filter(
        logGroupName=GROUP,
        filterName="trailwatch-x",
        filterPattern='{ $.eventName = "CreateUser" }',
        metricTransformations=[
            {"metricName": "x", "metricNamespace": "Trailwatch", "metricValue": "1"}
        ],
    )
    yield made
    made.close()
    stand_in.stop()


def line(number: int) -> dict[str, Any]:
    at = NOW - timedelta(seconds=number % 300)
    name = "CreateUser" if number % 2 else "ListUsers"
    record = {"eventID": f"e-{number}", "eventName": name, "eventTime": at.isoformat()}
    return {"timestamp": int(at.timestamp() * 1000), "message": json.dumps(record)}


def query(seconds: int = 600) -> EventQuery:
    pattern = parse('{ $.eventName = "CreateUser" }')
    return EventQuery(pattern, NOW - timedelta(seconds=seconds), NOW)


def test_matching_events_newest_first_and_each_once(aws: Aws) -> None:
    page = LogsSource(aws, GROUP).search(query())
    assert (page.total, page.complete, page.unreadable) == (60, True, 1)
    times = [event.time for event in page.events]
    assert times == sorted(times, reverse=True)
    assert {event.name for event in page.events} == {"CreateUser"}


def test_both_ends_of_the_window_count(aws: Aws) -> None:
    page = LogsSource(aws, GROUP).search(query(seconds=3))
    assert [event.id for event in page.events] == ["e-1", "e-3"]


def test_the_filters_own_pattern(aws: Aws) -> None:
    source = LogsSource(aws, GROUP)
    assert source.filter_pattern("trailwatch-x") == '{ $.eventName = "CreateUser" }'
    assert source.filter_pattern("trailwatch") is None
    assert source.filter_pattern("") is None


def test_the_pattern_behind_an_alarm_of_another_name(aws: Aws, faults: Faults) -> None:
    cloudwatch = aws.client("cloudwatch")
    for name, metric in (("corp-new-users", "x"), ("corp-else", "other")):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="Trailwatch",
            MetricName=metric,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
        )
    source = LogsSource(aws, GROUP)
    assert source.pattern_behind("corp-new-users") == '{ $.eventName = "CreateUser" }'
    assert source.pattern_behind("corp-else") is None
    assert source.pattern_behind("nobody") is None
    faults.add(Fault("aws", "DescribeAlarms", "status", status=403, count=1))
    assert source.pattern_behind("corp-new-users") is None, "an elder policy lacks the right"


def test_all_filters_that_an_alarm_counts_are_searched(aws: Aws) -> None:
    logs, cloudwatch = aws.client("logs"), aws.client("cloudwatch")
    for name, pattern in (
        ("corp-a", '{ $.eventName = "DeleteUser" || $.x = 1 }'),
        ("corp-b", '{ $.eventName = "StopLogging" }'),
    ):
        logs.put_metric_filter(
            logGroupName=GROUP,
            filterName=name,
            filterPattern=pattern,
            metricTransformations=[
                {"metricName": "bad", "metricNamespace": "Corp", "metricValue": "1"}
            ],
        )
    cloudwatch.put_metric_alarm(
        AlarmName="corp-bad",
        Namespace="Corp",
        MetricName="bad",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    found = LogsSource(aws, GROUP).pattern_behind("corp-bad")
    assert found is not None
    names = ("DeleteUser", "StopLogging", "CreateUser")
    hits = [parse(found).matches(json.dumps({"eventName": name})) for name in names]
    assert hits == [True, True, False]


class Expression:
    """An account whose alarm looks at an expression, as DescribeAlarms names one."""

    def call(self, service: str, operation: str, **_: Any) -> dict[str, Any]:
        if operation == "DescribeAlarms":
            metric = {"Namespace": "Corp", "MetricName": "bad"}
            stat = {"Metric": metric, "Period": 60, "Stat": "Sum"}
            made = [{"Id": "m", "MetricStat": stat}, {"Id": "e", "Expression": "m * 1"}]
            return {"MetricAlarms": [{"AlarmName": "corp-math", "Metrics": made}]}
        counted = [{"metricNamespace": "Corp", "metricName": "bad"}]
        item = {"filterName": "x", "filterPattern": "{ $.x = 1 }", "metricTransformations": counted}
        return {"metricFilters": [item]}


def test_the_pattern_behind_an_expression() -> None:
    account: Any = Expression()
    assert LogsSource(account, GROUP).pattern_behind("corp-math") == "{ $.x = 1 }"


def test_what_aws_refuses_is_told(aws: Aws, faults: Faults) -> None:
    with pytest.raises(AwsError) as caught:
        LogsSource(aws, "/absent").search(query())
    assert caught.value.code == "ResourceNotFoundException"
    faults.add(Fault("aws", "FilterLogEvents", "status", status=403, count=1))
    with pytest.raises(AwsError) as denied:
        LogsSource(aws, GROUP).search(query())
    assert denied.value.permission == "logs:FilterLogEvents"
    assert not denied.value.retryable


def test_whether_an_alarm_is_on(aws: Aws, faults: Faults) -> None:
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="corp: on/off",
        Namespace="Trailwatch",
        MetricName="x",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    (made,) = cloudwatch.describe_alarms(AlarmNames=["corp: on/off"])["MetricAlarms"]
    arn, source = str(made["AlarmArn"]), LogsSource(aws, GROUP)
    assert not source.alarm_is_on(arn)
    cloudwatch.set_alarm_state(AlarmName="corp: on/off", StateValue="ALARM", StateReason="x")
    assert source.alarm_is_on(arn)
    assert not source.alarm_is_on(arn.replace("us-east-1", "eu-west-1")), "another Region's"
    assert not source.alarm_is_on("no arn") and not source.alarm_is_on("")
    faults.add(Fault("aws", "DescribeAlarms", "status", status=403, count=1))
    assert not source.alarm_is_on(arn), "who may not look follows as it did before"
