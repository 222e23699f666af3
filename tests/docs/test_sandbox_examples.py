"""What docs/sandbox.md shows of the calls that drive it is what the stand-ins take."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import opsgenie_sdk
import pytest

from handlers import samples
from handlers.blocks.alert_menu import MORE, alert_buttons, read_choice
from sandbox.control import ControlApp
from sandbox.faults import Faults
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.opsgenie.alert import ACTIONS
from sandbox.slack.elements import entered, find
from sandbox.wire import CallLog, Sender
from trailwatch.alert import AlertState

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "sandbox.md").read_text("utf-8")
CALL = re.compile(r"^POST (/api/\S+) (\{.+\})$", re.M)
CALLS = [(path, json.loads(body)) for path, body in CALL.findall(TEXT)]
ACTS = [(path.rpartition("/")[2], body) for path, body in CALLS if "/opsgenie/" in path]
CLICKS = [body for path, body in CALLS if path == "/api/click"]


@pytest.fixture(scope="module")
def service() -> Iterator[OpsgenieStandIn]:
    calls, faults = CallLog(), Faults(random.Random(1).random)
    standin = OpsgenieStandIn(
        calls=calls, faults=faults, sender=Sender(calls, faults), processing_delay=0.0
    )
    standin.start()
    configuration = opsgenie_sdk.Configuration()
    configuration.host = standin.url
    configuration.api_key = {"Authorization": standin.alert_key}
    api = opsgenie_sdk.AlertApi(opsgenie_sdk.ApiClient(configuration=configuration))
    body = opsgenie_sdk.CreateAlertPayload(message="an alarm", alias="a1")
    api.create_alert(body, _request_timeout=10)
    ends = time.monotonic() + 30
    while not standin.alerts() and time.monotonic() < ends:
        threading.Event().wait(0.01)
    yield standin
    standin.stop()


def post(standin: OpsgenieStandIn, path: str, body: Mapping[str, Any]) -> tuple[str, Any]:
    """The control's answer, without a server around it."""
    nothing: Any = None
    app = ControlApp(
        slack=nothing,
        aws=nothing,
        opsgenie=standin,
        calls=nothing,
        faults=nothing,
        status=dict,
    )
    data, said = json.dumps(body).encode(), []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "HTTP_HOST": "127.0.0.1",
        "CONTENT_LENGTH": str(len(data)),
        "wsgi.input": BytesIO(data),
    }

    def start(status: str, headers: Any, problem: Any = None) -> Any:
        said.append(status)

    answer = b"".join(app(environ, start))
    return said[0], json.loads(answer)


def test_every_body_of_an_act_is_taken(service: OpsgenieStandIn) -> None:
    assert [action for action, _ in ACTS[:2]] == ["acknowledge", "unacknowledge"]
    number = service.alerts()[0]["tinyId"]
    for action, shown in ACTS:
        body = {k: _soon() if v == "TIME" else v for k, v in shown.items()}
        answer = post(service, f"/api/opsgenie/alerts/{number}/{action}", body)
        assert answer == ("200 OK", {"ok": True}), action
        if action == "assign":
            assert service.alerts()[0]["owner"] == "carol@example.com"
        if action == "snooze":
            assert service.alerts()[0]["snoozed"] is True
    assert service.alerts() == [], "the last one deletes it"


def test_every_act_is_documented() -> None:
    shown = {"note" if action == "notes" else action for action, _ in ACTS}
    missing = ACTIONS.keys() - shown - {"custom"}
    assert [action for action in missing if f"`{action}`" not in TEXT] == []


@pytest.mark.parametrize("body", CLICKS, ids=lambda body: str(body["selected"]))
def test_every_form_of_a_choice_is_the_same_line_of_the_menu(body: dict[str, Any]) -> None:
    given = json.loads(json.dumps(body["selected"]).replace("ALERT", samples.ALERT.id))
    buttons = {**alert_buttons(samples.ALERT, samples.LINKS), "block_id": "b"}
    found = find([json.loads(json.dumps(buttons))], str(body["action_id"]), None, None)
    assert found is not None
    chosen = entered(found[1], given)["selected_option"]["value"]
    choice = read_choice(chosen)
    assert choice is not None and choice.lasts == timedelta(hours=1)


def test_the_verbs_of_the_menu_are_those_of_the_page() -> None:
    verbs = set()
    for alert in (samples.ALERT, replace(samples.ALERT, state=AlertState.ACKNOWLEDGED)):
        for element in json.loads(json.dumps(alert_buttons(alert, samples.LINKS)))["elements"]:
            if element["action_id"] == MORE:
                verbs |= {one["value"].partition(":")[0] for one in element["options"]}
    assert {"pause", "change", "note", "unacknowledge"} < verbs
    assert [verb for verb in verbs if f"`{verb}`" not in TEXT] == []


def _soon() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()
