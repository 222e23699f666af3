"""The two policies grant what is called, and no more."""

from __future__ import annotations

from typing import Any

from setup.permissions import run_policy, setup_policy, setup_trust
from setup.plan import make_destroy_plan
from trailwatch.pattern import parse
from trailwatch.search.logs import EventQuery, LogsSource

IMPLIED = {
    # Tags that are given with a create need a permission of their own.
    "cloudtrail:AddTags",
    "cloudwatch:TagResource",
    "iam:TagRole",
    "logs:TagResource",
    "sns:TagResource",
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


def test_setting_up_needs_exactly_what_the_policy_grants(on_stand_in: Any) -> None:
    world = on_stand_in
    config, detections = world.config(), world.detections()
    world.aws.call("s3", "CreateBucket", Bucket=config.bucket)  # as a cut-off create leaves it
    plan = world.plan(config, detections)
    assert set(world.ends(world.apply(config, detections, plan))) == {"done"}
    _drift_of_everything(world, config, detections)
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
    role = world.aws.call("iam", "GetRole", RoleName=config.role)["Role"]
    trust = str(role["AssumeRolePolicyDocument"]).replace("'", '"').replace("cloudtrail.", "ec2.")
    call("iam", "UpdateAssumeRolePolicy", RoleName=config.role, PolicyDocument=trust)
    topic = config.site.topic_arn(config.topic)
    call("sns", "SetTopicAttributes", TopicArn=topic, AttributeName="SignatureVersion",
         AttributeValue="1")  # fmt: skip
    alarms = [config.alarm_name(one.id) for one in detections]
    call("cloudwatch", "DisableAlarmActions", AlarmNames=alarms)
    another = world.integrations.create({"name": "another", "type": "AmazonSns"})
    world.secrets.put("main/opsgenie-incoming-key", another["apiKey"])
    plan = world.plan(config, detections)
    assert set(world.ends(world.apply(config, detections, plan))) == {"done"}


def _destroy(world: Any, config: Any, detections: Any) -> None:
    world.aws.call("s3", "DeleteBucketPolicy", Bucket=config.bucket)
    world.aws.call("s3", "PutObject", Bucket=config.bucket, Key="a", Body=b"a")
    plan = make_destroy_plan(
        config, detections, world.clients(), world.clock, include=("bucket", "log_group")
    )
    assert set(world.ends(world.apply(config, detections, plan))) == {"done"}


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
        "cloudwatch:GetMetricStatistics",
        "sns:Unsubscribe",
    }


def test_a_search_needs_what_the_running_policy_grants(on_stand_in: Any) -> None:
    world = on_stand_in
    config = world.built()
    earlier = len(world.log.list("aws"))
    source = LogsSource(world.aws, config.log_group)
    source.filter_pattern("trailwatch-console-login")
    now = world.clock()
    source.search(EventQuery(parse('{ $.eventName = "ConsoleLogin" }'), now, now))
    called = {call["method"] for call in world.log.list("aws")[earlier:]}
    archive = {"s3:GetObject", "s3:ListBucket", "sts:AssumeRole"}
    assert {f"logs:{name}" for name in called} | archive == _actions(run_policy(config))


def test_the_running_bot_only_searches_and_assumes_one_role(on_moto: Any) -> None:
    config = on_moto.config()
    document = run_policy(config)
    searches = {"logs:DescribeMetricFilters", "logs:FilterLogEvents"}
    archive = {"s3:GetObject", "s3:ListBucket"}
    assert _actions(document) == {*searches, *archive, "sts:AssumeRole"}
    trust = setup_trust("arn:aws:iam::123456789012:role/trailwatch", "an-external-id")
    (statement,) = trust["Statement"]
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "an-external-id"}}
    sids = [one["Sid"] for one in setup_policy(config)["Statement"]]
    assert len(sids) == len(set(sids))
    assert all(sid.isalnum() for sid in sids)
