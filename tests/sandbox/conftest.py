"""Fixtures for the stand-ins' tests: the AWS stand-in, and who receives what SNS sends."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar
from wsgiref.types import StartResponse, WSGIEnvironment

import boto3
import pytest
from botocore.config import Config

from sandbox.aws import AwsStandIn
from sandbox.faults import Faults
from sandbox.wire import CallLog, Sender, Server

T = TypeVar("T")

ACCOUNT = "123456789012"
REGION = "us-east-1"


@cache
def session() -> boto3.session.Session:
    """One for all tests: it keeps the service models that clients are made from."""
    return boto3.session.Session()


@dataclass
class Post:
    """One delivery as it arrived."""

    headers: dict[str, str]
    text: str
    at: float

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.text))

    @property
    def alarm(self) -> dict[str, Any]:
        """The alarm inside a Notification."""
        return dict(json.loads(self.body["Message"]))


@dataclass
class Receiver:
    """An HTTP endpoint that keeps what it is sent; `answers` holds the statuses to answer first."""

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Sequence[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        headers = {
            k.removeprefix("HTTP_").lower().replace("_", "-"): str(v)
            for k, v in environ.items()
            if k.startswith("HTTP_") or k == "CONTENT_TYPE"
        }
        with self.lock:
            self.posts.append(Post(headers, body, time.monotonic()))
            status = self.answers.pop(0) if self.answers else 200
        start_response(f"{status} Answer", [("Content-Length", "0")])
        return [b""]

    def of_type(self, kind: str) -> list[Post]:
        with self.lock:
            return [p for p in self.posts if p.headers["x-amz-sns-message-type"] == kind]


@dataclass
class Aws:
    """The running stand-in and clients that talk to it."""

    stand_in: AwsStandIn
    calls: CallLog
    faults: Faults
    receiver: Receiver
    clients: dict[str, Any] = field(default_factory=dict)

    stopped: bool = False

    def stop(self) -> None:
        """End the stand-in, once."""
        if not self.stopped:
            self.stopped = True
            for client in self.clients.values():
                client.close()
            self.stand_in.stop()

    def client(self, service: str, **options: Any) -> Any:
        key = f"{service} {sorted(options.items())}"
        if key not in self.clients:
            self.clients[key] = session().client(
                service,
                region_name=options.pop("region", REGION),
                endpoint_url=self.stand_in.url,
                aws_access_key_id="AKIAEXAMPLEEXAMPLE00",
                aws_secret_access_key="example",
                config=Config(retries={"total_max_attempts": 1}, **options),
            )
        return self.clients[key]

    def bucket(self, name: str = "trailwatch-archive", policy: bool = True) -> str:
        """A bucket that CloudTrail may write to."""
        self.client("s3").create_bucket(Bucket=name)
        if policy:
            self.client("s3").put_bucket_policy(Bucket=name, Policy=bucket_policy(name))
        return name

    def role(self, service: str = "cloudtrail.amazonaws.com") -> str:
        """The ARN of a role that a service may assume."""
        document = statements(
            {
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Action": "sts:AssumeRole",
            }
        )
        name = f"for-{service.split('.')[0]}"
        made = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)
        return str(made["Role"]["Arn"])

    def trail(self, **options: Any) -> str:
        """A logging trail into a log group of the same name; the group's name."""
        name = "trailwatch"
        self.client("logs").create_log_group(logGroupName=name)
        wanted = {
            "Name": name,
            "S3BucketName": self.bucket(),
            "IsMultiRegionTrail": True,
            "CloudWatchLogsLogGroupArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*",
            "CloudWatchLogsRoleArn": self.role(),
        }
        self.client("cloudtrail").create_trail(**wanted | options)
        self.client("cloudtrail").start_logging(Name=name)
        return name

    def metric_filter(self, group: str, name: str = "user-created", **options: Any) -> None:
        """A filter on CreateUser that counts into trailwatch/UserCreated."""
        change = {"metricName": "UserCreated", "metricNamespace": "trailwatch", "metricValue": "1"}
        pattern = options.pop("pattern", '{ $.eventName = "CreateUser" }')
        self.client("logs").put_metric_filter(
            logGroupName=group,
            filterName=name,
            filterPattern=pattern,
            metricTransformations=[change | options],
        )

    def alarm(self, name: str = "user-created", **options: Any) -> None:
        """An alarm on one CreateUser a minute."""
        wanted = {
            "AlarmName": name,
            "MetricName": "UserCreated",
            "Namespace": "trailwatch",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        }
        self.client("cloudwatch").put_metric_alarm(**wanted | options)

    def alarm_state(self, name: str = "user-created") -> dict[str, Any]:
        found = self.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return dict(found[0])

    def topic(self, name: str = "alarms", **attributes: str) -> str:
        made = self.client("sns").create_topic(Name=name, Attributes=attributes)
        return str(made["TopicArn"])

    def subscribe(self, topic: str, **options: Any) -> Any:
        """Subscribe the receiver, still unconfirmed."""
        return self.client("sns").subscribe(
            TopicArn=topic, Protocol="http", Endpoint=self.receiver.url, **options
        )["SubscriptionArn"]

    def confirmed(self, topic: str) -> str:
        """Subscribe the receiver and confirm, as a receiver should; the subscription's ARN."""
        self.subscribe(topic)
        asked = until(lambda: self.receiver.of_type("SubscriptionConfirmation"))[-1].body
        answer = self.client("sns").confirm_subscription(TopicArn=topic, Token=asked["Token"])
        return str(answer["SubscriptionArn"])


def statements(*several: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(several)})


def bucket_policy(bucket: str) -> str:
    """The bucket policy of the CloudTrail User Guide."""
    service = {"Service": "cloudtrail.amazonaws.com"}
    acl = {
        "Effect": "Allow",
        "Principal": service,
        "Action": "s3:GetBucketAcl",
        "Resource": f"arn:aws:s3:::{bucket}",
    }
    write = {
        "Effect": "Allow",
        "Principal": service,
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/AWSLogs/{ACCOUNT}/*",
        "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
    }
    return statements(acl, write)


def until(look: Callable[[], T], seconds: float = 60) -> T:
    """What `look` gives as soon as it is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"nothing came within {seconds} s")
        threading.Event().wait(0.01)


def record(name: str, **fields: Any) -> dict[str, Any]:
    """A CloudTrail record stamped now."""
    now = datetime.now(UTC)
    return {
        "eventVersion": "1.08",
        "userIdentity": {"type": "IAMUser", "userName": "dana", "accessKeyId": "AKIAEXAMPLE"},
        "eventTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "iam.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "203.0.113.7",
        "eventID": f"{name}-{now.timestamp()}",
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "readOnly": False,
        "recipientAccountId": ACCOUNT,
    } | fields


@pytest.fixture
def until_true() -> Callable[..., Any]:
    return until


@pytest.fixture
def make_record() -> Callable[..., dict[str, Any]]:
    return record


@pytest.fixture
def start_aws() -> Iterator[Callable[..., Aws]]:
    """Starts an AWS stand-in with a receiver beside it; both end with the test."""
    running: list[Any] = []

    def start(
        speed: float = 60.0,
        delivery_delay: float = 0.0,
        state: Any = None,
        recording: bool = False,
    ) -> Aws:
        calls, faults = CallLog(), Faults(lambda: 0.5)
        receiver = Receiver()
        server = Server(receiver, name="receiver")
        receiver.url = f"{server.url}/sns"
        server.start()
        sender = Sender(calls, faults)
        stand_in = AwsStandIn(
            calls=calls,
            faults=faults,
            sender=sender,
            speed=speed,
            delivery_delay=delivery_delay,
            recording=recording,
            state=state,
        )
        stand_in.start()
        aws = Aws(stand_in, calls, faults, receiver)
        running.append((aws, server))
        return aws

    yield start
    for aws, server in running:
        aws.stop()
        server.stop()


@pytest.fixture
def aws(start_aws: Callable[..., Aws]) -> Aws:
    return start_aws()
