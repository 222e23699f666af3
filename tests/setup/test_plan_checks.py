"""What a plan says before anything is made: missing rights, full quotas, what would be lost."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sandbox.faults import Fault
from setup.apply import apply
from setup.checks import Checks, needs_of, regexes_in
from setup.permissions import policy_for, setup_policy
from setup.plan import Plan, make_destroy_plan, make_plan
from setup.survey import survey
from trailwatch.errors import LimitExceeded

ROLE = "arn:aws:iam::123456789012:role/trailwatch-setup"
REGEX = "{ $.eventName = %^Delete% }"


def as_role(world: Any, policy: dict[str, Any] | None = None) -> Any:
    """Clients that have assumed the setup role, with that policy as its only one."""
    if policy is not None:
        world.aws.call("iam", "DeleteRolePolicy", RoleName="trailwatch-setup",
                       PolicyName="everything")  # fmt: skip
        world.aws.call("iam", "PutRolePolicy", RoleName="trailwatch-setup", PolicyName="own",
                       PolicyDocument=json.dumps(policy))  # fmt: skip
    clients = world.clients()
    clients.aws = world.aws.assume(ROLE, "test")
    return clients


def plan_of(world: Any, clients: Any, **changes: Any) -> Plan:
    config = world.config(**changes)
    plan: Plan = make_plan(config, world.detections(), clients, world.clock)
    return plan


def test_the_printed_policy_lacks_nothing(on_stand_in: Any) -> None:
    clients = as_role(on_stand_in, setup_policy(on_stand_in.config()))
    plan = plan_of(on_stand_in, clients)
    assert plan.checks == Checks()
    assert ("iam", "SimulatePrincipalPolicy") in on_stand_in.seen
    assert Plan.from_json(plan.to_json()) == plan


def test_missing_rights_are_named_with_the_statement_to_add(on_stand_in: Any) -> None:
    world = on_stand_in
    policy = setup_policy(world.config())
    for statement in policy["Statement"]:
        gone = ("cloudwatch:PutMetricAlarm", "logs:PutMetricFilter", "iam:PassRole")
        statement["Action"] = [one for one in statement["Action"] if one not in gone]
    policy["Statement"] = [one for one in policy["Statement"] if one["Action"]]
    plan = plan_of(world, as_role(world, policy))
    missing = ("cloudwatch:PutMetricAlarm", "iam:PassRole", "logs:PutMetricFilter")
    assert plan.checks.missing == missing
    grant = json.loads(plan.checks.grant)
    passing = next(one for one in grant["Statement"] if one["Action"] == ["iam:PassRole"])
    assert passing["Resource"] == world.config().site.role_arn(world.config().role)
    assert passing["Condition"] == {
        "StringEquals": {"iam:PassedToService": "cloudtrail.amazonaws.com"}
    }
    assert {a for one in grant["Statement"] for a in one["Action"]} == set(missing)
    assert Plan.from_json(plan.to_json()) == plan


def test_a_role_that_may_pass_roles_to_others_only_lacks_the_right(on_stand_in: Any) -> None:
    world = on_stand_in
    policy = setup_policy(world.config())
    for statement in policy["Statement"]:
        if statement["Sid"] == "PassRole":
            statement["Condition"]["StringEquals"]["iam:PassedToService"] = "ec2.amazonaws.com"
    assert plan_of(world, as_role(world, policy)).checks.missing == ("iam:PassRole",)


def test_what_depends_on_unknown_conditions_is_unchecked(on_stand_in: Any) -> None:
    policy = setup_policy(on_stand_in.config())
    for statement in policy["Statement"]:
        statement.setdefault("Condition", {})["Bool"] = {"aws:MultiFactorAuthPresent": "true"}
    checks = plan_of(on_stand_in, as_role(on_stand_in, policy)).checks
    assert checks.missing == ()
    assert checks.unchecked == "the caller's policies depend on aws:MultiFactorAuthPresent"


def test_a_simulation_that_is_refused_is_told_and_stops_nothing(on_stand_in: Any) -> None:
    on_stand_in.faults.add(Fault("aws", "SimulatePrincipalPolicy", "status", 403))
    checks = plan_of(on_stand_in, as_role(on_stand_in)).checks
    assert checks.missing == ()
    assert checks.unchecked.startswith("AWS refused SimulatePrincipalPolicy (AccessDenied")


def test_credentials_that_are_no_role_are_not_asked_about(on_moto: Any) -> None:
    plan = on_moto.plan(on_moto.config(), on_moto.detections())
    assert "user/moto" in plan.checks.unchecked
    assert (
        on_moto.built() and on_moto.plan(on_moto.config(), on_moto.detections()).checks == Checks()
    )


def test_rights_are_asked_once_for_each_kind(on_stand_in: Any) -> None:
    world = on_stand_in
    config = world.config()
    plan = make_plan(config, world.detections("cis"), as_role(world), world.clock)
    assert len(plan.changes) > 30
    asked = world.seen.count(("iam", "SimulatePrincipalPolicy"))
    assert asked <= 16
    steps = survey(config, world.detections("cis"), world.clients()).steps
    granted = {a for one in policy_for(needs_of(steps))["Statement"] for a in one["Action"]}
    assert granted == set(plan.permissions)


def stand(world: Any, number: int, pattern: str = "x", start: str = "theirs") -> None:
    """Metric filters of somebody else in the log group."""
    for n in range(number):
        world.aws.call(
            "logs", "PutMetricFilter", logGroupName=world.config().log_group,
            filterName=f"{start}-{n}", filterPattern=pattern,
            metricTransformations=[
                {"metricName": f"m{n}", "metricNamespace": "Theirs", "metricValue": "1"}
            ],
        )  # fmt: skip


def group(world: Any) -> None:
    world.aws.call("logs", "CreateLogGroup", logGroupName=world.config().log_group,
                   tags={"trailwatch:site": "main"})  # fmt: skip


def test_strangers_filters_count(on_stand_in: Any) -> None:
    world = on_stand_in
    group(world)
    stand(world, 98)
    plan = world.plan(world.config(), world.detections())
    assert plan.checks.warnings == ("The log group will have 100 of 100 metric filters.",)
    stand(world, 1, start="one-more")
    with pytest.raises(LimitExceeded, match=r"101 metric filters.*99 are not ours") as caught:
        world.plan(world.config(), world.detections())
    assert "Drop 1 or more" in caught.value.fix
    # What came after the plan was made is found before the first write.
    world.forget()
    with pytest.raises(LimitExceeded, match="101"):
        list(apply(plan, world.config(), world.detections(), world.clients(), world.clock))
    assert world.writes() == []


def test_a_full_group_is_changed_in_two_plans(on_stand_in: Any) -> None:
    world = on_stand_in
    world.built()
    stand(world, 98)
    with pytest.raises(LimitExceeded, match="for a while") as caught:
        world.plan(world.config(), world.detections("walkthrough")[2:4])
    assert "two plans" in caught.value.fix


def test_regular_expressions_count_with_those_of_others(on_stand_in: Any) -> None:
    world = on_stand_in
    group(world)
    stand(world, 4, REGEX)
    first, second = world.detections()
    assert regexes_in(REGEX) == 1
    assert regexes_in("{ broken") == 0
    one = (replace(first, pattern=REGEX), second)
    assert world.plan(world.config(), one).checks.warnings == ()
    two = (replace(first, pattern=REGEX), replace(second, pattern=REGEX))
    with pytest.raises(LimitExceeded, match=r"6 filters with regular expressions.*4 stand"):
        world.plan(world.config(), two)


def test_a_sixth_trail_is_refused_before_anything_is_made(on_stand_in: Any) -> None:
    world = on_stand_in
    world.aws.call("s3", "CreateBucket", Bucket="theirs")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::theirs", "arn:aws:s3:::theirs/*"],
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    world.aws.call("s3", "PutBucketPolicy", Bucket="theirs", Policy=json.dumps(policy))
    for n in range(4):
        world.aws.call("cloudtrail", "CreateTrail", Name=f"theirs-{n}", S3BucketName="theirs")
    plan = world.plan(world.config(), world.detections())
    assert any("last of the 5 trails" in one for one in plan.checks.warnings)
    world.aws.call("cloudtrail", "CreateTrail", Name="theirs-5", S3BucketName="theirs")
    with pytest.raises(LimitExceeded, match="no room for the trail") as caught:
        world.plan(world.config(), world.detections())
    assert "theirs-0" in caught.value.why


def test_what_would_be_lost_is_said(on_stand_in: Any) -> None:
    world = on_stand_in
    config = world.built()
    for key in ("a", "b", "a"):
        world.aws.call("s3", "PutObject", Bucket=config.bucket, Key=key, Body=b"x")
    plan = make_destroy_plan(
        config, world.detections(), world.clients(), world.clock, include=("bucket", "log_group")
    )
    assert len(plan.checks.warnings) == 2
    assert any("3 versions are in it" in one for one in plan.checks.warnings)
    left = make_destroy_plan(config, world.detections(), world.clients(), world.clock)
    assert left.checks.warnings == ()


def test_a_plan_that_was_stored_before_there_were_checks_is_read(on_moto: Any) -> None:
    plan = on_moto.plan(on_moto.config(), on_moto.detections())
    data = json.loads(plan.to_json())
    del data["checks"]
    assert Plan.from_json(json.dumps(data)) == replace(plan, checks=Checks())
