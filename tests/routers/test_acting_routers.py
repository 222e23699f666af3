"""Who owns an alert, who is called next and how urgent it is, in each service that there is."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import opsgenie_sdk
import pytest

from sandbox.faults import Fault, Faults
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.opsgenie.jsm import CLOUD_ID, EMAIL
from sandbox.wire import CallLog, Sender
from trailwatch.clock import utc_now
from trailwatch.errors import RouterError
from trailwatch.routers.direct import DirectRouter
from trailwatch.routers.jsm import JsmRouter
from trailwatch.routers.opsgenie import OpsgenieRouter
from trailwatch.routers.router import Routers
from trailwatch.store.database import open_database


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults(random.Random(1).random)


@pytest.fixture(scope="module")
def opsgenie(faults: Faults) -> Iterator[OpsgenieStandIn]:
    calls = CallLog()
    stand_in = OpsgenieStandIn(
        calls=calls, faults=faults, sender=Sender(calls, faults), processing_delay=0.0
    )
    stand_in.start()
    yield stand_in
    stand_in.stop()


def until(look: Callable[[], str | None]) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def made(opsgenie: OpsgenieStandIn, alias: str) -> str:
    configuration = opsgenie_sdk.Configuration()
    configuration.host = opsgenie.url
    configuration.api_key = {"Authorization": opsgenie.api_key}
    api = opsgenie_sdk.AlertApi(opsgenie_sdk.ApiClient(configuration=configuration))
    api.create_alert(opsgenie_sdk.CreateAlertPayload(message="m", alias=alias), _request_timeout=30)
    return until(lambda: next((a["id"] for a in opsgenie.alerts() if a["alias"] == alias), None))


def test_opsgenie(opsgenie: OpsgenieStandIn, tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    one = OpsgenieRouter(opsgenie.url, opsgenie.alert_key)
    router = Routers([one, DirectRouter(db, utc_now)], lambda: ["opsgenie"])
    alert = made(opsgenie, "acting")

    def done(request: str) -> None:
        until(lambda: "yes" if router.request_status(request).done else None)
        assert router.request_status(request).success, router.request_status(request)

    done(router.assign(alert, "bob@example.com", "carol@example.com", "yours"))
    done(router.set_priority(alert, "P1"))
    done(router.escalate(alert, "bob@example.com", "security_escalation", "nobody answers"))
    found = router.find(alert)
    assert found is not None
    assert (found.owner, found.priority) == ("carol@example.com", "P1")
    done(router.close(alert, "bob@example.com"))
    late = router.assign(alert, "bob@example.com", "carol@example.com")
    until(lambda: "yes" if router.request_status(late).done else None)
    assert not router.request_status(late).success
    db.close()


def jsm_of(opsgenie: OpsgenieStandIn) -> JsmRouter:
    one = opsgenie
    return JsmRouter(one.url, CLOUD_ID, EMAIL, one.jsm_token, one.alert_key, one.url)


@pytest.mark.parametrize("site_url", [True, False])
def test_jira_service_management(opsgenie: OpsgenieStandIn, site_url: bool) -> None:
    one = opsgenie
    site = one.url if site_url else ""
    router = JsmRouter(one.url, CLOUD_ID, EMAIL, one.jsm_token, one.alert_key, site)
    alert = made(opsgenie, f"acting-jsm-{site_url}")

    def done(request: str) -> None:
        until(lambda: "yes" if router.request_status(request).done else None)
        assert router.request_status(request).success, router.request_status(request)

    done(router.assign(alert, "bob@example.com", "carol@example.com"))
    done(router.set_priority(alert, "P1"))
    done(router.escalate(alert, "bob@example.com", "security_escalation"))
    found = router.find(alert)
    assert found is not None
    # People are accounts there; here they are called as in Slack.
    assert (found.owner, found.priority) == ("carol@example.com", "P1")
    listed = next(one for one in router.list_open() if one.id == alert) if found.tags else found
    assert listed.owner == "carol@example.com"
    assert router.log(alert)[-1].text == "Escalated alert to the next rule"


def test_who_has_no_account_there_cannot_be_assigned_to(opsgenie: OpsgenieStandIn) -> None:
    router, alert = jsm_of(opsgenie), made(opsgenie, "nobody-jsm")
    with pytest.raises(RouterError, match=r"mallory@elsewhere\.example is not known") as refused:
        router.assign(alert, "bob@example.com", "mallory@elsewhere.example")
    assert "Assign it there" in refused.value.fix
    with pytest.raises(RouterError, match="no escalation 'nobody at all'"):
        router.escalate(alert, "bob@example.com", "nobody at all")


def test_an_account_that_cannot_be_looked_up_keeps_its_id(
    opsgenie: OpsgenieStandIn, faults: Faults
) -> None:
    alert = made(opsgenie, "hidden-jsm")
    jsm_of(opsgenie).assign(alert, "bob@example.com", "carol@example.com")
    until(lambda: next((a["owner"] for a in opsgenie.alerts() if a["id"] == alert), None))
    faults.add(Fault("opsgenie", "/rest/api/3", "status", status=403))
    found = jsm_of(opsgenie).find(alert)
    faults.clear()
    assert found is not None
    assert found.owner.startswith("712020:")


def test_without_an_on_call_service_there_is_nobody_to_pass_it_on_to(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    with pytest.raises(RouterError, match="no on-call service"):
        Routers([DirectRouter(db, utc_now)], list).escalate("direct:1", "bob", "e")
    db.close()
