"""Faults on demand of the AWS stand-in, in the shape of each service's protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

from sandbox.faults import Fault

CALLS: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("logs", "DescribeLogGroups", lambda c: c.describe_log_groups()),
    ("cloudwatch", "DescribeAlarms", lambda c: c.describe_alarms()),
    ("sns", "ListTopics", lambda c: c.list_topics()),
    ("s3", "ListBuckets", lambda c: c.list_buckets()),
    ("cloudtrail", "LookupEvents", lambda c: c.lookup_events()),
    ("iam", "ListRoles", lambda c: c.list_roles()),
]


@pytest.mark.parametrize(("service", "operation", "call"), CALLS)
def test_statuses_come_in_the_services_own_shape(
    aws: Any, service: str, operation: str, call: Callable[[Any], Any]
) -> None:
    for status, code in (
        (429, "ThrottlingException"),
        (400, "ThrottlingException"),
        (403, "AccessDenied"),
        (500, "InternalFailure"),
    ):
        aws.faults.add(Fault("aws", operation, "status", status=status, count=1))
        with pytest.raises(ClientError) as caught:
            call(aws.client(service))
        response = caught.value.response
        assert response["Error"]["Code"] == code
        assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    call(aws.client(service))
    assert aws.calls.list("aws")[-1] == {
        **aws.calls.list("aws")[-1],
        "method": operation,
        "status": 200,
    }


def test_a_lost_answer_leaves_its_effect(aws: Any) -> None:
    aws.faults.add(Fault("aws", "CreateTopic", "lost", count=1))
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        aws.client("sns").create_topic(Name="made")
    topics = aws.client("sns").list_topics()["Topics"]
    assert [t["TopicArn"].rsplit(":", 1)[1] for t in topics] == ["made"]


def test_a_reset_has_no_effect(aws: Any) -> None:
    aws.faults.add(Fault("aws", "CreateTopic", "reset", count=1))
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        aws.client("sns").create_topic(Name="made")
    assert aws.client("sns").list_topics()["Topics"] == []
