"""Integrations, the Amazon SNS endpoint with its actions, and the webhooks that follow."""

from __future__ import annotations

import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sandbox.faults import Faults, parse_fault
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.opsgenie.regex import Matcher
from sandbox.opsgenie.template import render
from sandbox.wire import CallLog, Sender

ALARM = {
    "AlarmName": "root-console-login",
    "AlarmDescription": "The root user signed in",
    "AWSAccountId": "123456789012",
    "AlarmConfigurationUpdatedTimestamp": "2026-08-01T10:00:00.000+0000",
    "NewStateValue": "ALARM",
    "StateChangeTime": "2026-08-23T04:15:30.123+0000",
    "Region": "EU (Ireland)",
    "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:root-console-login",
    "OldStateValue": "OK",
}
ARN = ALARM["AlarmArn"]
ACTIONS = {
    "ignore": [
        {
            "type": "ignore",
            "name": "canary",
            "order": 1,
            "filter": {
                "conditionMatchType": "match-any-condition",
                "conditions": [
                    {"field": "Subject", "operation": "starts-with", "expectedValue": "CANARY"},
                    {"field": "Subject", "operation": "equals", "expectedValue": "quiet"},
                ],
            },
        }
    ],
    "create": [
        {
            "type": "create",
            "name": "ALARM",
            "order": 2,
            "filter": {
                "conditionMatchType": "match-all-conditions",
                "conditions": [
                    {
                        "field": "Message",
                        "operation": "contains",
                        "expectedValue": '"NewStateValue":"ALARM"',
                    },
                    {"field": "Type", "not": True, "operation": "is-empty"},
                ],
            },
            "user": "trailwatch",
            "alias": '{{Message.extract(/"AlarmArn":"([^"]+)"/)}}',
            "message": '{{ Message.extract(/"AlarmName":"([^"]+)"/) }}',
            "description": '{{Message.extract(/AlarmDescription":"(.+)","AWSAccountId"/)}}',
            "tags": ["trailwatch", "{{Type.toLowerCase()}}"],
            "customPriority": '{{Subject.substringBetween("[","]")}}',
            "extraProperties": {"aws_account": '{{Message.extract(/AWSAccountId":"(\\d{12})"/)}}'},
        }
    ],
    "close": [
        {
            "type": "close",
            "name": "OK",
            "order": 3,
            "filter": {
                "conditionMatchType": "match-all-conditions",
                "conditions": [
                    {
                        "field": "Message",
                        "operation": "matches",
                        "expectedValue": '.*"NewStateValue":"OK".*',
                    }
                ],
            },
            "note": "back to OK",
            "alias": '{{Message.extract(/"AlarmArn":"([^"]+)"/)}}',
        }
    ],
}


class Listener:
    """A web server that keeps what it is sent; `answers` are given first, then 200."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[int] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                listener.received.append((self.path, dict(self.headers), body))
                self.send_response(listener.answers.pop(0) if listener.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.received]

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        until(lambda: len(self.received) >= count)
        return self.bodies()


def until(done: Callable[[], Any], seconds: float = 60) -> Any:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := done():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


class Account:
    """The stand-in with an SNS integration and what is needed to call it."""

    def __init__(self) -> None:
        self.calls, self.faults = CallLog(), Faults(random.Random(1).random)
        sender = Sender(self.calls, self.faults)
        self.standin = OpsgenieStandIn(
            calls=self.calls,
            faults=self.faults,
            sender=sender,
            extract_timeout=3.0,
            webhook_waits=(0.01, 0.01, 0.01),
        )
        self.standin.start()

    def call(
        self, method: str, path: str, body: object = None, key: str | None = None
    ) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"GenieKey {key or self.standin.api_key}"}
        request = urllib.request.Request(
            self.standin.url + path, data=data, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def sns_integration(self, actions: object = ACTIONS) -> str:
        status, body = self.call(
            "POST", "/v2/integrations", {"type": "AmazonSns", "name": "trailwatch-sns"}
        )
        assert status == 201, body
        ident = body["data"]["id"]
        status, answer = self.call("PUT", f"/v2/integrations/{ident}/actions", actions)
        assert status == 200, answer
        return str(body["data"]["apiKey"])

    def webhook(self, url: str, **settings: Any) -> str:
        wanted = {"type": "Webhook", "name": f"hook-{url}", "url": url, **settings}
        status, body = self.call("POST", "/v2/integrations", wanted)
        assert status == 201, body
        return str(body["data"]["id"])

    def sns(self, key: str, message: object, subject: str = "ALARM [P2]", **more: Any) -> int:
        text = message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))
        envelope = {"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:t"}
        envelope |= {"Subject": subject, "Message": text, **more}
        return self.call("POST", f"/v1/json/amazonsns?apiKey={key}", envelope)[0]

    def create(self, **fields: Any) -> dict[str, Any]:
        count = len(self.standin.alerts())
        assert self.call("POST", "/v2/alerts", {"message": "m", **fields})[0] == 202
        return until(lambda: self.standin.alerts()[count:])[0]


@pytest.fixture
def account() -> Iterator[Account]:
    made = Account()
    yield made
    made.standin.stop()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.stop()


def test_an_integration_is_made_read_changed_switched_and_deleted(account: Account) -> None:
    wanted = {
        "name": "trailwatch-sns",
        "type": "AmazonSns",
        "ownerTeam": {"id": "TEAM"},
        "allowWriteAccess": True,
        "allowConfigurationAccess": False,
    }
    status, made = account.call("POST", "/v2/integrations", wanted)
    assert status == 201 and made["data"]["apiKey"]
    ident = made["data"]["id"]
    assert account.call("POST", "/v2/integrations", wanted)[0] == 409
    _, shown = account.call("GET", f"/v2/integrations/{ident}")
    assert shown["data"]["ownerTeam"]["id"] == "TEAM" and "apiKey" not in shown["data"]
    _, listed = account.call("GET", "/v2/integrations?type=AmazonSns")
    assert [i["name"] for i in listed["data"]] == ["trailwatch-sns"]
    renamed = {**wanted, "name": "other"}
    assert account.call("PUT", f"/v2/integrations/{ident}", renamed)[1]["data"]["name"] == "other"
    assert account.call("PUT", f"/v2/integrations/{ident}", {**wanted, "type": "API"})[0] == 422
    assert account.call("POST", f"/v2/integrations/{ident}/disable")[0] == 201
    assert account.sns(made["data"]["apiKey"], ALARM) == 401
    assert account.call("POST", f"/v2/integrations/{ident}/enable")[1]["data"]["enabled"]
    assert account.sns(made["data"]["apiKey"], ALARM) == 200
    assert account.call("DELETE", f"/v2/integrations/{ident}")[0] == 200
    assert account.call("GET", f"/v2/integrations/{ident}")[0] == 404


def test_actions_are_replaced_and_added_and_bad_ones_are_refused(account: Account) -> None:
    account.sns_integration()
    ident = account.call("GET", "/v2/integrations?type=AmazonSns")[1]["data"][0]["id"]
    path = f"/v2/integrations/{ident}/actions"
    _, shown = account.call("GET", path)
    assert [a["name"] for a in shown["data"]["create"]] == ["ALARM"]
    note = {"type": "addNote", "name": "n", "filter": {"conditionMatchType": "match-all"}}
    status, added = account.call("POST", path, {**note, "alias": "a", "note": "b"})
    assert status == 201 and [a["name"] for a in added["data"]["addNote"]] == ["n"]
    assert account.call("PUT", path, {"create": []})[1]["data"]["addNote"] == []
    create = ACTIONS["create"][0]
    for wrong in (
        {"filter": {"conditionMatchType": "sometimes"}},
        {"filter": {"conditions": [{"field": "a", "operation": "like"}], **_all()}},
        {"message": "{{Message.extract(/(/)}}"},
        {"priority": "P0"},
        {"name": ""},
        {"type": "close"},
    ):
        assert account.call("PUT", path, {"create": [{**create, **wrong}]})[0] == 422, wrong


def _all() -> dict[str, str]:
    return {"conditionMatchType": "match-all-conditions"}


def test_keys_may_do_what_their_integration_allows(account: Account) -> None:
    def key(**settings: Any) -> str:
        wanted = {"type": "API", "name": str(settings), **settings}
        return str(account.call("POST", "/v2/integrations", wanted)[1]["data"]["apiKey"])

    reads = key(allowWriteAccess=False)
    assert account.call("GET", "/v2/alerts", key=reads)[0] == 200
    assert account.call("POST", "/v2/alerts", {"message": "m"}, key=reads)[0] == 403
    assert account.call("GET", "/v2/integrations", key=key())[0] == 403
    configures = key(allowConfigurationAccess=True)
    assert account.call("GET", "/v2/integrations", key=configures)[0] == 200
    wanted = {"type": "API"}
    assert account.call("POST", "/v2/integrations/authenticate", wanted, key=reads)[0] == 200
    assert account.call("POST", "/v2/integrations/authenticate", wanted, key="x")[0] == 401


def test_an_alarm_becomes_an_alert_by_the_integrations_actions(account: Account) -> None:
    key = account.sns_integration()
    assert account.sns(key, ALARM) == 200
    alert = until(account.standin.alerts)[0]
    assert (alert["alias"], alert["message"]) == (ARN, "root-console-login")
    assert alert["description"] == "The root user signed in"
    assert alert["details"] == {"aws_account": "123456789012"}
    assert alert["tags"] == ["trailwatch", "notification"]
    assert (alert["priority"], alert["integration"]["type"]) == ("P2", "AmazonSns")
    account.sns(key, ALARM)
    until(lambda: account.standin.alerts()[0]["count"] == 2)
    account.sns(key, ALARM, "CANARY")
    account.sns(key, ALARM, "quiet")
    account.sns(key, "nothing that an action knows")
    account.sns(key, {**ALARM, "NewStateValue": "OK"})
    until(lambda: account.standin.alerts()[0]["status"] == "closed")
    assert [a["count"] for a in account.standin.alerts()] == [2]


def test_acknowledge_and_note_actions(account: Account) -> None:
    rule = {"filter": {"conditionMatchType": "match-all"}, "alias": "{{Subject}}"}
    acknowledge = {**rule, "name": "a", "user": "{{Message.toUpperCase()}}", "order": 1}
    acknowledge["filter"] = {
        "conditionMatchType": "match-all-conditions",
        "conditions": [{"field": "Message", "operation": "equals", "expectedValue": "alice"}],
    }
    note = {**rule, "name": "n", "note": "said {{Message}}", "order": 2}
    key = account.sns_integration({"acknowledge": [acknowledge], "addNote": [note]})
    alert = account.create(alias="x")
    account.sns(key, "alice", "x")
    until(lambda: account.standin.alerts()[0]["owner"] == "ALICE")
    account.sns(key, "hello", "x")
    notes = f"/v2/alerts/{alert['id']}/notes"
    until(lambda: account.call("GET", notes)[1]["data"])
    assert account.call("GET", notes)[1]["data"][0]["note"] == "said hello"


def test_a_subscription_is_confirmed_on_loopback_only(account: Account, listener: Listener) -> None:
    key = account.sns_integration()
    path = f"/v1/json/amazonsns?apiKey={key}"
    body = {"Type": "SubscriptionConfirmation", "SubscribeURL": f"{listener.url}/confirm?Token=t"}
    assert account.call("POST", path, body)[0] == 200
    until(lambda: listener.received)
    assert listener.received[0][0] == "/confirm?Token=t"
    assert account.call("POST", path, {**body, "SubscribeURL": "http://198.51.100.1/"})[0] == 422
    assert account.call("POST", path, {"Type": "Gossip"})[0] == 422
    assert account.call("POST", "/v1/json/amazonsns?apiKey=wrong", body)[0] == 401
    assert key not in json.dumps(account.calls.list())


FIELDS = {
    "Message": '{"A":"x y","B":null}',
    "Subject": "[custom] Big Thing",
    "Timestamp": "2026-11-23T12:34:56.789Z",
    "n": 1795437296789,
    "o": {"p": "q"},
}
TEMPLATES = {
    "plain": "plain",
    "{{Subject.toLowerCase()}}!": "[custom] big thing!",
    "{{ Subject.toUpperCase() }}": "[CUSTOM] BIG THING",
    "{{Subject.substring(9)}}/{{Subject.substring(9, 12)}}": "Big Thing/Big",
    '{{Subject.substringAfter("[custom]")}}': " Big Thing",
    '{{Subject.substringBefore("] ")}}': "[custom",
    '{{Subject.substringBetween("[", "]")}}': "custom",
    '{{Subject.substringAfter("] ").substringBefore(" ")}}': "Big",
    '{{Message.extract(/"A":"(.+?)"/)}}': "x y",
    "{{Message.extract(/\\w \\w/)}}": "x y",
    "{{Message.extract(/(?<name>[a-z]) y/)}}": "x",
    "{{Message.extract(/nothing (here)/)}}": "",
    "{{Subject.extract(/B.{2}/)}}": "Big",
    "{{Timestamp.toDate()}}": "2026-11-23 12:34:56 +0000",
    "{{Timestamp.toDate(\"dd.MM.yyyy 'at' HH:mm\")}}": "23.11.2026 at 12:34",
    '{{n.toDate("yyyy-MM-dd HH:mm", "Europe/Kyiv")}}': "2026-11-23 14:34",
    "{{Subject.toDate()}}": "",
    "{{Absent}}": "",
    "{{o.p}} {{o}}": 'q {"p":"q"}',
    "{{Subject.fly()}} {{": "{{Subject.fly()}} {{",
}


def test_string_methods() -> None:
    matcher = Matcher(5.0)
    try:
        for template, expected in TEMPLATES.items():
            assert render(template, FIELDS, matcher) == expected, template
    finally:
        matcher.stop()


def test_an_expression_that_never_ends_gives_null_and_the_next_works() -> None:
    matcher = Matcher(0.3)
    try:
        fields = {"Message": "a" * 40 + "!"}
        assert render("{{Message.extract(/^(a+)+$/)}}", fields, matcher) == "null"
        assert render("{{Message.extract(/(!)/)}}", fields, matcher) == "!"
    finally:
        matcher.stop()


def test_a_webhook_tells_each_action_in_order_with_its_headers(
    account: Account, listener: Listener
) -> None:
    account.webhook(listener.url + "/hook", headers={"X-Trailwatch-Token": "secret"})
    alert = account.create(alias="x", details={"k": "v"}, description="d", tags=["a"])
    for action, body in (
        ("acknowledge", {"user": "alice", "note": "mine"}),
        ("unacknowledge", {"user": "alice"}),
        ("note", {"note": "hm"}),
        ("assign", {"owner": {"username": "bob"}}),
        ("tags", {"tags": ["b", "c"]}),
        ("remove-tags", {"tags": ["a"]}),
        ("priority", {"priority": "P1"}),
        ("snooze", {"endTime": _soon()}),
        ("Reboot", {}),
        ("close", {"user": "bob"}),
        ("delete", {}),
    ):
        account.standin.act(alert["id"], action, body)
    bodies = listener.wait_for(12)
    # The snooze was cancelled by closing; nothing else comes after the deletion.
    assert [b["action"] for b in bodies] == [
        *("Create", "Acknowledge", "UnAcknowledge", "AddNote", "AssignOwnership", "AddTags"),
        *("RemoveTags", "UpdatePriority", "Snooze", "Reboot", "Close", "Delete"),
    ]
    assert {h["X-Trailwatch-Token"] for _, h, _ in listener.received} == {"secret"}
    extras = [b["alert"] for b in bodies]
    assert (extras[1]["note"], extras[1]["username"]) == ("mine", "alice")
    assert (extras[4]["owner"], extras[5]["addedTags"]) == ("bob", "b,c")
    assert (extras[6]["removedTags"], extras[7]["oldPriority"]) == ("a", "P3")
    assert extras[8]["snoozedUntil"].isdigit()
    assert not any("description" in e or "details" in e for e in extras)
    stamps = [e["updatedAt"] for e in extras]
    assert stamps == sorted(set(stamps)) and extras[0]["createdAt"] < 10**13 < stamps[0]
    assert bodies[0]["source"]["type"] == "API" and bodies[1]["source"]["type"] == "web"
    assert bodies[0]["integrationType"] == "Webhook"


def _soon() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))


def test_description_and_details_go_out_on_create_only_where_switched_on_and_cut(
    account: Account, listener: Listener
) -> None:
    account.webhook(listener.url, addAlertDescription=True, addAlertDetails=True)
    alert = account.create(description="d" * 1500, details={"k": "v" * 1500})
    account.standin.act(alert["id"], "acknowledge", {})
    created, acknowledged = (b["alert"] for b in listener.wait_for(2))
    assert (created["description"], created["details"]) == ("d" * 1000, {"k": "v" * 1000})
    assert "description" not in acknowledged and "details" not in acknowledged


def test_a_filter_and_a_repeat_send_nothing(account: Account, listener: Listener) -> None:
    condition = {"field": "tags", "operation": "contains", "expectedValue": "trailwatch"}
    account.webhook(listener.url, alertFilter={**_all(), "conditions": [condition]})
    account.create(message="other")
    account.create(message="ours", alias="x", tags=["trailwatch"])
    account.call("POST", "/v2/alerts", {"message": "again", "alias": "x"})
    until(lambda: account.standin.alerts()[1]["count"] == 2)
    account.standin.act("x", "close", {})
    assert [b["action"] for b in listener.wait_for(2)] == ["Create", "Close"]
    assert [b["alert"]["message"] for b in listener.bodies()] == ["ours", "ours"]


def test_a_webhook_is_repeated_until_it_is_taken_and_stays_in_order(
    account: Account, listener: Listener
) -> None:
    account.webhook(listener.url)
    listener.answers = [500, 503]
    account.faults.add(parse_fault({"target": "webhook", "lost": True, "count": 1}))
    alert = account.create()
    account.standin.act(alert["id"], "close", {})
    # Lost once (the listener saw it), refused twice... then taken; the close waits its turn.
    assert [b["action"] for b in listener.wait_for(4)] == ["Create", "Create", "Create", "Close"]


def test_the_payloads_have_the_fields_of_recorded_ones(
    shared: Path, account: Account, listener: Listener
) -> None:
    account.webhook(listener.url, addAlertDescription=True, addAlertDetails=True)
    account.create(responders=[{"type": "team", "name": "operations"}], tags=["t"])
    mine = listener.wait_for(1)[0]
    recorded = json.loads((shared / "data/opsgenie/webhook-create-real-2020.json").read_text())
    assert set(recorded) == set(mine)
    # Only a person has a userId.
    assert set(recorded["alert"]) - {"userId"} == set(mine["alert"])
    for name, value in recorded["alert"].items():
        if name != "userId":
            assert type(mine["alert"][name]) is type(value), name


def test_the_ready_made_actions_read_a_current_message(shared: Path, account: Account) -> None:
    folder = shared / "data/opsgenie"
    key = account.sns_integration(
        json.loads((folder / "CONSTRUCTED-integration-actions-put.json").read_text())
    )
    message = json.loads((folder / "sns-cloudwatch-message-public-2026.json").read_text())
    account.sns(key, message)
    alert = until(account.standin.alerts)[0]
    assert alert["alias"] == message["AlarmArn"]
    assert alert["details"]["aws_account"] == "123456789012"
    assert "AWS region: EU (Ireland)" in alert["description"]
