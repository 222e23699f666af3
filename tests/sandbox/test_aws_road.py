"""The whole way: a record, the trail, a log group, a filter, an alarm, a confirmed endpoint."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

ACCOUNT = "123456789012"
GROUP = "trailwatch"
BUCKET = "trailwatch-archive"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "cloudtrail.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


def bucket_policy() -> str:
    service = {"Service": "cloudtrail.amazonaws.com"}
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": service,
                    "Action": "s3:GetBucketAcl",
                    "Resource": f"arn:aws:s3:::{BUCKET}",
                },
                {
                    "Effect": "Allow",
                    "Principal": service,
                    "Action": "s3:PutObject",
                    "Resource": f"arn:aws:s3:::{BUCKET}/AWSLogs/{ACCOUNT}/*",
                    "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
                },
            ],
        }
    )


def build(aws: Any) -> str:
    """A trail into a log group with one filter, its alarm and its topic; the topic's ARN."""
    s3, logs, trail = aws.client("s3"), aws.client("logs"), aws.client("cloudtrail")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=bucket_policy())
    logs.create_log_group(logGroupName=GROUP)
    role = aws.client("iam").create_role(RoleName="to-logs", AssumeRolePolicyDocument=TRUST)
    trail.create_trail(
        Name="trailwatch",
        S3BucketName=BUCKET,
        IsMultiRegionTrail=True,
        CloudWatchLogsLogGroupArn=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{GROUP}:*",
        CloudWatchLogsRoleArn=role["Role"]["Arn"],
    )
    trail.start_logging(Name="trailwatch")
    logs.put_metric_filter(
        logGroupName=GROUP,
        filterName="user-created",
        filterPattern='{ $.eventName = "CreateUser" }',
        metricTransformations=[
            {"metricName": "UserCreated", "metricNamespace": "trailwatch", "metricValue": "1"}
        ],
    )
    topic: str = aws.client("sns").create_topic(Name="alarms")["TopicArn"]
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName="user-created",
        AlarmDescription="A user was created",
        MetricName="UserCreated",
        Namespace="trailwatch",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
    )
    return topic


def test_a_record_becomes_a_post(
    aws: Any, until_true: Callable[..., Any], make_record: Callable[..., Any]
) -> None:
    topic = build(aws)
    sns = aws.client("sns")
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=aws.receiver.url)
    asked = until_true(lambda: aws.receiver.of_type("SubscriptionConfirmation"))[0]
    with urllib.request.urlopen(asked.body["SubscribeURL"], timeout=5) as answer:
        assert b"<SubscriptionArn>arn:aws:sns:us-east-1" in answer.read()

    began = time.monotonic()
    aws.stand_in.ingest([make_record("ListUsers"), make_record("CreateUser")])
    post = until_true(lambda: aws.receiver.of_type("Notification"))[0]

    assert post.at - began < 1.5
    assert post.body["Subject"] == 'ALARM: "user-created" in US East (N. Virginia)'
    assert post.alarm["NewStateValue"] == "ALARM"
    assert post.alarm["AlarmArn"] == f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:user-created"
