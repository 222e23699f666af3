"""Log groups, filter patterns and metric filters of the AWS stand-in, through boto3."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

GROUP = "audit"


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def millis() -> int:
    return int(time.time() * 1000)


def write(aws: Any, messages: Sequence[str], at: int | None = None, group: str = GROUP) -> int:
    """Put messages one millisecond apart; the first one's time."""
    logs = aws.client("logs")
    start = millis() - 1000 if at is None else at
    names = [
        s["logStreamName"] for s in logs.describe_log_streams(logGroupName=group)["logStreams"]
    ]
    if "one" not in names:
        logs.create_log_stream(logGroupName=group, logStreamName="one")
    rows = [{"timestamp": start + i, "message": m} for i, m in enumerate(messages)]
    logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=rows)
    return start


@pytest.fixture
def logs(aws: Any) -> Any:
    aws.client("logs").create_log_group(logGroupName=GROUP)
    return aws.client("logs")


def test_filtering_by_pattern_time_and_order(aws: Any, logs: Any) -> None:
    start = write(aws, [f'{{"n": {n}, "odd": "{n % 2}"}}' for n in range(6)])

    def found(**options: Any) -> list[str]:
        page = logs.filter_log_events(logGroupName=GROUP, **options)
        return [e["message"][6] for e in page["events"]]

    assert found() == list("012345")
    assert found(filterPattern="{ $.odd = 1 }") == list("135")
    assert found(startTime=start + 2, endTime=start + 4) == list("234")
    assert found(filterPattern='{ $.odd = "0" }', startFromHead=False) == list("420")
    assert found(logStreamNames=["two"]) == []
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}"
    page = logs.filter_log_events(logGroupIdentifier=arn, limit=1)
    assert page["events"][0]["logStreamName"] == "one"
    assert page["events"][0]["timestamp"] == start


@pytest.mark.parametrize("newest_first", [False, True])
def test_paging_gives_each_event_once(aws: Any, logs: Any, newest_first: bool) -> None:
    write(aws, [str(n) for n in range(25)])
    seen: list[str] = []
    options: dict[str, Any] = {"logGroupName": GROUP, "limit": 10}
    if newest_first:
        options["startFromHead"] = False
    pages = 0
    while True:
        page = logs.filter_log_events(**options)
        pages += 1
        seen += [e["message"] for e in page["events"]]
        if "nextToken" not in page:
            break
        options["nextToken"] = page["nextToken"]
    assert pages == 3
    assert sorted(seen, key=int) == [str(n) for n in range(25)]
    assert seen == sorted(seen, key=int, reverse=newest_first)


def test_a_long_search_pages_without_matches(aws: Any, logs: Any) -> None:
    write(aws, ["calm"] * 10_000 + ["loud"])
    first = logs.filter_log_events(logGroupName=GROUP, filterPattern="loud")
    assert first["events"] == []
    token = first["nextToken"]
    second = logs.filter_log_events(logGroupName=GROUP, filterPattern="loud", nextToken=token)
    assert [e["message"] for e in second["events"]] == ["loud"]
    assert "nextToken" not in second


def test_what_filter_log_events_refuses(logs: Any) -> None:
    search = logs.filter_log_events
    assert refused(search, logGroupName="absent")[0] == "ResourceNotFoundException"
    code, text = refused(search, logGroupName=GROUP, filterPattern="{ ($.eventName = }")
    assert (code, text) == ("InvalidParameterException", "Invalid metric filter pattern")
    assert refused(search, logGroupName=GROUP, nextToken="x")[0] == "InvalidParameterException"
    assert refused(search)[0] == "InvalidParameterException"
    early = {"startFromHead": False, "startTime": 1_700_000_000_000}
    assert refused(search, logGroupName=GROUP, **early)[0] == "InvalidParameterException"


def test_test_metric_filter(aws: Any) -> None:
    test = aws.client("logs").test_metric_filter
    given = ['{"a": 1}', '{"a": 2}', '{"a": 1.0}']
    matches = test(filterPattern="{ $.a = 1 }", logEventMessages=given)["matches"]
    assert [(m["eventNumber"], m["extractedValues"]) for m in matches] == [(1, {}), (3, {})]
    spaced = test(filterPattern="[ip, user]", logEventMessages=["203.0.113.9 dana"])["matches"]
    assert spaced[0]["extractedValues"] == {"$ip": "203.0.113.9", "$user": "dana"}
    code, text = refused(test, filterPattern="{ $.a = ", logEventMessages=["x"])
    assert code == "InvalidParameterException"
    assert text == "If a filter pattern starts with '{' it must end with '}'"


def test_a_filter_of_the_same_name_is_replaced(aws: Any, logs: Any) -> None:
    aws.metric_filter(GROUP, pattern="{ $.a = 1 }")
    aws.metric_filter(GROUP, pattern="{ $.a = 2 }")
    filters = logs.describe_metric_filters(logGroupName=GROUP)["metricFilters"]
    assert [f["filterPattern"] for f in filters] == ["{ $.a = 2 }"]
    assert logs.describe_log_groups()["logGroups"][0]["metricFilterCount"] == 1


def test_describing_filters_pages_in_order(aws: Any, logs: Any) -> None:
    names = [f"f{n:02d}" for n in range(12)]
    for name in reversed(names):
        aws.metric_filter(GROUP, name, metricName=f"M{name}")
    first = logs.describe_metric_filters(logGroupName=GROUP, limit=5)
    assert [f["filterName"] for f in first["metricFilters"]] == names[:5]
    pages = logs.get_paginator("describe_metric_filters").paginate(
        logGroupName=GROUP, PaginationConfig={"PageSize": 5}
    )
    assert [f["filterName"] for p in pages for f in p["metricFilters"]] == names
    by_metric = logs.describe_metric_filters(metricName="Mf03", metricNamespace="trailwatch")
    assert [f["filterName"] for f in by_metric["metricFilters"]] == ["f03"]
    by_prefix = logs.describe_metric_filters(logGroupName=GROUP, filterNamePrefix="f1")
    assert [f["filterName"] for f in by_prefix["metricFilters"]] == ["f10", "f11"]


def test_what_put_metric_filter_refuses(aws: Any, logs: Any) -> None:
    put = aws.metric_filter
    assert refused(put, group="absent")[0] == "ResourceNotFoundException"
    assert refused(put, group=GROUP, pattern="{ ($.eventName = }")[0] == "InvalidParameterException"
    both = {"dimensions": {"User": "$.user"}, "defaultValue": 0.0}
    code, text = refused(put, group=GROUP, **both)
    assert code == "InvalidParameterException"
    assert "mutually exclusive" in text
    assert refused(put, group=GROUP, metricValue="many")[0] == "InvalidParameterException"
    assert refused(put, group=GROUP, name="a:b")[0] == "InvalidParameterException"
    for n in range(100):
        put(GROUP, f"f{n}")
    assert refused(put, group=GROUP, name="one-more")[0] == "LimitExceededException"
    put(GROUP, "f7", pattern="again")


def test_five_filters_with_regular_expressions(aws: Any, logs: Any) -> None:
    for n in range(5):
        aws.metric_filter(GROUP, f"r{n}", pattern="%ab+%")
    code, _ = refused(aws.metric_filter, group=GROUP, name="r5", pattern="%ab+%")
    assert code == "LimitExceededException"


def test_deleting_filters_and_groups(aws: Any, logs: Any) -> None:
    aws.metric_filter(GROUP)
    logs.delete_metric_filter(logGroupName=GROUP, filterName="user-created")
    again = refused(logs.delete_metric_filter, logGroupName=GROUP, filterName="user-created")
    assert again[0] == "ResourceNotFoundException"
    aws.metric_filter(GROUP)
    logs.delete_log_group(logGroupName=GROUP)
    assert logs.describe_metric_filters()["metricFilters"] == []


def test_retention_has_few_choices(aws: Any, logs: Any) -> None:
    put = logs.put_retention_policy
    assert refused(put, logGroupName=GROUP, retentionInDays=42)[0] == "InvalidParameterException"
    put(logGroupName=GROUP, retentionInDays=90)
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 90


def values(aws: Any, metric: str, stat: str = "Sum", **dims: str) -> list[float]:
    now = datetime.now(UTC)
    pairs = [{"Name": n, "Value": v} for n, v in dims.items()]
    named = {"Namespace": "trailwatch", "MetricName": metric, "Dimensions": pairs}
    query = {"Id": "q", "MetricStat": {"Metric": named, "Period": 3600, "Stat": stat}}
    answer = aws.client("cloudwatch").get_metric_data(
        StartTime=now - timedelta(minutes=30),
        EndTime=now + timedelta(minutes=30),
        MetricDataQueries=[query],
    )
    return list(answer["MetricDataResults"][0]["Values"])


def test_matches_become_metrics(aws: Any, logs: Any) -> None:
    aws.metric_filter(GROUP, "count")
    aws.metric_filter(GROUP, "size", metricName="Size", metricValue="$.bytes")
    aws.metric_filter(GROUP, "by", metricName="By", dimensions={"User": "$.user.name"})
    write(aws, ['{"eventName": "CreateUser", "bytes": 7, "user": {"name": "dana"}}'])
    write(aws, ['{"eventName": "CreateUser", "bytes": 5}', '{"eventName": "ListUsers"}'])
    assert values(aws, "UserCreated") == [2.0]
    assert values(aws, "Size") == [12.0]
    assert values(aws, "By", User="dana") == [1.0]
    start = datetime.now(UTC) - timedelta(minutes=5)
    statistics = aws.client("cloudwatch").get_metric_statistics(
        Namespace="trailwatch",
        MetricName="Size",
        StartTime=start,
        EndTime=start + timedelta(minutes=10),
        Period=600,
        Statistics=["Maximum"],
    )
    assert [p["Maximum"] for p in statistics["Datapoints"]] == [7.0]


def test_a_default_value_is_reported_once_a_period(aws: Any, logs: Any) -> None:
    aws.metric_filter(GROUP, defaultValue=0.0)
    second = (millis() // 1000 - 5) * 1000  # at speed 60 a minute is a second
    write(aws, ["calm", "calm", "calm"], at=second)
    write(aws, ["calm"], at=second + 1000)
    write(aws, ['{"eventName": "CreateUser"}', "calm"], at=second + 2000)
    assert values(aws, "UserCreated", "SampleCount") == [3.0]
    assert values(aws, "UserCreated", "Minimum") == [0.0]
    assert values(aws, "UserCreated") == [1.0]


def test_names_of_the_filters_that_a_record_meets(
    aws: Any, logs: Any, make_record: Callable[..., Any]
) -> None:
    aws.metric_filter(GROUP, "b")
    aws.metric_filter(GROUP, "a", pattern='{ $.sourceIPAddress = "203.0.113.*" }')
    aws.metric_filter(GROUP, "c", pattern="{ $.errorCode = * }")
    assert aws.stand_in.matching_filters(make_record("CreateUser")) == ["a", "b"]
