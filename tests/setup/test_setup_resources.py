"""One contract for all kinds of resources: create, no-op, drift, update, destroy."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from setup.change import Action
from setup.pipeline import pipeline
from setup.survey import Standing, step_for

KINDS = (
    "kms_key",
    "bucket",
    "log_group",
    "role",
    "trail",
    "metric_filter",
    "topic",
    "alarm",
    "incoming_integration",
    "webhook_integration",
    "subscription",
    "queue",
)
OTHERWISE = {"queue": {"router": "direct", "public_url": ""}}
"""What a site has to want otherwise for a kind to be needed."""


def _kms_key(world: Any, one: Any) -> None:
    world.aws.call("kms", "DisableKeyRotation", KeyId=world.clients().key_arn(one.name))


def _bucket(world: Any, one: Any) -> None:
    world.aws.call("s3", "DeleteBucketPolicy", Bucket=one.name)


def _log_group(world: Any, one: Any) -> None:
    world.aws.call("logs", "PutRetentionPolicy", logGroupName=one.name, retentionInDays=7)


def _role(world: Any, one: Any) -> None:
    trust = json.dumps(one.wanted()["trust"]).replace("cloudtrail.", "ec2.")
    world.aws.call("iam", "UpdateAssumeRolePolicy", RoleName=one.name, PolicyDocument=trust)


def _trail(world: Any, one: Any) -> None:
    world.aws.call("cloudtrail", "StopLogging", Name=one.name)


def _metric_filter(world: Any, one: Any) -> None:
    replace(one, pattern='{ $.eventName = "Nothing" }').write(world.clients(), None)


def _topic(world: Any, one: Any) -> None:
    world.aws.call(
        "sns",
        "SetTopicAttributes",
        TopicArn=one.arn,
        AttributeName="Policy",
        AttributeValue=json.dumps(one.wanted()["policy"]).replace("trailwatch-*", "*"),
    )


def _alarm(world: Any, one: Any) -> None:
    world.aws.call("cloudwatch", "DisableAlarmActions", AlarmNames=[one.name])


def _incoming(world: Any, one: Any) -> None:
    found = next(i for i in world.integrations.list() if i["name"] == one.name)
    world.integrations.put_actions(found["id"], {"create": []})


def _webhook(world: Any, one: Any) -> None:
    found = next(i for i in world.integrations.list() if i["name"] == one.name)
    settings = world.integrations.get(found["id"])
    world.integrations.update(found["id"], {**settings, "url": "https://other.example.com"})


def _subscription(world: Any, one: Any) -> None:
    """The key of the integration is another now: the subscription has the old one."""
    made = world.integrations.create({"name": "another", "type": "AmazonSns"})
    world.secrets.put(one.key_secret, made["apiKey"])


def _queue(world: Any, one: Any) -> None:
    """Anybody may send to it now, and so make up alarms."""
    url = world.aws.call("sqs", "GetQueueUrl", QueueName=one.name)["QueueUrl"]
    policy = json.dumps(one.wanted()["policy"]).replace(one.topic, "*")
    world.aws.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": policy})


DRIFT: dict[str, tuple[Callable[[Any, Any], None], str]] = {
    "kms_key": (_kms_key, "rotation"),
    "bucket": (_bucket, "policy"),
    "log_group": (_log_group, "retention_days"),
    "role": (_role, "trust"),
    "trail": (_trail, "logging"),
    "metric_filter": (_metric_filter, "pattern"),
    "topic": (_topic, "policy"),
    "alarm": (_alarm, "actions_enabled"),
    "incoming_integration": (_incoming, "actions"),
    "webhook_integration": (_webhook, "url"),
    "subscription": (_subscription, "keys"),
    "queue": (_queue, "policy"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_the_contract(world: Any, kind: str) -> None:
    config = world.config(kms="own", **OTHERWISE.get(kind, {}))
    wanted = pipeline(config, world.detections()[:1])
    at = next(i for i, one in enumerate(wanted) if one.kind == kind)
    one = wanted[at]

    def step() -> Any:
        fresh = world.clients()
        return step_for(config, Standing(one, one.read(fresh)), fresh)

    assert one.read(world.clients()) is None
    assert step().change.action is Action.CREATE
    for earlier in wanted[: at + 1]:
        earlier.write(world.clients(), None)

    assert set(one.read(world.clients()) or {}) >= set(one.wanted()) - {
        "tags",
        "signature_version",
    }
    assert step() is None, "nothing is left to do"

    drift, field = DRIFT[kind]
    drift(world, one)
    found = step()
    assert found.change.action is Action.UPDATE
    assert [name for name in found.change.after if _moved(found.change, name)] == [field]
    one.write(world.clients(), found.change.before)
    assert step() is None, "the update mends the drift, and nothing else moved"

    one.delete(world.clients())
    while world.moto and kind == "metric_filter" and one.read(world.clients()):
        one.delete(world.clients())  # moto adds where AWS replaces
    assert one.read(world.clients()) is None
    one.delete(world.clients())  # what is gone already is fine


def _moved(change: Any, name: str) -> bool:
    return bool(change.before[name] != change.after[name])


def test_a_bucket_is_emptied_of_every_version_before_it_goes(world: Any) -> None:
    config = world.config()
    bucket = pipeline(config, ())[0]
    bucket.write(world.clients(), None)
    # Loopback has no TLS, without which the policy lets nobody in.
    world.aws.call("s3", "DeleteBucketPolicy", Bucket=bucket.name)
    for text in (b"one", b"two"):
        world.aws.call("s3", "PutObject", Bucket=bucket.name, Key="a", Body=text)
    world.aws.call("s3", "DeleteObject", Bucket=bucket.name, Key="a")
    bucket.delete(world.clients())
    assert bucket.read(world.clients()) is None


def test_tags_of_others_stay(world: Any) -> None:
    config = world.built()
    world.aws.call(
        "s3",
        "PutBucketTagging",
        Bucket=config.bucket,
        Tagging={
            "TagSet": [
                {"Key": "trailwatch:site", "Value": "main"},
                {"Key": "owner", "Value": "platform"},
            ]
        },
    )
    costly = replace(config, tags={"cost-center": "42"})
    plan = world.plan(costly, world.detections())
    assert {change.kind for change in plan.changes} == {
        "bucket",
        "log_group",
        "role",
        "trail",
        "topic",
        "alarm",
    }
    assert world.ends(world.apply(costly, world.detections(), plan)) == {"done": len(plan.changes)}
    assert world.plan(costly, world.detections()).empty
    bucket = pipeline(costly, ())[0]
    assert bucket.tags(world.clients()) == {
        "trailwatch:site": "main",
        "owner": "platform",
        "cost-center": "42",
    }
