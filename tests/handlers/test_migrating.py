"""A site that moves from Opsgenie to the bot alone, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from setup.migrate import canary_arn, fire
from trailwatch.alert import Alert, AlertState
from trailwatch.errors import ConfigError
from trailwatch.store import alerts

TOPIC = "arn:aws:sns:us-east-1:123456789012:trailwatch-alarms"
ALARM = "trailwatch-root-console-login"
ARN = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{ALARM}"


@pytest.fixture(scope="module")
def moving(make_listener: Callable[..., Any]) -> Any:
    house = make_listener()
    house.plan_and_apply("--pack walkthrough")
    return house


def endpoints(house: Any) -> list[str]:
    found = house.client("sns").list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    return [one["Endpoint"].partition("?")[0] for one in found]


def confirmed(house: Any) -> int:
    found = house.client("sns").list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    return sum(one["SubscriptionArn"].startswith("arn:") for one in found)


def integrations(house: Any) -> list[str]:
    return [one["name"] for one in house.deps.setup_clients().integrations.list()]


def both(house: Any) -> list[Alert]:
    with house.deps.db.reading() as tx:
        return [one for one in alerts.list_open(tx) if one.alias == ARN]


def test_an_alarm_that_both_tell_of_is_one_alert(moving: Any, until: Callable[..., Any]) -> None:
    """Opsgenie told of it first; the bot's own subscription tells of it, too."""
    cloudwatch = moving.client("cloudwatch")

    def go(state: str) -> None:
        cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue=state, StateReason="because")

    go("ALARM")
    (first,) = until(lambda: both(moving))
    assert not first.router_id.startswith("direct:")
    moving.client("sns").subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=moving.url)
    until(lambda: confirmed(moving) == 2)
    go("OK")
    go("ALARM")

    def twins() -> tuple[str, ...]:
        with moving.deps.db.reading() as tx:
            return alerts.twins(tx, first.id)

    (twin,) = until(twins)
    assert twin.startswith("direct:")
    moving.job("alert.reconcile")
    (one,) = both(moving)
    assert one.id == first.id
    assert len(moving.messages("alert:")) == len({m["key"] for m in moving.messages("alert:")})

    moving.click("alert.acknowledge", first.id)
    until(lambda: moving.work() or both(moving)[0].state is AlertState.ACKNOWLEDGED)
    found = moving.deps.router.find(twin)
    assert found is not None
    assert found.state is AlertState.ACKNOWLEDGED
    moving.click("alert.close", first.id)
    until(lambda: moving.work() or not both(moving))


def test_a_plan_moves_the_site_and_leaves_nothing_behind(moving: Any) -> None:
    assert any(one.endswith("/v1/json/amazonsns") for one in endpoints(moving))
    made = [name for name in integrations(moving) if name.startswith("trailwatch-main")]
    assert len(made) == 2
    moving.plan_and_apply("--set router=direct")
    assert endpoints(moving) == [moving.url]
    assert not set(made) & set(integrations(moving))
    moving.plan_and_apply()
    assert "Nothing to change" in moving.messages("plan:")[-1]["text"]


def test_migrate_tells_both_tests_and_ends_the_old_way(
    moving: Any, until: Callable[..., Any]
) -> None:
    """From the bot alone to Opsgenie, by the command, one step after the other."""
    reply = moving.command("migrate --to opsgenie")
    assert "Step 1" in reply.text
    plan = moving.messages("plan:")[-1]["key"].split(":")[1]
    moving.command(f"setup apply {plan}")
    assert len(endpoints(moving)) == 2
    reply = moving.command("migrate --to opsgenie")
    assert "Step 2" in reply.text

    def last_plan() -> str:
        moving.pass_time(seconds=2)
        moving.job("alert.reconcile")
        found = str(moving.messages("plan:")[-1]["key"].split(":")[1])
        return "" if found == plan else found

    last = until(last_plan)
    assert "came by direct and by opsgenie" in str(moving.told()[-1:] or moving.told())
    moving.command(f"setup apply {last}")
    (left,) = endpoints(moving)
    assert left.endswith("/v1/json/amazonsns")
    alarms = moving.client("cloudwatch").describe_alarms(AlarmNames=["trailwatch-canary"])
    assert alarms["MetricAlarms"] == []
    assert "already" in moving.command("migrate --to opsgenie").text


def test_it_goes_back_as_well(moving: Any) -> None:
    moving.plan_and_apply("--set router=opsgenie")
    (back,) = endpoints(moving)
    assert back.endswith("/v1/json/amazonsns")


def test_what_the_settings_lack_is_said_at_once(moving: Any) -> None:
    with pytest.raises(ConfigError, match="JSM_CLOUD_ID is missing"):
        moving.command("migrate --to jsm")


def test_what_an_earlier_test_left_proves_nothing(moving: Any, until: Callable[..., Any]) -> None:
    """The bot was killed while a test ran: its alarm is on, its alert open in both services. Now
    the new one is told no more.
    """
    moving.plan_and_apply("--set beside=direct")
    until(lambda: confirmed(moving) == 2)
    config = moving.deps.sites.config("")
    fire(config, moving.deps.setup_clients())

    def in_both() -> bool:
        moving.work()
        with moving.deps.db.reading() as tx:
            alert = alerts.open_by_alias(tx, canary_arn(config))
            return alert is not None and bool(alerts.twins(tx, alert.id))

    until(in_both)
    sns = moving.client("sns")
    for one in sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]:
        if one["Endpoint"] == moving.url:
            sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
    moving._told.clear()
    moving.command("migrate --to direct")

    def said() -> str:
        moving.pass_time(seconds=45)
        moving.job("alert.reconcile")
        return str(moving.told())

    until(lambda: "test alarm" in said())
    assert "did not come by direct." in said()
    assert "router=direct" not in str(moving.messages("plan:")[-1])
