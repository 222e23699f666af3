"""The two policies grant what is called, and no more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from setup import migrate
from setup.drift import find
from setup.permissions import run_policy, setup_policy, setup_trust
from setup.plan import make_destroy_plan
from setup.resources.mute_rule import MuteRule
from setup.restore import restore_plan
from setup.survey import RETAINED
from trailwatch.pattern import parse
from trailwatch.search.logs import EventQuery, LogsSource
from trailwatch.site_options import changed, written

ANYBODY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}],
    }
)

IMPLIED = {
    # Tags that are given with a create need a permission of their own.
    "cloudtrail:AddTags",
    "cloudwatch:TagResource",
    "iam:TagRole",
    "kms:TagResource",
    "logs:TagResource",
    "sns:TagResource",
    # Of a key that was made when one was wanted, and is there still.
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListResourceTags",
    # CloudTrail is given the role.
    "iam:PassRole",
    # Deleting a version of an object, or an object without versions.
    "s3:DeleteObject",
    # A plan's checks: of a role's rights, and where a pattern has a regular expression.
    "iam:SimulatePrincipalPolicy",
    "logs:DescribeSubscriptionFilters",
}


def _actions(document: dict[str, Any]) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


@pytest.mark.parametrize("options", ["kms=none", "kms=own,data_events=lambda"])
def test_setting_up_needs_exactly_what_the_policy_grants(on_stand_in: Any, options: str) -> None:
    world = on_stand_in
    config, detections = changed(world.config(), written(options)), world.detections()
    world.aws.call("s3", "CreateBucket", Bucket=config.bucket)  # as a cut-off create leaves it
    plan = world.plan(config, detections)
    assert set(world.ends(world.apply(config, detections, plan))) == {"done"}
    _drift_of_everything(world, config, detections)
    _muted(world, config, detections)
    migrate.fire(config, world.clients())
    migrate.remove(config, world.clients())
    _destroy(world, config, detections)
    assert set(world.ends(world.apply(config, detections))) == {"done"}
    granted = _actions(setup_policy(config))
    assert world.permissions() - granted == set()
    assert granted - world.permissions() - IMPLIED == set()
    assert set(plan.permissions) <= granted
    assert "iam:PassRole" in plan.permissions


def _drift_of_everything(world: Any, config: Any, detections: Any) -> None:
    call = world.aws.call
    call("cloudtrail", "UpdateTrail", Name=config.trail, EnableLogFileValidation=False)
    call("logs", "PutRetentionPolicy", logGroupName=config.log_group, retentionInDays=7)
    other = call("kms", "CreateKey", Policy=ANYBODY)["KeyMetadata"]["Arn"]
    call("logs", "AssociateKmsKey", logGroupName=config.log_group, kmsKeyId=other)
    if config.kms:
        key = world.clients().key_arn(config.key)
        call("kms", "DisableKeyRotation", KeyId=key)
        call("kms", "PutKeyPolicy", KeyId=key, PolicyName="default", Policy=ANYBODY)
        call("kms", "ScheduleKeyDeletion", KeyId=key.rpartition("/")[2])
    role = world.aws.call("iam", "GetRole", RoleName=config.role)["Role"]
    trust = str(role["AssumeRolePolicyDocument"]).replace("'", '"').replace("cloudtrail.", "ec2.")
    call("iam", "UpdateAssumeRolePolicy", RoleName=config.role, PolicyDocument=trust)
    topic = config.site.topic_arn(config.topic)
    call("sns", "SetTopicAttributes", TopicArn=topic, AttributeName="SignatureVersion",
         AttributeValue="1")  # fmt: skip
    alarms = [config.alarm_name(one.id) for one in detections]
    call("cloudwatch", "DisableAlarmActions", AlarmNames=alarms)
    (ours,) = call("sns", "ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"]
    call("sns", "SetSubscriptionAttributes", SubscriptionArn=ours["SubscriptionArn"],
         AttributeName="RawMessageDelivery", AttributeValue="true")  # fmt: skip
    changes = [one.change for one in find(config, detections, world.clients()).items]
    raw = [change for change in changes if change.kind == "subscription"]
    restored = world.apply(config, detections, restore_plan("main", config.pack, raw, world.clock))
    assert set(world.ends(restored)) == {"done"}
    another = world.integrations.create({"name": "another", "type": "AmazonSns"})
    world.secrets.put("main/opsgenie-incoming-key", another["apiKey"])
    plan = world.plan(config, detections)
    assert set(world.ends(world.apply(config, detections, plan))) == {"done"}


def _muted(world: Any, config: Any, detections: Any) -> None:
    """Somebody mutes an alarm, alone and with one of theirs, and it is restored."""
    schedule = {"Expression": "at(2026-01-01T00:00)", "Duration": "P3650D"}
    for others in ([], ["somebody-elses"]):
        names = [config.alarm_name(detections[0].id), *others]
        world.aws.call(
            "cloudwatch",
            "PutAlarmMuteRule",
            Name="quiet",
            Rule={"Schedule": schedule},
            MuteTargets={"AlarmNames": names},
        )
        changes = [one.change for one in find(config, detections, world.clients()).items]
        plan = restore_plan("main", config.pack, changes, world.clock)
        assert set(world.ends(world.apply(config, detections, plan))) == {"done"}


def _destroy(world: Any, config: Any, detections: Any) -> None:
    world.aws.call("s3", "DeleteBucketPolicy", Bucket=config.bucket)
    world.aws.call("s3", "PutObject", Bucket=config.bucket, Key="a", Body=b"a")
    plan = make_destroy_plan(config, detections, world.clients(), world.clock, include=RETAINED)
    assert set(world.ends(world.apply(config, detections, plan))) == {"done"}


def test_a_key_is_ours_by_its_mark_and_the_archive_can_be_read(on_moto: Any) -> None:
    config = changed(on_moto.config(), written("kms=own,object_lock_days=30"))
    found = {
        (action, str(statement["Resource"])): statement.get("Condition")
        for statement in setup_policy(config)["Statement"]
        for action in statement["Action"]
    }
    keys = "arn:aws:kms:us-east-1:123456789012:key/*"
    ours = {"StringEquals": {"aws:ResourceTag/trailwatch:site": "main"}}
    assert found["kms:PutKeyPolicy", keys] == ours
    assert found["kms:ScheduleKeyDeletion", keys] == ours
    made = {"StringEquals": {"aws:RequestTag/trailwatch:site": "main"}}
    assert found["kms:CreateKey", "*"] == made
    assert {"s3:GetBucketObjectLockConfiguration", "s3:PutBucketObjectLockConfiguration"} <= {
        action for action, _ in found
    }
    reads = [one for one in run_policy(config)["Statement"] if one["Action"] == ["kms:Decrypt"]]
    assert [one["Condition"] for one in reads] == [ours]


def test_only_our_role_may_be_passed_and_only_to_cloudtrail(on_moto: Any) -> None:
    config = on_moto.config()
    (passing,) = [one for one in setup_policy(config)["Statement"] if one["Sid"] == "PassRole"]
    assert passing["Action"] == ["iam:PassRole"]
    assert passing["Resource"] == config.site.role_arn(config.role)
    wanted = {"StringEquals": {"iam:PassedToService": "cloudtrail.amazonaws.com"}}
    assert passing["Condition"] == wanted


def test_only_what_has_no_resources_in_iam_is_granted_on_all(on_moto: Any) -> None:
    wide = {
        action
        for statement in setup_policy(on_moto.config())["Statement"]
        if "*" in statement["Resource"] and statement["Resource"] in ("*", ["*"])
        for action in statement["Action"]
    }
    assert wide == {
        "cloudtrail:DescribeTrails",
        "cloudtrail:LookupEvents",
        "cloudwatch:GetMetricStatistics",
        "cloudwatch:ListAlarmMuteRules",
        "sns:GetSubscriptionAttributes",
        "sns:SetSubscriptionAttributes",
        "sns:Unsubscribe",
    }


def test_a_search_needs_what_the_running_policy_grants(on_stand_in: Any) -> None:
    world = on_stand_in
    config = world.built()
    earlier = len(world.log.list("aws"))
    source = LogsSource(world.aws, config.log_group)
    source.filter_pattern("trailwatch-console-login")
    source.pattern_behind("corp-alarm")
    now = world.clock()
    source.search(EventQuery(parse('{ $.eventName = "ConsoleLogin" }'), now, now))
    called = {call["method"] for call in world.log.list("aws")[earlier:]} - {"DescribeAlarms"}
    others = {"s3:GetObject", "s3:ListBucket", "sts:AssumeRole", "cloudtrail:LookupEvents"}
    others.add("cloudwatch:DescribeAlarms")
    assert {f"logs:{name}" for name in called} | others == _actions(run_policy(config))


def test_the_running_bot_only_searches_and_assumes_one_role(on_moto: Any) -> None:
    config = on_moto.config()
    document = run_policy(config)
    searches = {"logs:DescribeMetricFilters", "logs:FilterLogEvents", "cloudtrail:LookupEvents"}
    others = {"s3:GetObject", "s3:ListBucket", "cloudwatch:DescribeAlarms"}
    assert _actions(document) == {*searches, *others, "sts:AssumeRole"}
    trust = setup_trust("arn:aws:iam::123456789012:role/trailwatch", "an-external-id")
    (statement,) = trust["Statement"]
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "an-external-id"}}
    sids = [one["Sid"] for one in setup_policy(config)["Statement"]]
    assert len(sids) == len(set(sids))
    assert all(sid.isalnum() for sid in sids)


def test_muting_takes_the_right_on_the_alarm_besides_that_on_the_rule(on_moto: Any) -> None:
    """Source: PutAlarmMuteRule, CloudWatch API reference: "on two types of resources"."""
    config = on_moto.config()
    statements = setup_policy(config)["Statement"]
    (found,) = [one for one in statements if "cloudwatch:PutAlarmMuteRule" in one["Action"]]
    site = config.site
    assert {
        site.arn("cloudwatch", "alarm-mute-rule:*"),
        site.alarm_arn("trailwatch-*"),
    } == set(found["Resource"])
    mixed = MuteRule(site, "quiet", ("trailwatch-x",), ("somebody-elses",)).permissions
    assert ("write", "cloudwatch:PutAlarmMuteRule", site.alarm_arn("somebody-elses")) in mixed
