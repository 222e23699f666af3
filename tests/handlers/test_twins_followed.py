"""What somebody does in one on-call service is done in the other that a site moves to or from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from handlers import intake
from handlers.direct import take_alarm
from trailwatch.alarm_message import AlarmMessage
from trailwatch.alert import Alert, AlertState
from trailwatch.store import alert_notes, alerts

TOPIC = "arn:aws:sns:us-east-1:123456789012:trailwatch-alarms"
ALARM = "trailwatch-root-console-login"
ARN = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{ALARM}"
EVE = "eve@example.com"


@pytest.fixture(scope="module")
def moving(make_listener: Callable[..., Any], until: Callable[..., Any]) -> Any:
    """A house whose alarms come by Opsgenie and by the bot's own subscription."""
    house = make_listener()
    house.plan_and_apply("--pack walkthrough")
    house.plan_and_apply("--set beside=direct")
    return house


def go(house: Any, state: str) -> None:
    house.client("cloudwatch").set_alarm_state(
        AlarmName=ALARM, StateValue=state, StateReason="because"
    )


def newest(house: Any) -> Alert | None:
    with house.deps.db.reading() as tx:
        return alerts.newest_by_alias(tx, ARN)


def both_ids(house: Any) -> tuple[str, str]:
    """Opsgenie's id and the bot's own of the newest alert; () while one is missing."""
    alert = newest(house)
    if alert is None or alert.state is AlertState.CLOSED:
        return ()  # type: ignore[return-value]
    with house.deps.db.reading() as tx:
        ids = (alert.router_id, *alerts.twins(tx, alert.id))
    direct = [one for one in ids if one.startswith("direct:")]
    other = [one for one in ids if not one.startswith("direct:")]
    return (other[0], direct[0]) if direct and other else ()  # type: ignore[return-value]


@pytest.fixture
def ids(moving: Any, until: Callable[..., Any]) -> Iterator[tuple[str, str]]:
    moving.faults.clear()
    go(moving, "ALARM")
    found = until(lambda: moving.work() or both_ids(moving))
    yield found
    moving.faults.clear()
    for one in found:
        if state_of(moving, one) is not AlertState.CLOSED:
            moving.deps.router.close(one, EVE)
    go(moving, "OK")
    until(lambda: moving.job("alert.reconcile") or closed(moving, found))


def closed(house: Any, ids: tuple[str, str]) -> bool:
    alert = newest(house)
    states = {state_of(house, one) for one in ids}
    return bool(alert and alert.state is AlertState.CLOSED and states == {AlertState.CLOSED})


def state_of(house: Any, router_id: str) -> AlertState:
    found = house.deps.router.find(router_id)
    assert found is not None
    state: AlertState = found.state
    return state


def settle(house: Any, until: Callable[..., Any], ids: tuple[str, str], state: AlertState) -> None:
    """Both services and the message are in a state."""

    def there() -> bool:
        house.work()
        alert = newest(house)
        states = {state_of(house, one) for one in ids}
        return alert is not None and states | {alert.state} == {state}

    until(there)


def act(house: Any, ids: tuple[str, str], action: str, **body: str) -> None:
    house.opsgenie.act(ids[0], action, {"user": EVE, **body})


def by_hand(house: Any, alert_id: str, action: str) -> None:
    """Somebody acts in the bot's own service, as it would be in any other; then it is told."""
    getattr(house.deps.router, action)(alert_id, EVE)
    house.job("alert.confirm", router_id=alert_id, by=EVE, action="", at=None, noted="")


def failed(house: Any) -> list[str]:
    house.work()
    return [one["text"] for one in house.messages(":twin:")]


def test_acknowledged_and_closed_in_one_is_so_in_the_other(
    moving: Any, until: Callable[..., Any], ids: tuple[str, str]
) -> None:
    act(moving, ids, "acknowledge")
    settle(moving, until, ids, AlertState.ACKNOWLEDGED)
    there = moving.deps.router.find(ids[1])
    assert there.acknowledged_by == EVE
    act(moving, ids, "unacknowledge")
    settle(moving, until, ids, AlertState.OPEN)
    act(moving, ids, "close")
    settle(moving, until, ids, AlertState.CLOSED)
    assert failed(moving) == []


def test_the_same_the_other_way_round(
    moving: Any, until: Callable[..., Any], ids: tuple[str, str]
) -> None:
    by_hand(moving, ids[1], "acknowledge")
    settle(moving, until, ids, AlertState.ACKNOWLEDGED)
    assert moving.deps.router.find(ids[0]).acknowledged_by == EVE
    by_hand(moving, ids[1], "unacknowledge")
    settle(moving, until, ids, AlertState.OPEN)
    assert {one.by for one in moving.deps.router.log(ids[0]) if "nack" in one.text} == {EVE}
    by_hand(moving, ids[1], "close")
    settle(moving, until, ids, AlertState.CLOSED)


def test_a_snooze_is_as_long_in_both_and_can_be_made_longer(
    moving: Any, until: Callable[..., Any], ids: tuple[str, str]
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)

    def there(end: datetime) -> bool:
        moving.work()
        alert = newest(moving)
        ends = {moving.deps.router.find(one).snoozed_until for one in ids}
        return alert is not None and ends | {alert.snoozed_until} == {end}

    for hours in (1, 4):
        end = now + timedelta(hours=hours)
        act(moving, ids, "snooze", endTime=end.isoformat())
        settle(moving, until, ids, AlertState.SNOOZED)
        until(partial(there, end))


def test_that_it_is_open_still_in_the_other_undoes_nothing(
    moving: Any, until: Callable[..., Any], ids: tuple[str, str]
) -> None:
    """Acknowledged in Opsgenie, which the bot's own service has not heard of; it goes off again."""
    deps = moving.deps
    direct = deps.router.find(ids[1])
    act(moving, ids, "acknowledge")
    until(lambda: deps.router.find(ids[0]).state is AlertState.ACKNOWLEDGED)
    config = deps.sites.watching(ARN)
    with deps.db.transaction() as tx:
        intake.confirmed(deps, tx, deps.router.find(ids[0]), config, by=EVE)
        later = direct.updated_at + timedelta(minutes=5)
        again = type(direct)(**{**vars(direct), "updated_at": later, "count": 7})
        intake.confirmed(deps, tx, again, config)
    alert = newest(moving)
    assert alert is not None
    assert (alert.state, alert.count) == (AlertState.ACKNOWLEDGED, 7)
    settle(moving, until, ids, AlertState.ACKNOWLEDGED)


def test_that_the_alarm_is_quiet_again_is_told_once(
    moving: Any, until: Callable[..., Any], ids: tuple[str, str]
) -> None:
    alert = newest(moving)
    assert alert is not None
    until(lambda: [m for m in moving.messages() if m["key"] == f"alert:{alert.id}"])
    go(moving, "OK")

    def both_told() -> bool:
        moving.job("alert.reconcile")
        with moving.deps.db.reading() as tx:
            kept = [one.router_id for one in alert_notes.of_alert(tx, alert.id)]
        own = moving.deps.router.find(ids[1]).details.get("alarm_state")
        return ids[0] in kept and own == "OK"

    until(both_told)
    lines = [m["text"] for m in moving.messages(f"alert:{alert.id}:")]
    assert sum("went back to OK" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("action", "state"), [("acknowledge", AlertState.ACKNOWLEDGED), ("close", AlertState.CLOSED)]
)
def test_who_tells_of_it_late_is_told_what_was_done(
    moving: Any, until: Callable[..., Any], action: str, state: AlertState
) -> None:
    """Acknowledged, or closed even, before the second service has the alert."""
    deps, sns = moving.deps, moving.client("sns")
    for one in sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]:
        if one["Endpoint"] == moving.url:
            sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
    before = newest(moving)
    assert before is not None

    def come() -> Alert | None:
        moving.work()
        found = newest(moving)
        return found if found is not None and found.id != before.id else None

    go(moving, "ALARM")
    alert = until(come)
    moving.opsgenie.act(alert.router_id, action, {"user": EVE})
    until(lambda: moving.job("alert.reconcile") or newest(moving).state is state)  # type: ignore[union-attr]
    message = AlarmMessage(
        ALARM, ARN, "ALARM", account="123456789012", changed_at=alert.fields.state_change
    )
    with deps.db.transaction() as tx:
        take_alarm(deps, tx, message, deps.sites.watching(ARN), key="late")
        (late,) = alerts.twins(tx, alert.id)
    until(lambda: moving.work() or state_of(moving, late) is state)
    assert deps.router.find(late).id == late
    found = newest(moving)
    assert found is not None
    assert (found.id, found.state) == (alert.id, state)
    if state is not AlertState.CLOSED:
        moving.opsgenie.act(alert.router_id, "close", {"user": EVE})
    go(moving, "OK")
    until(lambda: moving.job("alert.reconcile") or closed(moving, (alert.router_id, late)))
