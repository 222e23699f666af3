"""A site that moves from Opsgenie to the bot alone, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

TOPIC = "arn:aws:sns:us-east-1:123456789012:trailwatch-alarms"


@pytest.fixture(scope="module")
def moving(make_listener: Callable[..., Any]) -> Any:
    house = make_listener()
    house.plan_and_apply("--pack walkthrough")
    return house


def endpoints(house: Any) -> list[str]:
    found = house.client("sns").list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    return [one["Endpoint"].partition("?")[0] for one in found]


def integrations(house: Any) -> list[str]:
    return [one["name"] for one in house.deps.setup_clients().integrations.list()]


def test_a_plan_moves_the_site_and_leaves_nothing_behind(moving: Any) -> None:
    (old,) = endpoints(moving)
    assert old.endswith("/v1/json/amazonsns")
    made = [name for name in integrations(moving) if name.startswith("trailwatch-main")]
    assert len(made) == 2
    moving.plan_and_apply("--set router=direct")
    assert endpoints(moving) == [moving.url]
    assert not set(made) & set(integrations(moving))
    moving.plan_and_apply()
    assert "Nothing to change" in moving.messages("plan:")[-1]["text"]


def test_it_goes_back_as_well(moving: Any) -> None:
    moving.plan_and_apply("--set router=opsgenie")
    (back,) = endpoints(moving)
    assert back.endswith("/v1/json/amazonsns")
