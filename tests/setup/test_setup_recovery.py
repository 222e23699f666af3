"""Whatever happens in the middle of an apply, the next one finishes it and does no harm."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.wire import Fault
from setup.apply import apply

READS = ("Get", "Describe", "List")


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("write", [0, 1, 9, 11, 14, 18, 22])
def test_killed_before_any_write_it_is_resumed(on_stand_in: Any, write: int) -> None:
    """Writes in order: the bucket and its tags, …, the role, the trail, logging, the topic, …"""
    world = on_stand_in
    config, detections = world.config(), world.detections()
    plan = world.plan(config, detections)
    left = write

    def kill(service: str, operation: str) -> None:
        nonlocal left
        if not operation.startswith(READS):
            if left == 0:
                raise Killed
            left -= 1

    with pytest.raises(Killed):
        list(apply(plan, config, detections, world.clients(on_call=kill), world.clock))
    progress = apply(plan, config, detections, world.clients(), world.clock, resume=True)
    assert set(world.ends(progress)) == {"done"}
    assert world.plan(config, detections).empty


@pytest.mark.parametrize(
    ("target", "call", "kind", "status"),
    [
        ("aws", "PutBucketPolicy", "status", 403),
        ("aws", "CreateRole", "status", 429),
        ("aws", "CreateTrail", "reset", 0),
        ("aws", "PutMetricAlarm", "lost", 0),
        ("aws", "Subscribe", "status", 500),
        ("opsgenie", "POST /v2/integrations", "lost", 0),
        ("opsgenie", "PUT /v2/integrations", "status", 503),
    ],
)
def test_a_call_that_fails_for_a_while_leaves_nothing_behind(
    on_stand_in: Any, target: str, call: str, kind: str, status: int
) -> None:
    world = on_stand_in
    config, detections = world.config(), world.detections()
    world.faults.add(Fault(target, call, kind, status, count=3))
    world.ends(world.apply(config, detections))
    world.faults.clear()
    assert set(world.ends(world.apply(config, detections))) <= {"done"}
    assert world.plan(config, detections).empty
    names = [one["name"] for one in world.integrations.list()]
    assert len(names) == len(set(names))
    topic = config.site.topic_arn(config.topic)
    assert len(world.clients().subscriptions(topic)) == 1
