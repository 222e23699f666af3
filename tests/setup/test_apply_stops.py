"""An apply waits out throttling, stops on demand, and tells what AWS shows otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sandbox.faults import Fault
from setup.apply import ProgressState, apply


def test_throttling_is_waited_out_with_growing_uneven_pauses(on_stand_in: Any) -> None:
    world = on_stand_in
    pauses: list[float] = []
    config, detections = world.config(), world.detections()
    plan = world.plan(config, detections)
    # Each try of ours is two calls of botocore's.
    world.faults.add(Fault("aws", "CreateTopic", "status", 429, count=10))
    clients = world.clients(sleep=pauses.append)
    assert set(world.ends(apply(plan, config, detections, clients, world.clock))) == {"done"}
    assert len(pauses) >= 5
    assert pauses[4] > pauses[0]
    assert all(0 < pause <= 5 for pause in pauses)
    assert len(set(pauses)) == len(pauses)


def test_a_stop_is_heard_between_two_changes(on_stand_in: Any) -> None:
    world = on_stand_in
    config, detections = world.config(), world.detections()
    plan = world.plan(config, detections)
    heard: list[int] = []

    def stop() -> bool:
        heard.append(1)
        return len(heard) > 3

    clients = world.clients()
    progress = list(apply(plan, config, detections, clients, world.clock, stop=stop))
    ended = [one for one in progress if one.state is not ProgressState.DOING]
    assert [str(one.state) for one in ended[:3]] == ["done"] * 3
    assert {str(one.state) for one in ended[3:]} == {"not tried"}
    assert [one.change for one in ended] == list(plan.changes)
    rest = world.plan(config, detections)
    assert rest.unchanged == 3
    assert set(world.ends(world.apply(config, detections, rest))) == {"done"}


def test_what_somebody_changes_meanwhile_is_read_back_and_told(on_moto: Any) -> None:
    world = on_moto
    config, detections = world.built(), world.detections()
    wanted = replace(config, retention_days=30)
    heard: list[int] = []

    def meddle() -> bool:
        if heard:
            world.aws.call("logs", "PutRetentionPolicy", logGroupName=config.log_group,
                           retentionInDays=7)  # fmt: skip
        heard.append(1)
        return False

    fewer = detections[:1]  # so that two deletions follow the log group's change
    plan = world.plan(wanted, fewer)
    clients = world.clients(sleep=lambda seconds: None)
    progress = list(apply(plan, wanted, fewer, clients, world.clock, stop=meddle))
    failed = [one for one in progress if one.state is ProgressState.FAILED]
    assert [one.change.key for one in failed] == [f"log_group:{config.log_group}"]
    assert "retention_days is 7, not 30" in str(failed[0].error)
