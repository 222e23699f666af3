"""An account with what a Terraform module made: adopted, imported, exported."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.session import get_session

TRUST = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
TAGS = [{"Key": "managed-by", "Value": "terraform"}]
ROOT = (
    '{$.userIdentity.type="Root" && $.userIdentity.invokedBy NOT EXISTS '
    '&& $.eventType !="AwsServiceEvent"}'
)


@pytest.fixture
def account(start_sandbox: Callable[..., Any]) -> Iterator[tuple[Any, Callable[[str], Any]]]:
    """A sandbox, and clients of somebody in its account."""
    sandbox = start_sandbox("--speed", "60")
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = get_session().create_client(
                service,
                region_name=sandbox.status["aws"]["region"],
                endpoint_url=sandbox.status["aws"]["endpoint"],
                aws_access_key_id="AKIAEXAMPLESOMEBODY1",
                aws_secret_access_key="example",
                config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
            )
        return made[service]

    yield sandbox, client
    for one in made.values():
        one.close()
    sandbox.stop()


def build(client: Callable[[str], Any]) -> str:
    """What a module for CIS leaves in an account; the ARN of its topic."""
    client("s3").create_bucket(Bucket="corp-trail-logs")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                **TRUST,
                "Action": ["s3:GetBucketAcl", "s3:PutObject"],
                "Resource": ["arn:aws:s3:::corp-trail-logs", "arn:aws:s3:::corp-trail-logs/*"],
            }
        ],
    }
    client("s3").put_bucket_policy(Bucket="corp-trail-logs", Policy=json.dumps(policy))
    logs = client("logs")
    logs.create_log_group(logGroupName="/corp/trail")
    logs.put_retention_policy(logGroupName="/corp/trail", retentionInDays=731)
    document = {"Version": "2012-10-17", "Statement": [{**TRUST, "Action": "sts:AssumeRole"}]}
    role = client("iam").create_role(
        RoleName="corp-to-logs", AssumeRolePolicyDocument=json.dumps(document)
    )
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/corp/trail")["logGroups"]
    client("cloudtrail").create_trail(
        Name="corp-trail",
        S3BucketName="corp-trail-logs",
        IsMultiRegionTrail=True,
        EnableLogFileValidation=True,
        CloudWatchLogsLogGroupArn=group["arn"].removesuffix(":*") + ":*",
        CloudWatchLogsRoleArn=role["Role"]["Arn"],
        TagsList=TAGS,
    )
    client("cloudtrail").start_logging(Name="corp-trail")
    topic: str = client("sns").create_topic(Name="corp-security", Tags=TAGS)["TopicArn"]
    for name, pattern in (("RootUsage", ROOT), ("Rare", "{ $.eventName = DeleteThing }")):
        logs.put_metric_filter(
            logGroupName="/corp/trail",
            filterName=name,
            filterPattern=pattern,
            metricTransformations=[
                {"metricName": name, "metricNamespace": "CIS", "metricValue": "1"}
            ],
        )
        client("cloudwatch").put_metric_alarm(
            AlarmName=f"corp-{name}",
            Namespace="CIS",
            MetricName=name,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            AlarmActions=[topic],
        )
    return topic


def test_what_stands_is_imported_planned_and_exported(
    account: tuple[Any, Callable[[str], Any]],
) -> None:
    sandbox, client = account
    topic = build(client)
    sandbox.command("setup plan --pack cis")
    offer = sandbox.wait_message(lambda m: "plan.apply" in json.dumps(m["blocks"]))
    assert "There is a trail already, corp-trail: --adopt yes uses it" in json.dumps(offer)

    sandbox.command("setup import")
    found = sandbox.wait_message(lambda m: "import.write" in json.dumps(m["blocks"]))
    said = json.dumps(found["blocks"], ensure_ascii=False)
    assert "already watched, not doubled" in said
    assert "1 filter matches no detection" in said
    sandbox.click(found, "import.write")
    written = sandbox.wait_message(lambda m: m["ts"] == found["ts"] and "Written" in m["text"])
    assert "corp-trail-logs" in written["text"]

    sandbox.command("setup plan --pack cis")
    plan = sandbox.wait_message(
        lambda m: m["ts"] > written["ts"] and "plan.apply" in json.dumps(m["blocks"])
    )
    kinds = json.dumps(plan["blocks"], ensure_ascii=False)
    assert "corp-trail" not in kinds, "nothing of theirs is to be changed"
    assert "31 to create" in plan["text"], "14 filters and alarms, and Opsgenie's three"
    sandbox.click(plan, "plan.apply")
    sandbox.wait_message(lambda m: m["ts"] == plan["ts"] and "Applied" in m["text"])
    filters = client("logs").describe_metric_filters(logGroupName="/corp/trail")["metricFilters"]
    names = {one["filterName"] for one in filters}
    assert {"RootUsage", "Rare"} <= names
    assert not any("root" in name for name in names if name.startswith("trailwatch-"))
    subscribed = client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert len(subscribed) == 1

    client("cloudwatch").set_alarm_state(
        AlarmName="corp-RootUsage", StateValue="ALARM", StateReason="somebody was root"
    )
    alert = sandbox.until(
        lambda: next(iter(sandbox.alerts()), None), what="their alarm as an alert"
    )
    assert "root" in alert["text"].lower()

    record = {
        "eventVersion": "1.09",
        "eventID": "11111111-2222-3333-4444-555555555555",
        "eventTime": "2026-11-23T10:00:00Z",
        "eventSource": "things.amazonaws.com",
        "eventName": "DeleteThing",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.9",
        "userIdentity": {"type": "IAMUser", "userName": "mallory"},
        "recipientAccountId": sandbox.status["aws"]["account"],
    }
    sandbox.records(json.dumps(record).encode())
    rare = sandbox.until(lambda: next(iter(sandbox.alerts()[1:]), None), what="the other alarm")
    assert "corp-Rare" in rare["text"]
    sandbox.wait_message(lambda m: m["ts"] == rare["ts"] and "mallory" in json.dumps(m["blocks"]))

    sandbox.command("setup export --format terraform")
    file = sandbox.wait_message(lambda m: m.get("files"))
    assert file["files"][0]["name"] == "trailwatch.tf.json"
    assert "The trail corp-trail was adopted" in file["text"]
