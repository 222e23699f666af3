"""Whatever happens in the middle of an apply, the next one finishes it and does no harm."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.wire import Fault


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
