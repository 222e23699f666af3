"""Integrations of Jira Service Management in the shape of Opsgenie's, over its own protocol."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from sandbox.faults import Fault, Faults
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.opsgenie.jsm import CLOUD_ID, EMAIL
from sandbox.wire import CallLog, Sender
from setup.actions import incoming_actions
from setup.jsm_api import JsmIntegrationsApi
from trailwatch.errors import RouterError

SNS = {"name": "in", "type": "AmazonSns", "enabled": True, "suppressNotifications": False}
WEBHOOK = {
    "name": "out",
    "type": "Webhook",
    "enabled": True,
    "url": "https://bot.example.com/webhooks/jsm",
    "headers": {"X-Trailwatch-Token": "secret"},
    "addAlertDescription": True,
    "addAlertDetails": True,
    "alertFilter": {
        "conditionMatchType": "match-all-conditions",
        "conditions": [
            {"field": "tags", "not": False, "operation": "contains", "expectedValue": "trailwatch"}
        ],
    },
}


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults(random.Random(1).random)


@pytest.fixture(scope="module")
def service(faults: Faults) -> Iterator[OpsgenieStandIn]:
    calls = CallLog()
    found = OpsgenieStandIn(calls=calls, faults=faults, sender=Sender(calls, faults))
    found.start()
    yield found
    found.stop()


@pytest.fixture
def api(service: OpsgenieStandIn) -> Iterator[JsmIntegrationsApi]:
    found = JsmIntegrationsApi(service.url, CLOUD_ID, EMAIL, service.jsm_token)
    yield found
    for one in found.list():
        if one["name"] in ("in", "out"):
            found.delete(one["id"])


@pytest.mark.parametrize("auto_close", [True, False])
def test_actions_come_back_as_they_went_in(api: JsmIntegrationsApi, auto_close: bool) -> None:
    made = api.create(SNS)
    assert made["apiKey"]
    wanted = incoming_actions("main", auto_close=auto_close)
    for _ in range(2):  # the second time they replace the first ones
        api.put_actions(made["id"], wanted)
        found = api.actions(made["id"])
        for category, actions in wanted.items():
            assert [one["name"] for one in found[category]] == [one["name"] for one in actions]
            for there, here in zip(found[category], actions, strict=True):
                assert {k: v for k, v in here.items() if v not in ("", [])} == {
                    k: v for k, v in there.items() if k in here and v not in ("", [])
                }


def test_a_webhook_with_its_filter(api: JsmIntegrationsApi) -> None:
    made = api.create(WEBHOOK)
    found = api.get(made["id"])
    assert {name: found[name] for name in WEBHOOK} == WEBHOOK
    api.update(made["id"], {**WEBHOOK, "enabled": False, "url": "https://other.example.com"})
    found = api.get(made["id"])
    assert (found["enabled"], found["url"]) == (False, "https://other.example.com")
    api.enable(made["id"])
    assert api.get(made["id"])["enabled"] is True
    api.delete(made["id"])
    api.delete(made["id"])


def test_a_team_is_named_by_its_id(api: JsmIntegrationsApi) -> None:
    made = api.create({**SNS, "ownerTeam": {"name": "Security"}})
    assert api.get(made["id"])["ownerTeam"]["id"]
    with pytest.raises(RouterError, match="no team 'Nobody'"):
        api.create({**SNS, "name": "other", "ownerTeam": {"name": "Nobody"}})


def test_what_it_refuses_is_told(api: JsmIntegrationsApi, faults: Faults) -> None:
    faults.add(Fault("opsgenie", "/integrations", "status", status=403, count=1))
    with pytest.raises(RouterError, match="403"):
        api.list()
