"""What a resource policy lets a service do, and which records an event selector takes."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.aws.policy import allows
from sandbox.aws.selectors import takes

BASE = {
    "Effect": "Allow",
    "Principal": {"Service": "cloudwatch.amazonaws.com"},
    "Action": "sns:Publish",
    "Resource": "arn:aws:sns:us-east-1:123456789012:alarms",
}
CONTEXT = {"aws:SourceAccount": "123456789012", "aws:SourceArn": "arn:aws:cloudwatch:::alarm:a"}


def allowed(*several: dict[str, Any]) -> bool:
    return allows(
        {"Statement": [BASE | s for s in several]},
        service="cloudwatch.amazonaws.com",
        action="SNS:Publish",
        resource=str(BASE["Resource"]),
        context=CONTEXT,
    )


@pytest.mark.parametrize(
    ("change", "result"),
    [
        ({}, True),
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"Service": ["events.amazonaws.com", "cloudwatch.amazonaws.com"]}}, True),
        ({"Principal": {"Service": "events.amazonaws.com"}}, False),
        ({"Action": "SNS:*"}, True),
        ({"Action": ["sns:Subscribe"]}, False),
        ({"Resource": "*"}, True),
        ({"Resource": "arn:aws:sns:us-east-1:123456789012:other"}, False),
        ({"Condition": {"StringEquals": {"AWS:SourceAccount": "123456789012"}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}, False),
        ({"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:*"}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:SourceAccount": "111122223333"}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}, False),
        ({"Condition": {"StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}}}, True),
        ({"Condition": {"DateGreaterThan": {"aws:SourceAccount": "1"}}}, False),
    ],
)
def test_statements(change: dict[str, Any], result: bool) -> None:
    assert allowed(change) is result


def test_a_deny_wins_and_nothing_is_allowed_by_default() -> None:
    assert not allowed({}, {"Effect": "Deny"})
    assert not allowed()
    for policy in (None, "", "{", "[]"):
        assert not allows(policy, service="s", action="a:B", resource="r", context={})


@pytest.mark.parametrize(
    ("classic", "advanced", "taken"),
    [
        ([], [], "read write"),
        ([{"ReadWriteType": "ReadOnly"}], [], "read"),
        ([{"ReadWriteType": "WriteOnly"}], [], "write"),
        ([{"IncludeManagementEvents": False}], [], ""),
        ([{"ExcludeManagementEventSources": ["kms.amazonaws.com"]}], [], "read"),
        ([], [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}], "data"),
        ([], [{"FieldSelectors": [{"Field": "eventName", "NotStartsWith": ["De"]}]}], "read data"),
    ],
)
def test_selectors(classic: list[Any], advanced: list[Any], taken: str) -> None:
    records = {
        "read": {"eventName": "ListUsers", "eventSource": "iam.amazonaws.com", "readOnly": True},
        "write": {"eventName": "DeleteKey", "eventSource": "kms.amazonaws.com", "readOnly": False},
        "data": {"eventName": "PutObject", "eventCategory": "Data", "readOnly": False},
    }
    assert " ".join(n for n, r in records.items() if takes(classic, advanced, r)) == taken
