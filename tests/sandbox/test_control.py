"""The addresses by which scripts drive the sandbox, over HTTP, with the real stand-ins."""

from __future__ import annotations

import gzip
import http.client
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from sandbox.aws.acts import NothingThere
from sandbox.control import ControlApp
from sandbox.faults import Faults
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.player import Record, event_time
from sandbox.slack import SlackStandIn
from sandbox.wire import CallLog, Sender, Server

RECORD = {"eventTime": "2026-01-05T09:30:00Z", "eventName": "CreateUser", "eventID": "1"}


@dataclass
class Trail:
    """What the control asks of AWS, kept in memory."""

    logging: bool = True
    records: list[Record] = field(default_factory=list)

    def ingest(self, records: Sequence[Record]) -> None:
        self.records.extend(records)

    def matching_filters(self, record: Record) -> list[str]:
        return ["root-console-login"] if record["eventName"] == "ConsoleLogin" else []

    def recording(self, record: Record) -> bool:
        return self.logging

    def act(self, name: str) -> str:
        raise NothingThere("no trail is logging")

    def stop_trails(self) -> None:
        self.logging = False

    def start_trails(self) -> None:
        self.logging = True


@dataclass
class Driver:
    port: int
    slack: SlackStandIn
    opsgenie: OpsgenieStandIn
    trail: Trail

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, data, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def error(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        status, answer = self.call(method, path, body)
        return status, answer["error"]


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    calls, faults = CallLog(), Faults(random.Random(1).random)
    slack = SlackStandIn(calls=calls, faults=faults)
    opsgenie = OpsgenieStandIn(calls=calls, faults=faults, sender=Sender(calls, faults))
    trail = Trail()
    app = ControlApp(
        slack=slack,
        aws=trail,
        opsgenie=opsgenie,
        calls=calls,
        faults=faults,
        status=lambda: {"ready": True},
    )
    server = Server(app)
    for part in (slack, opsgenie, server):
        part.start()
    yield Driver(server.port, slack, opsgenie, trail)
    for part in (server, opsgenie, slack):
        part.stop()


def until(done: Callable[[], Any]) -> Any:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        if found := done():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


def test_status_and_scenarios(driver: Driver) -> None:
    assert driver.call("GET", "/api/status") == (200, {"ready": True})
    _, listed = driver.call("GET", "/api/scenarios")
    assert listed[0] == {
        "name": "root-sign-in",
        "title": "Sign in as root",
        "description": listed[0]["description"],
    }
    driver.trail.records.clear()
    status, played = driver.call("POST", "/api/scenario", {"name": "root-sign-in"})
    assert (status, played["accepted"], played["matched"]) == (200, 1, ["root-console-login"])
    assert abs(datetime.now(UTC) - event_time(driver.trail.records[0])) < timedelta(minutes=2)
    status, why = driver.error("POST", "/api/scenario", {"name": "stop-logging"})
    assert status == 409 and "no trail is logging yet" in why
    status, why = driver.error("POST", "/api/scenario", {"name": "world-peace"})
    assert status == 404 and "root-sign-in" in why


def test_records_are_stamped_now_or_kept_and_bad_ones_told(driver: Driver) -> None:
    text = f"{json.dumps(RECORD)}\nbroken\n{json.dumps(RECORD)}".encode()
    for data in (text, gzip.compress(text)):
        driver.trail.records.clear()
        status, answer = driver.call("POST", "/api/records", data)
        assert (status, answer["accepted"]) == (200, 2)
        assert [r["line"] for r in answer["rejected"]] == [2]
        assert driver.trail.records[0]["eventTime"] != RECORD["eventTime"]
    driver.trail.records.clear()
    body = {"Records": [RECORD]}
    assert driver.call("POST", "/api/records?time=keep", body)[1]["accepted"] == 1
    assert driver.trail.records == [RECORD]
    assert "now or keep" in driver.error("POST", "/api/records?time=soon", body)[1]
    assert "empty" in driver.error("POST", "/api/records")[1]


def test_slack_is_asked_and_its_refusals_are_told(driver: Driver) -> None:
    # No bot is connected: the command is refused, as Slack does.
    status, answer = driver.call("POST", "/api/command", {"user": "alice", "text": "help"})
    assert status == 200 and answer["status"] != 200 and answer["ms"] >= 0
    _, messages = driver.call("GET", "/api/messages?user=alice")
    assert messages[-1]["ephemeral"] is True and "failed" in messages[-1]["text"]
    assert driver.call("GET", f"/api/messages?since={messages[-1]['ts']}&user=alice")[1] == []
    assert driver.call("GET", "/api/views?user=alice") == (200, [])
    assert driver.error("GET", "/api/messages?channel=nowhere")[0] == 404
    assert driver.error("GET", "/api/messages?since=noon")[0] == 400
    assert "user is missing" in driver.error("GET", "/api/views")[1]
    click = {"user": "alice", "ts": "1.0", "action_id": "plan.apply"}
    assert driver.error("POST", "/api/click", click)[0] == 404
    assert driver.error("POST", "/api/views/V1/submit", {"user": "alice", "values": {}})[0] == 404
    assert driver.error("POST", "/api/views/V1/close", {"user": "alice"})[0] == 404


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("/api/command", b"{", "not JSON"),
        ("/api/command", [], "JSON object"),
        ("/api/command", {"text": "help"}, "user is missing"),
        ("/api/command", {"user": "alice", "text": 5}, "text is 5; it must be text"),
        ("/api/command", {"user": "alice", "txt": "help"}, "unknown: txt"),
        ("/api/click", {"user": "a", "ts": "1", "action_id": "x", "confirm": "no"}, "true or"),
        ("/api/trail", {"logging": "no"}, "true or false"),
        ("/api/faults", {"target": "moon"}, "target is 'moon'"),
        ("/api/faults", {"target": "slack", "status": "teapot"}, "teapot"),
        ("/api/faults", {"target": "slack", "rate": []}, "must be a number"),
        ("/api/opsgenie/alerts/nobody/close", None, "no alert"),
    ],
)
def test_bad_input_is_answered_with_what_and_how(
    driver: Driver, path: str, body: object, why: str
) -> None:
    status, error = driver.error("POST", path, body)
    assert status == 400 and why in error


def test_a_person_writes_in_a_channel_and_in_a_thread(driver: Driver) -> None:
    _, first = driver.call("POST", "/api/say", {"user": "bob", "text": "what is this?"})
    more = {"user": "carol", "channel": "security-alerts", "thread_ts": first["ts"]}
    driver.call("POST", "/api/say", {**more, "text": "a &lt;test&gt;"})
    found = driver.call("GET", "/api/messages?user=alice")[1][-2:]
    assert [one["text"] for one in found] == ["what is this?", "a &lt;test&gt;"]
    assert found[1]["thread_ts"] == first["ts"]
    assert driver.error("POST", "/api/say", {"user": "bob"})[0] == 400
    assert driver.error("POST", "/api/say", {"user": "nobody", "text": "x"})[0] in (400, 404)


def test_opsgenie_is_shown_and_acted_in(driver: Driver) -> None:
    body = json.dumps({"message": "m", "alias": "arn:aws:x/y"})
    connection = http.client.HTTPConnection(driver.opsgenie.url.removeprefix("http://"), timeout=30)
    headers = {"Authorization": f"GenieKey {driver.opsgenie.alert_key}"}
    connection.request("POST", "/v2/alerts", body, headers)
    assert connection.getresponse().status == 202
    connection.close()
    until(driver.opsgenie.alerts)
    alias = quote("arn:aws:x/y", safe="")
    path = f"/api/opsgenie/alerts/{alias}/acknowledge"
    assert driver.call("POST", path, {"user": "dora@example.com"})[0] == 200
    _, alerts = driver.call("GET", "/api/opsgenie/alerts")
    assert (alerts[0]["acknowledged"], alerts[0]["owner"]) == (True, "dora@example.com")
    assert (alerts[0]["status"], alerts[0]["count"]) == ("open", 1)


def test_the_trail_is_stopped_and_started(driver: Driver) -> None:
    assert driver.call("POST", "/api/trail", {"logging": False})[1] == {"logging": False}
    assert driver.trail.logging is False
    _, played = driver.call("POST", "/api/scenario", {"name": "root-sign-in"})
    assert (played["accepted"], played["recorded"]) == (1, False)
    driver.call("POST", "/api/trail", {"logging": True})
    assert driver.trail.logging is True


def test_faults_are_met_seen_in_the_calls_and_mended(driver: Driver) -> None:
    fault = {"target": "opsgenie", "match": "GET /v2/alerts", "status": 503}
    assert driver.call("POST", "/api/faults", fault)[0] == 200

    def status() -> int:
        address = driver.opsgenie.url.removeprefix("http://")
        connection = http.client.HTTPConnection(address, timeout=30)
        headers = {"Authorization": f"GenieKey {driver.opsgenie.alert_key}"}
        connection.request("GET", "/v2/alerts", None, headers)
        answer = connection.getresponse().status
        connection.close()
        return answer

    assert status() == 503
    _, calls = driver.call("GET", "/api/calls?target=opsgenie")
    assert (calls[-1]["method"], calls[-1]["status"]) == ("GET /v2/alerts", 503)
    assert driver.call("DELETE", "/api/faults")[0] == 200
    assert status() == 200
    assert "must be one of" in driver.error("GET", "/api/calls?target=moon")[1]


def test_other_addresses_and_other_sites_are_refused(driver: Driver) -> None:
    for method, path in (
        ("GET", "/api/nothing"),
        ("POST", "/api/status"),
        ("PUT", "/api/faults"),
        ("GET", "//[x"),
    ):
        assert driver.error(method, path)[0] == 404
    foreign = {"Origin": "https://example.com"}
    assert driver.call("POST", "/api/trail", {"logging": False}, foreign)[0] == 403
    assert driver.call("GET", "/api/status", None, {"Host": "evil.example.com"})[0] == 403
    own = {"Origin": f"http://127.0.0.1:{driver.port}"}
    assert driver.call("GET", "/api/status", None, own)[0] == 200
