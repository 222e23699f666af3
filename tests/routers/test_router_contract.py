"""One contract for all on-call services: what an alert's life looks like through its router."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import opsgenie_sdk
import pytest

from sandbox.faults import Fault, Faults
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.opsgenie.jsm import CLOUD_ID, EMAIL
from sandbox.wire import CallLog, Sender
from trailwatch.alarm_message import AlarmMessage
from trailwatch.alert import AlertState
from trailwatch.clock import utc_now
from trailwatch.errors import RouterError
from trailwatch.routers.direct import DirectRouter, receive
from trailwatch.routers.jsm import JsmRouter
from trailwatch.routers.opsgenie import OpsgenieRouter
from trailwatch.routers.router import AlertRouter, RoutedAlert, Routers, marked, router_of
from trailwatch.store.database import Database, open_database

NAMES = ("opsgenie", "jsm", "direct")


@dataclass(frozen=True)
class World:
    opsgenie: OpsgenieStandIn
    faults: Faults
    db: Database

    def router(self, name: str) -> AlertRouter:
        if name == "opsgenie":
            return OpsgenieRouter(self.opsgenie.url, self.opsgenie.alert_key)
        if name == "jsm":
            one = self.opsgenie
            return JsmRouter(one.url, CLOUD_ID, EMAIL, one.jsm_token, one.alert_key)
        return DirectRouter(self.db, utc_now)

    def made(self, name: str, alias: str) -> str:
        """The id of a new alert in that service."""
        if name == "direct":
            message = AlarmMessage(alias, alias, "ALARM", description="[P2] d")
            with self.db.transaction() as tx:
                made = receive(tx, message, utc_now(), site="main", auto_close=False)
            assert made is not None
            return made.id
        configuration = opsgenie_sdk.Configuration()
        configuration.host = self.opsgenie.url
        configuration.api_key = {"Authorization": self.opsgenie.api_key}
        if name == "jsm":
            configuration.host += "/jsm/ops/integration"
        api = opsgenie_sdk.AlertApi(opsgenie_sdk.ApiClient(configuration=configuration))
        body = opsgenie_sdk.CreateAlertPayload(
            message=alias, alias=alias, tags=["trailwatch"], details={"alarm_name": alias}
        )
        api.create_alert(body, _request_timeout=30)
        return until(lambda: next(a["id"] for a in self.opsgenie.alerts() if a["alias"] == alias))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    calls, faults = CallLog(), Faults(random.Random(1).random)
    stand_in = OpsgenieStandIn(
        calls=calls, faults=faults, sender=Sender(calls, faults), processing_delay=0.01
    )
    stand_in.start()
    db = open_database(f"sqlite:///{tmp_path_factory.mktemp('db') / 'a.db'}")
    yield World(stand_in, faults, db)
    db.close()
    stand_in.stop()


def until(look: Callable[[], str]) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return look()
        except StopIteration:
            time.sleep(0.01)
    raise AssertionError("waited in vain")


def done(router: AlertRouter, request: str) -> None:
    deadline = time.monotonic() + 60
    while not (status := router.request_status(request)).done:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert status.success, status


def state(router: AlertRouter, alert_id: str) -> RoutedAlert:
    found = router.find(alert_id)
    assert found is not None
    return found


@pytest.mark.parametrize("name", NAMES)
def test_an_alerts_life(world: World, name: str) -> None:
    router = world.router(name)
    assert router.name == name
    alert_id = world.made(name, f"life-{name}")
    found = state(router, alert_id)
    assert (found.id, found.alias, found.state) == (alert_id, f"life-{name}", AlertState.OPEN)
    assert found.details["alarm_name"] == f"life-{name}"
    assert alert_id in [one.id for one in router.list_open()]

    done(router, router.acknowledge(alert_id, "bob@example.com", "mine"))
    found = state(router, alert_id)
    assert (found.state, found.acknowledged_by) == (AlertState.ACKNOWLEDGED, "bob@example.com")
    done(router, router.unacknowledge(alert_id, "bob@example.com"))
    assert state(router, alert_id).state is AlertState.OPEN
    later = datetime.now(UTC) + timedelta(hours=1)
    done(router, router.snooze(alert_id, "bob@example.com", later))
    assert state(router, alert_id).state is AlertState.SNOOZED
    done(router, router.add_note(alert_id, "bob@example.com", "looking"))
    notes, log = router.notes(alert_id), router.log(alert_id)
    if name != "direct":
        assert [(one.text, one.by) for one in notes] == [
            ("mine", "bob@example.com"),
            ("looking", "bob@example.com"),
        ]
        assert [one.text for one in log][:2] == ["Alert created", "Acknowledged alert"]
        assert notes == router.notes(alert_id)

    before = state(router, alert_id).updated_at
    done(router, router.close(alert_id, "eve@example.com"))
    found = state(router, alert_id)
    assert (found.state, found.closed_by) == (AlertState.CLOSED, "eve@example.com")
    assert found.updated_at >= before
    assert alert_id not in [one.id for one in router.list_open()]


@pytest.mark.parametrize("name", ["opsgenie", "jsm"])
def test_more_notes_than_a_page_holds(world: World, name: str) -> None:
    router = world.router(name)
    alert_id = world.made(name, f"notes-{name}")
    for number in range(105):
        world.opsgenie.act(alert_id, "note", {"note": f"n{number}", "user": "eve@example.com"})
    found = router.notes(alert_id)
    assert [one.text for one in found] == [f"n{number}" for number in range(105)]
    assert len({one.id for one in found}) == 105


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_there(world: World, name: str) -> None:
    assert world.router(name).find("5f3c0000-0000-4000-8000-000000000000-1700000000000") is None


@pytest.mark.parametrize("name", ["opsgenie", "jsm"])
def test_an_outage_may_pass_and_a_wrong_key_does_not(world: World, name: str) -> None:
    router = world.router(name)
    alert_id = world.made(name, f"outage-{name}")
    world.faults.add(Fault("opsgenie", "", "status", status=503, count=1))
    with pytest.raises(RouterError) as away:
        router.acknowledge(alert_id, "bob")
    assert (away.value.code, away.value.retryable) == ("503", True)
    one = world.opsgenie
    wrong: AlertRouter = OpsgenieRouter(one.url, "wrong")
    if name == "jsm":
        wrong = JsmRouter(one.url, CLOUD_ID, EMAIL, "wrong", "wrong")
    for call in (lambda: wrong.acknowledge(alert_id, "bob"), lambda: wrong.find(alert_id)):
        with pytest.raises(RouterError) as refused:
            call()
        assert (refused.value.code, refused.value.retryable) == ("401", False)


def test_all_together_say_whose_an_alert_is(world: World) -> None:
    both = Routers([world.router(name) for name in NAMES], lambda: NAMES)
    ids = {name: marked(name, world.made(name, f"all-{name}")) for name in NAMES}
    assert {name: router_of(ident) for name, ident in ids.items()} == {n: n for n in NAMES}
    for ident in ids.values():
        done(both, both.acknowledge(ident, "bob@example.com"))
        assert state(both, ident).id == ident
    listed = {one.id for one in both.list_open()}
    # The stand-in is the same for two of them, so that both list each other's.
    assert set(ids.values()) <= listed


def test_a_service_that_is_not_set_up_says_so(world: World) -> None:
    alone = Routers([world.router("direct")], lambda: ["direct"])
    with pytest.raises(RouterError, match="no way to jsm"):
        alone.find("jsm:1")
