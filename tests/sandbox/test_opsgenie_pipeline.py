"""A record becomes an alarm, an SNS message, an Opsgenie alert and a webhook, between stand-ins."""

from __future__ import annotations

import json
import random
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox import scenarios
from sandbox.aws import AwsStandIn
from sandbox.faults import Faults
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.wire import CallLog, Sender

EXTRACT = '{{Message.extract(/"%s":"([^"]+)"/)}}'
ACTIONS = {
    "create": [
        {
            "name": "ALARM",
            "order": 1,
            "filter": {
                "conditionMatchType": "match-all-conditions",
                "conditions": [
                    {
                        "field": "Message",
                        "operation": "contains",
                        "expectedValue": '"NewStateValue":"ALARM"',
                    }
                ],
            },
            "alias": EXTRACT % "AlarmArn",
            "message": EXTRACT % "AlarmName",
            "description": EXTRACT % "AlarmDescription",
            "tags": ["trailwatch"],
            "extraProperties": {"aws_account": EXTRACT % "AWSAccountId"},
        }
    ]
}


def until(done: Callable[[], Any], seconds: float = 60) -> Any:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := done():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


@pytest.fixture
def webhooks() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", received
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def stands() -> Iterator[tuple[AwsStandIn, OpsgenieStandIn]]:
    calls, faults = CallLog(), Faults(random.Random(1).random)
    sender = Sender(calls, faults)
    aws = AwsStandIn(calls=calls, faults=faults, sender=sender, speed=60)
    opsgenie = OpsgenieStandIn(calls=calls, faults=faults, sender=sender)
    aws.start()
    opsgenie.start()
    yield aws, opsgenie
    opsgenie.stop()
    aws.stop()


def build(aws: AwsStandIn, topic_url: str) -> None:
    """The smallest pipeline: bucket, group, role, trail, filter, topic, subscription, alarm."""

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=aws.url,
            region_name="us-east-1",
            aws_access_key_id="AKIAEXAMPLE",
            aws_secret_access_key="secret",
            config=Config(retries={"max_attempts": 1}),
        )

    s3, logs, iam, trails = (client(s) for s in ("s3", "logs", "iam", "cloudtrail"))
    sns, watch = client("sns"), client("cloudwatch")
    s3.create_bucket(Bucket="archive")
    arn = "arn:aws:s3:::archive"
    cloudtrail = {"Service": "cloudtrail.amazonaws.com"}
    acl = {"Effect": "Allow", "Principal": cloudtrail, "Action": "s3:GetBucketAcl", "Resource": arn}
    put = {
        **acl,
        "Action": "s3:PutObject",
        "Resource": f"{arn}/AWSLogs/123456789012/*",
        "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [acl, put]}
    s3.put_bucket_policy(Bucket="archive", Policy=json.dumps(policy))
    logs.create_log_group(logGroupName="trail")
    assume = {"Effect": "Allow", "Principal": cloudtrail, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [assume]})
    role = iam.create_role(RoleName="to-logs", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    write = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": "arn:aws:logs:us-east-1:123456789012:log-group:trail:*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [write]})
    iam.put_role_policy(RoleName="to-logs", PolicyName="write", PolicyDocument=document)
    trails.create_trail(
        Name="trail",
        S3BucketName="archive",
        IsMultiRegionTrail=True,
        CloudWatchLogsLogGroupArn="arn:aws:logs:us-east-1:123456789012:log-group:trail:*",
        CloudWatchLogsRoleArn=role,
    )
    trails.start_logging(Name="trail")
    logs.put_metric_filter(
        logGroupName="trail",
        filterName="root",
        filterPattern='{ ($.eventName = ConsoleLogin) && ($.userIdentity.type = "Root") }',
        metricTransformations=[
            {"metricName": "root", "metricNamespace": "T", "metricValue": "1", "defaultValue": 0}
        ],
    )
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=topic_url)
    watch.put_metric_alarm(
        AlarmName="root",
        AlarmDescription="The root user signed in",
        MetricName="root",
        Namespace="T",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
    )
    until(
        lambda: (
            sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"]
            not in ("PendingConfirmation", "pending confirmation")
        )
    )


def test_a_root_sign_in_reaches_the_webhook(
    stands: tuple[AwsStandIn, OpsgenieStandIn], webhooks: tuple[str, list[dict[str, Any]]]
) -> None:
    aws, opsgenie = stands
    url, received = webhooks

    def configure(method: str, path: str, body: object) -> Any:
        request = urllib.request.Request(
            f"{opsgenie.url}/v2/integrations{path}",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"GenieKey {opsgenie.api_key}"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())["data"]

    sns = configure("POST", "", {"type": "AmazonSns", "name": "trailwatch"})
    configure("PUT", f"/{sns['id']}/actions", ACTIONS)
    hook = {"type": "Webhook", "name": "to the bot", "url": url, "addAlertDetails": True}
    configure("POST", "", hook)
    build(aws, f"{opsgenie.url}/v1/json/amazonsns?apiKey={sns['apiKey']}")

    root = next(s for s in scenarios.load() if s.name == "root-sign-in")
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    aws.ingest([{**record, "eventTime": now} for record in root.fresh_records()])
    until(lambda: received)
    created = received[0]["alert"]
    assert received[0]["action"] == "Create"
    assert created["alias"] == "arn:aws:cloudwatch:us-east-1:123456789012:alarm:root"
    assert (created["message"], created["tags"]) == ("root", ["trailwatch"])
    assert created["details"] == {"aws_account": "123456789012"}
    assert opsgenie.alerts()[0]["description"] == "The root user signed in"
