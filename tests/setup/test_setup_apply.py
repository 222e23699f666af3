"""A plan is applied whole or says where it stopped; the next plan is the repair."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sandbox.faults import Fault
from setup.apply import ProgressState, apply
from setup.change import Action
from setup.plan import Plan, Purpose, make_destroy_plan
from trailwatch.errors import AwsError, ConfigError, StalePlan


def run(world: Any, plan: Plan, config: Any, detections: Any, **options: Any) -> list[Any]:
    return list(apply(plan, config, detections, world.clients(), world.clock, **options))


def test_a_second_apply_writes_nothing(world: Any) -> None:
    config, detections = world.config(), world.detections()
    plan = world.plan(config, detections)
    assert plan.count(Action.CREATE) == len(plan.changes) == 12
    assert world.writes() == []
    progress = world.apply(config, detections, plan)
    assert world.ends(progress) == {"done": 12}
    assert [one.change for one in progress if one.state == "doing"] == list(plan.changes)

    world.forget()
    again = world.plan(config, detections)
    assert again.empty
    assert again.unchanged == 12
    assert world.apply(config, detections, again) == []
    assert world.writes() == []


def test_a_plan_of_all_packs_takes_few_calls(world: Any) -> None:
    config = world.built("cis")
    assert world.plan(config, world.detections("cis")).empty
    # GetCallerIdentity is asked once for each set of credentials.
    assert len(world.seen) + 1 <= 18, world.seen


def test_what_is_no_longer_wanted_goes(on_moto: Any) -> None:
    world = on_moto
    config = world.built()
    kept = world.detections()[1:]
    plan = world.plan(config, kept)
    gone = world.detections()[0]
    assert [change.key for change in plan.changes] == [
        f"alarm:{config.alarm_name(gone.id)}",
        f"metric_filter:{config.alarm_name(gone.id)}",
    ]
    assert {change.action for change in plan.changes} == {Action.DELETE}
    assert world.ends(world.apply(config, kept, plan)) == {"done": 2}
    assert world.plan(config, kept).empty


def test_a_plan_is_stale_when_the_world_moved(on_moto: Any) -> None:
    world = on_moto
    config = world.built()
    dropped = world.detections()[1:]
    plan = world.plan(config, dropped)
    world.aws.call("cloudtrail", "StopLogging", Name=config.trail)
    world.forget()
    with pytest.raises(StalePlan, match="trail:trailwatch"):
        world.apply(config, dropped, plan)
    assert world.writes() == []


def test_a_plan_expires(on_moto: Any) -> None:
    config, detections = on_moto.config(), on_moto.detections()
    plan = on_moto.plan(config, detections)
    late = plan.expires_at + timedelta(seconds=1)
    with pytest.raises(StalePlan, match="expired"):
        list(apply(plan, config, detections, on_moto.clients(), lambda: late))
    assert on_moto.writes() == []


def test_a_failure_stops_and_the_next_plan_goes_on(on_stand_in: Any) -> None:
    world = on_stand_in
    config, detections = world.config(), world.detections()
    plan = world.plan(config, detections)
    world.faults.add(Fault("aws", "CreateTopic", "status", 403))
    progress = world.apply(config, detections, plan)
    ended = [one for one in progress if one.state is not ProgressState.DOING]
    failed = next(one for one in ended if one.state is ProgressState.FAILED)
    assert failed.change.kind == "topic"
    assert isinstance(failed.error, AwsError)
    assert failed.error.permission == "sns:CreateTopic"
    at = ended.index(failed)
    assert {one.state for one in ended[:at]} == {ProgressState.DONE}
    assert {one.state for one in ended[at + 1 :]} == {ProgressState.NOT_TRIED}

    world.faults.clear()
    rest = world.plan(config, detections)
    assert [c.key for c in rest.changes] == [one.change.key for one in ended[at:]]
    assert world.ends(world.apply(config, detections, rest)) == {"done": len(rest.changes)}


def test_an_apply_that_was_killed_is_resumed(on_moto: Any) -> None:
    world = on_moto
    config, detections = world.config(), world.detections()
    plan = world.plan(config, detections)
    work = apply(plan, config, detections, world.clients(), world.clock)
    for one in work:
        if one.change.kind == "trail" and one.state is ProgressState.DONE:
            break
    work.close()
    with pytest.raises(StalePlan):
        run(world, plan, config, detections)
    progress = run(world, plan, config, detections, resume=True)
    assert world.ends(progress) == {"done": 8}
    assert world.plan(config, detections).empty


def test_resuming_never_does_more_than_was_approved(on_moto: Any) -> None:
    world = on_moto
    config, detections = world.config(), world.detections()
    plan = world.plan(config, detections[:1])
    with pytest.raises(StalePlan):
        run(world, plan, config, detections, resume=True)
    assert world.writes() == []


def test_answers_that_are_lost_after_the_effect_do_no_harm(on_stand_in: Any) -> None:
    world = on_stand_in
    config, detections = world.config(), world.detections()
    plan = world.plan(config, detections)
    for operation in ("CreateLogGroup", "CreateRole", "CreateTrail", "CreateTopic", "Subscribe"):
        world.faults.add(Fault("aws", operation, "lost", count=1))
    assert world.ends(world.apply(config, detections, plan)) == {"done": 12}
    assert world.plan(config, detections).empty


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("log group", lambda world, config: _log_group(world, config)),
        ("role", lambda world, config: _role(world, config)),
        ("SNS topic", lambda world, config: _topic(world, config)),
        ("bucket", lambda world, config: _bucket(world, config)),
    ],
)
def test_a_strangers_resource_is_named_and_left_alone(world: Any, kind: str, make: Any) -> None:
    config = world.config()
    make(world, config)
    with pytest.raises(ConfigError, match=kind) as caught:
        world.plan(config, world.detections())
    assert "trailwatch:site" in caught.value.why
    assert world.writes() == []


def _log_group(world: Any, config: Any) -> None:
    world.aws.call("logs", "CreateLogGroup", logGroupName=config.log_group)


def _role(world: Any, config: Any) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    world.aws.call("iam", "CreateRole", RoleName=config.role, AssumeRolePolicyDocument=document)


def _topic(world: Any, config: Any) -> None:
    world.aws.call("sns", "CreateTopic", Name=config.topic)


def _bucket(world: Any, config: Any) -> None:
    world.aws.call("s3", "CreateBucket", Bucket=config.bucket)
    world.aws.call("s3", "PutObject", Bucket=config.bucket, Key="theirs", Body=b"data")


def test_a_bucket_that_was_made_and_not_yet_marked_is_ours(world: Any) -> None:
    config = world.config()
    world.aws.call("s3", "CreateBucket", Bucket=config.bucket)
    plan = world.plan(config, world.detections())
    assert plan.changes[0].action is Action.UPDATE
    assert set(world.ends(world.apply(config, world.detections(), plan))) == {"done"}


def test_another_sites_alarms_are_not_strays(on_moto: Any) -> None:
    world = on_moto
    config = world.built()
    other = replace(
        config, prefix="trailwatch-eu", site=replace(config.site, name="eu"), router_url=""
    )
    assert set(world.ends(world.apply(other, world.detections()))) == {"done"}
    assert world.plan(config, world.detections()).empty


def test_destroy_keeps_the_evidence_unless_it_is_named(world: Any) -> None:
    config, detections = world.built(), world.detections()
    plan = make_destroy_plan(config, detections, world.clients(), world.clock)
    assert plan.purpose is Purpose.DESTROY
    assert {change.action for change in plan.changes} == {Action.DELETE}
    kinds = [change.kind for change in plan.changes]
    assert (kinds[0], kinds[-1]) == ("subscription", "role")
    assert len(plan.notes) == 2
    assert plan.cost.after == 0
    assert world.ends(world.apply(config, detections, plan)) == {"done": 10}
    assert world.plan(config, detections).unchanged == 2

    rest = make_destroy_plan(
        config, detections, world.clients(), world.clock, include=("bucket", "log_group")
    )
    assert [change.kind for change in rest.changes] == ["log_group", "bucket"]
    assert world.ends(world.apply(config, detections, rest)) == {"done": 2}
    assert world.plan(config, detections).count(Action.CREATE) == 12


def test_credentials_of_another_account_are_refused(on_moto: Any) -> None:
    config = on_moto.config()
    elsewhere = replace(config, site=replace(config.site, account="111112123333"))
    with pytest.raises(ConfigError, match="111112123333"):
        on_moto.plan(elsewhere, on_moto.detections())


def test_a_pipeline_without_opsgenie_ends_at_the_topic(on_moto: Any) -> None:
    config = on_moto.config(router_url="")
    clients = on_moto.clients()
    clients._integrations = None
    plan = on_moto.plan(config, on_moto.detections())
    assert len(plan.changes) == 9
    assert on_moto.ends(on_moto.apply(config, on_moto.detections(), plan)) == {"done": 9}


def test_writes_to_cloudtrail_are_paced(on_moto: Any) -> None:
    waits: list[float] = []
    clients = on_moto.clients(pace=60.0, sleep=waits.append)
    config, detections = on_moto.config(), on_moto.detections()
    plan = on_moto.plan(config, detections)
    list(apply(plan, config, detections, clients, on_moto.clock))
    # CreateTrail, PutEventSelectors, PutInsightSelectors, StartLogging.
    assert len(waits) == 3
    assert all(30 < wait <= 60 for wait in waits)
