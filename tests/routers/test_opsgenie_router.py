"""The router against the Opsgenie stand-in, through opsgenie-sdk."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.faults import Fault, Faults
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.wire import CallLog, Sender
from trailwatch.alert import AlertState
from trailwatch.errors import RouterError
from trailwatch.routers.opsgenie import OpsgenieRouter


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults(random.Random(1).random)


@pytest.fixture(scope="module")
def opsgenie(faults: Faults) -> Iterator[OpsgenieStandIn]:
    calls = CallLog()
    stand_in = OpsgenieStandIn(calls=calls, faults=faults, sender=Sender(calls, faults))
    stand_in.start()
    yield stand_in
    stand_in.stop()


@pytest.fixture
def router(opsgenie: OpsgenieStandIn, faults: Faults) -> Iterator[OpsgenieRouter]:
    faults.clear()
    yield OpsgenieRouter(opsgenie.url, opsgenie.alert_key)
    faults.clear()


def made(opsgenie: OpsgenieStandIn, alias: str) -> str:
    """The id of a new alert of ours."""
    import opsgenie_sdk

    configuration = opsgenie_sdk.Configuration()
    configuration.host = opsgenie.url
    configuration.api_key = {"Authorization": opsgenie.api_key}
    api = opsgenie_sdk.AlertApi(opsgenie_sdk.ApiClient(configuration=configuration))
    body = opsgenie_sdk.CreateAlertPayload(
        message="m", alias=alias, tags=["trailwatch"], description="d", details={"k": "v"}
    )
    api.create_alert(body, _request_timeout=30)
    return until(lambda: next((a["id"] for a in opsgenie.alerts() if a["alias"] == alias), None))


def until(look: Callable[[], str | None], seconds: float = 60) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def carried_out(router: OpsgenieRouter, request_id: str) -> None:
    until(lambda: "yes" if router.request_status(request_id).done else None)
    assert router.request_status(request_id).success


def test_an_alerts_life(opsgenie: OpsgenieStandIn, router: OpsgenieRouter) -> None:
    alert_id = made(opsgenie, "life")
    found = router.find(alert_id)
    assert found is not None
    assert (found.state, found.description, found.details) == (AlertState.OPEN, "d", {"k": "v"})
    carried_out(router, router.acknowledge(alert_id, "bob@example.com"))
    found = router.find(alert_id)
    assert found is not None
    assert (found.state, found.acknowledged_by) == (AlertState.ACKNOWLEDGED, "bob@example.com")
    carried_out(router, router.unacknowledge(alert_id, "bob@example.com"))
    carried_out(router, router.snooze(alert_id, "bob", datetime.now(UTC) + timedelta(hours=1)))
    snoozed = router.find(alert_id)
    assert snoozed is not None
    assert snoozed.state is AlertState.SNOOZED
    assert snoozed.snoozed_until is not None
    carried_out(router, router.add_note(alert_id, "bob", "looking"))
    carried_out(router, router.close(alert_id, "bob@example.com"))
    closed = router.find(alert_id)
    assert closed is not None
    assert (closed.state, closed.closed_by) == (AlertState.CLOSED, "bob@example.com")


def test_listing_pages_and_leaves_out_what_is_closed(
    opsgenie: OpsgenieStandIn, router: OpsgenieRouter
) -> None:
    first, second = made(opsgenie, "list-1"), made(opsgenie, "list-2")
    carried_out(router, router.close(first, "bob"))
    found = {alert.id for alert in router.list_open()}
    assert second in found
    assert first not in found


def test_a_page_that_is_refused_in_the_middle_is_asked_for_again(
    opsgenie: OpsgenieStandIn, router: OpsgenieRouter, faults: Faults
) -> None:
    for number in range(101):
        opsgenie.create({"message": f"page-{number}", "tags": ["trailwatch"]})
    faults.add(Fault("opsgenie", "GET /v2/alerts", "status", status=500, count=1))
    with pytest.raises(RouterError):
        router.list_open()  # the first page: whoever asks has a patience of their own
    asked: list[str] = []
    take = faults.take

    def second(target: str, name: str) -> Fault | None:
        asked.append(name)
        found = Fault("opsgenie", "", "status", status=429, retry_after=0)
        return found if len(asked) == 2 else take(target, name)

    faults.take = second  # type: ignore[method-assign]
    try:
        listed = [alert.message for alert in router.list_open()]
    finally:
        faults.take = take  # type: ignore[method-assign]
    assert len(asked) >= 3
    assert {f"page-{number}" for number in range(101)} <= set(listed)


def test_what_does_not_exist(router: OpsgenieRouter) -> None:
    assert router.find("00000000-0000-0000-0000-000000000000-1") is None
    assert not router.request_status("00000000-0000-0000-0000-000000000000").done


@pytest.mark.parametrize(
    ("status", "retryable"), [(429, True), (500, True), (503, True), (401, False), (403, False)]
)
def test_refusals_are_told_in_our_words(
    router: OpsgenieRouter, faults: Faults, status: int, retryable: bool
) -> None:
    faults.add(Fault("opsgenie", "", "status", status=status, retry_after=2))
    with pytest.raises(RouterError) as caught:
        router.acknowledge("x", "bob")
    assert (caught.value.code, caught.value.retryable) == (str(status), retryable)
    assert str(status) in caught.value.what


def test_no_answer_ends_within_the_time_out(router: OpsgenieRouter, faults: Faults) -> None:
    faults.add(Fault("opsgenie", "", "reset"))
    with pytest.raises(RouterError) as caught:
        router.find("x")
    assert (caught.value.code, caught.value.retryable) == ("unreachable", True)


def test_the_sdk_leaves_other_loggers_and_keys_alone(opsgenie: OpsgenieStandIn) -> None:
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    wrong = OpsgenieRouter(opsgenie.url, "wrong")
    right = OpsgenieRouter(opsgenie.url, opsgenie.alert_key)
    with pytest.raises(RouterError):
        wrong.list_open()
    right.list_open()
    with pytest.raises(RouterError) as caught:
        wrong.list_open()
    assert "OPSGENIE_API_KEY" in caught.value.fix
    assert logging.getLogger("urllib3").level == logging.DEBUG
    logging.getLogger("urllib3").setLevel(logging.NOTSET)
