"""Stacks of the stand-in: made whole or refused, and nothing is dropped in silence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "alarms"}}


def template(**resources: Any) -> str:
    return json.dumps({"Resources": resources})


def test_a_stack_is_made_in_the_order_of_its_references(aws: Any) -> None:
    alarm = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": "one",
            "Namespace": "N",
            "MetricName": "M",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "AlarmActions": [{"Ref": "Topic"}],
        },
    }
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(StackName="s", TemplateBody=template(Alarm=alarm, Topic=TOPIC))
    (stack,) = cloudformation.describe_stacks(StackName="s")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    (made,) = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert made["AlarmActions"] == ["arn:aws:sns:us-east-1:123456789012:alarms"]


@pytest.mark.parametrize(
    ("resource", "why"),
    [
        ({"Type": "AWS::EC2::VPC", "Properties": {}}, "no resources of the type AWS::EC2::VPC"),
        (
            {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "a", "FifoTopic": True}},
            "knows no FifoTopic of AWS::SNS::Topic",
        ),
        (
            {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "Nobody"}}},
            "Unresolved resource dependencies",
        ),
        (
            {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": "b", "PolicyDocument": {}}},
            "CREATE_FAILED Thing",
        ),
    ],
)
def test_what_cannot_be_made_is_refused(aws: Any, resource: Any, why: str) -> None:
    with pytest.raises(ClientError, match=why):
        aws.client("cloudformation").create_stack(
            StackName="s", TemplateBody=template(Thing=resource)
        )


def test_roles_need_the_capability(aws: Any) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r"}}
    with pytest.raises(ClientError, match="CAPABILITY_NAMED_IAM"):
        aws.client("cloudformation").create_stack(StackName="s", TemplateBody=template(Role=role))
