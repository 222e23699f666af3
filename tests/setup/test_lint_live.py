"""The lint on what stands in an account: our own pipeline, a stranger's, and rights that lack."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.faults import Fault
from setup.lint.chain import Chain
from setup.lint.live import NEEDS, chain_of_site
from setup.lint.rule import Finding
from setup.lint.rules import judge

ROOT = '{ $.userIdentity.type = "Root" }'
GROUP = "/audit/records"
ELSEWHERE = "arn:aws:sns:us-east-1:123456789012:gone"


def read(world: Any) -> Chain:
    return chain_of_site(world.config().site, world.clients(), world.clock)


def lint(world: Any) -> list[Finding]:
    return list(judge(read(world)))


def ids(findings: list[Finding]) -> list[str]:
    return [one.rule.id for one in findings]


@pytest.mark.parametrize(("emulator", "pack"), [("on_stand_in", "all"), ("on_moto", "cis")])
def test_our_own_pipeline_has_nothing_to_mend(
    emulator: str, pack: str, request: pytest.FixtureRequest
) -> None:
    world = request.getfixturevalue(emulator)
    world.built(pack)
    found = read(world)
    calls = len(world.seen)
    assert judge(found) == ()
    assert len(found.filters) == len(found.alarms) == len(world.detections(pack))
    assert [one.confirmed for one in found.subscriptions] == [True]
    assert calls <= 16  # few calls, however many alarms
    assert world.writes() == []
    assert world.permissions() <= {action for _, action, _ in NEEDS}


def test_an_empty_account_has_nothing_to_judge(on_stand_in: Any) -> None:
    assert read(on_stand_in).empty
    assert lint(on_stand_in) == []


def _stranger(world: Any) -> None:
    """What somebody clicked together: a filter, an alarm and a topic, with the usual faults."""
    call = world.aws.call
    call("s3", "CreateBucket", Bucket="audit-archive")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "cloudtrail.amazonaws.com"},
                "Action": ["s3:GetBucketAcl", "s3:PutObject"],
                "Resource": ["arn:aws:s3:::audit-archive", "arn:aws:s3:::audit-archive/*"],
            }
        ],
    }
    call("s3", "PutBucketPolicy", Bucket="audit-archive", Policy=json.dumps(policy))
    call("cloudtrail", "CreateTrail", Name="audit", S3BucketName="audit-archive")
    call("logs", "CreateLogGroup", logGroupName=GROUP)
    call(
        "logs",
        "PutMetricFilter",
        logGroupName=GROUP,
        filterName="root",
        filterPattern=ROOT,
        metricTransformations=[
            {"metricName": "Root", "metricNamespace": "Audit", "metricValue": "1"}
        ],
    )
    topic = call("sns", "CreateTopic", Name="security")["TopicArn"]
    call("sns", "Subscribe", TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    _alarm(world, alarms=[topic])


def _alarm(world: Any, alarms: list[str], **fields: Any) -> None:
    wanted: dict[str, Any] = {
        "AlarmName": "root",
        "Namespace": "audit",
        "MetricName": "Root",
        "Statistic": "Average",
        "Period": 300,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 1.0,
        "AlarmActions": alarms,
        **fields,
    }
    world.aws.call("cloudwatch", "PutMetricAlarm", **wanted)


def test_a_strangers_pipeline_is_judged(on_stand_in: Any) -> None:
    world = on_stand_in
    _stranger(world)
    world.forget()
    found = lint(world)
    said = {one.rule.id: one.message for one in found}
    assert {"TW101", "TW401", "TW421"} <= said.keys()  # errors
    assert {"TW102", "TW103", "TW107", "TW426", "TW433"} <= said.keys()
    assert {"TW601", "TW602", "TW603"} <= said.keys()
    assert said["TW101"].startswith(f"No trail delivers to the log group {GROUP}")
    assert said["TW401"].endswith("A filter makes Root in Audit.")
    assert found[0].severity == "error"
    assert world.writes() == []


def test_each_repair_takes_its_finding_away(on_stand_in: Any) -> None:
    world = on_stand_in
    _stranger(world)
    topic = "arn:aws:sns:us-east-1:123456789012:security"
    before = set(ids(lint(world)))
    _alarm(world, [topic], Namespace="Audit")
    now = set(ids(lint(world)))
    assert "TW401" in before - now
    assert "TW306" in now  # no default value, now that the alarm meets its filter
    _alarm(world, [topic], Namespace="Audit", Statistic="Sum", TreatMissingData="notBreaching",
           Period=60, EvaluationPeriods=15, DatapointsToAlarm=1, OKActions=[topic],
           AlarmDescription="The root user did something.")  # fmt: skip
    assert not {"TW306", "TW421", "TW426", "TW433", "TW406", "TW411"} & set(ids(lint(world)))


def test_a_topic_that_is_gone_is_told(on_stand_in: Any) -> None:
    world = on_stand_in
    config = world.built()
    name = config.alarm_name(world.detections()[0].id)
    _alarm(world, [ELSEWHERE], AlarmName=name, Namespace=config.namespace, MetricName=name)
    found = [one for one in lint(world) if one.rule.id == "TW408"]
    assert [one.message for one in found] == [f"{name} notifies {ELSEWHERE}, which does not exist."]


def test_what_befalls_our_own_pipeline_is_told(on_stand_in: Any) -> None:
    world = on_stand_in
    config = world.built()
    call = world.aws.call
    names = [config.alarm_name(one.id) for one in world.detections()]
    call("cloudtrail", "StopLogging", Name=config.trail)
    call("cloudwatch", "DisableAlarmActions", AlarmNames=names[:1])
    call("logs", "PutRetentionPolicy", logGroupName=config.log_group, retentionInDays=7)
    call(
        "cloudwatch",
        "PutAlarmMuteRule",
        Name="night",
        Rule={"Schedule": {"Expression": f"at({world.clock():%Y-%m-%dT%H:%M})", "Duration": "P1D"}},
        MuteTargets={"AlarmNames": names[1:]},
    )
    topic = config.site.topic_arn(config.topic)
    for one in call("sns", "ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"]:
        call("sns", "Unsubscribe", SubscriptionArn=one["SubscriptionArn"])
    found = set(ids(lint(world)))
    assert {"TW102", "TW403", "TW201", "TW505"} <= found


def test_a_group_and_a_role_that_are_gone_are_told(on_stand_in: Any) -> None:
    world = on_stand_in
    config = world.built()
    call = world.aws.call
    policies = call("iam", "ListRolePolicies", RoleName=config.role)["PolicyNames"]
    for name in policies:
        call("iam", "DeleteRolePolicy", RoleName=config.role, PolicyName=name)
    call("iam", "DeleteRole", RoleName=config.role)
    call("logs", "DeleteLogGroup", logGroupName=config.log_group)
    assert {"TW110", "TW112"} <= set(ids(lint(world)))


DENIED = (
    ("DescribeMetricFilters", "metric filters of other log groups"),
    ("DescribeLogGroups", "log groups"),
    ("GetTopicAttributes", "a topic's policy"),
    ("ListSubscriptionsByTopic", "a topic's subscriptions"),
    ("GetBucketPolicy", "the bucket's policy"),
    ("GetPublicAccessBlock", "the bucket's public access block"),
    ("GetEventSelectors", "a trail's selectors"),
    ("GetTrailStatus", "the state of a trail"),
    ("GetRole", "the role of a trail"),
    ("ListAlarmMuteRules", "mute rules"),
)


def test_what_may_not_be_read_is_said_and_not_judged(on_stand_in: Any) -> None:
    world = on_stand_in
    world.built()
    for operation, said in DENIED:
        world.faults.clear()
        world.faults.add(Fault("aws", operation, "status", 403))
        found = read(world)
        assert any(one.startswith(said) for one in found.unread), operation
        assert judge(found) == (), operation


def test_rights_on_our_own_group_suffice_for_it(on_stand_in: Any) -> None:
    """Asking for the filters of all groups needs a wider right than setup has."""
    world = on_stand_in
    world.built()
    world.faults.add(Fault("aws", "DescribeMetricFilters", "status", 403, count=1))
    found = read(world)
    assert len(found.filters) == len(world.detections())
    assert judge(found) == ()
