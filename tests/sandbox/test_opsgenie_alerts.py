"""The alert API of the Opsgenie stand-in, through the real SDK and over plain HTTP."""

from __future__ import annotations

import http.client
import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import opsgenie_sdk
import pytest

from sandbox.faults import Faults, parse_fault
from sandbox.opsgenie import ActRefused, OpsgenieStandIn
from sandbox.wire import CallLog, Sender


@dataclass
class Desk:
    standin: OpsgenieStandIn
    calls: CallLog
    faults: Faults

    def call(
        self, method: str, path: str, body: object = None, *, key: str | None = None
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        data = (
            body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        )
        headers = {"Authorization": f"GenieKey {self.standin.api_key if key is None else key}"}
        request = urllib.request.Request(
            self.standin.url + path, data=data, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read()), dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read()), dict(error.headers)

    def sdk(self, key: str | None = None) -> opsgenie_sdk.AlertApi:
        configuration = opsgenie_sdk.Configuration()
        configuration.host = self.standin.url
        configuration.api_key = {"Authorization": key or self.standin.alert_key}
        configuration.retry_count = 1
        return opsgenie_sdk.AlertApi(opsgenie_sdk.ApiClient(configuration))

    def create(self, **fields: Any) -> dict[str, Any]:
        status, body, _ = self.call("POST", "/v2/alerts", {"message": "m", **fields})
        assert status == 202, body
        done = self.processed(body["requestId"])
        assert done["isSuccess"], done
        return self.get(done["alertId"])

    def processed(self, request_id: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            status, body, _ = self.call("GET", f"/v2/alerts/requests/{request_id}")
            return body["data"] if status == 200 else None

        return poll(look)

    def get(self, ident: str) -> dict[str, Any]:
        status, body, _ = self.call("GET", f"/v2/alerts/{ident}")
        assert status == 200, body
        found: dict[str, Any] = body["data"]
        return found

    def do(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        status, answer, _ = self.call(method, path, body)
        assert status == 202, answer
        return self.processed(answer["requestId"])


def poll(look: Callable[[], Any], seconds: float = 60) -> Any:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if (found := look()) is not None:
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


@pytest.fixture
def desk() -> Iterator[Desk]:
    calls, faults = CallLog(), Faults(random.Random(1).random)
    standin = OpsgenieStandIn(calls=calls, faults=faults, sender=Sender(calls, faults))
    standin.start()
    yield Desk(standin, calls, faults)
    standin.stop()


def test_the_real_sdk_creates_acknowledges_notes_snoozes_assigns_and_closes(desk: Desk) -> None:
    api = desk.sdk()
    alias = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a/b"
    made = api.create_alert(
        opsgenie_sdk.CreateAlertPayload(
            message="root signed in",
            alias=alias,
            tags=["trailwatch"],
            details={"aws_account": "123456789012"},
            priority="P1",
            responders=[{"type": "team", "name": "operations"}],
        ),
        _request_timeout=30,
    )
    with pytest.raises(opsgenie_sdk.rest.ApiException) as early:
        api.get_request_status(made.request_id, _request_timeout=30)
    assert early.value.status == 404
    assert desk.processed(made.request_id)["status"] == "Created alert"
    status = api.get_request_status(made.request_id, _request_timeout=30).data
    assert status.is_success and status.alias == alias

    alert = api.get_alert(identifier=alias, identifier_type="alias", _request_timeout=30).data
    assert (alert.message, alert.status, alert.priority) == ("root signed in", "open", "P1")
    assert alert.details == {"aws_account": "123456789012"}
    assert alert.created_at.tzinfo is not None

    user = {"user": "alice"}
    for send in (
        lambda: api.acknowledge_alert(
            identifier=alert.id,
            acknowledge_alert_payload=opsgenie_sdk.AcknowledgeAlertPayload(**user),
            _request_timeout=30,
        ),
        lambda: api.add_note(
            identifier=alert.id,
            add_note_to_alert_payload=opsgenie_sdk.AddNoteToAlertPayload(note="looking", **user),
            _request_timeout=30,
        ),
        lambda: api.assign_alert(
            identifier=alert.id,
            assign_alert_payload=opsgenie_sdk.AssignAlertPayload(
                owner={"username": "bob@example.com"}, **user
            ),
            _request_timeout=30,
        ),
        lambda: api.snooze_alert(
            identifier=alert.id,
            snooze_alert_payload=opsgenie_sdk.SnoozeAlertPayload(
                end_time=datetime.now(UTC) + timedelta(hours=1), **user
            ),
            _request_timeout=30,
        ),
    ):
        assert desk.processed(send().request_id)["isSuccess"]
    listed = api.list_alerts(
        query="status:open AND tag:trailwatch AND acknowledged:true", limit=10, _request_timeout=30
    )
    assert [(a.owner, a.snoozed, a.count) for a in listed.data] == [("bob@example.com", True, 1)]
    notes = api.list_notes(identifier=alert.id, _request_timeout=30)
    assert [n.note for n in notes.data] == ["looking"]
    assert len(api.list_logs(identifier=alert.id, _request_timeout=30).data) == 5

    desk.processed(api.close_alert(identifier=alert.id, _request_timeout=30).request_id)
    assert api.get_alert(identifier=alert.id, _request_timeout=30).data.status == "closed"
    assert api.count_alerts(query="status:closed", _request_timeout=30).data.count == 1
    with pytest.raises(opsgenie_sdk.rest.ApiException) as gone:
        api.get_alert(identifier=alias, identifier_type="alias", _request_timeout=30)
    assert gone.value.status == 404


def test_a_repeat_of_an_open_alias_is_counted_and_a_closed_one_opens_a_new_alert(
    desk: Desk,
) -> None:
    first = desk.create(alias="x")
    again = desk.create(alias="x", message="other")
    assert (again["id"], again["count"], again["message"]) == (first["id"], 2, "m")
    assert again["lastOccurredAt"] > first["lastOccurredAt"]
    desk.do("POST", "/v2/alerts/x/close?identifierType=alias", {"user": "bob"})
    assert desk.create(alias="x")["id"] != first["id"]
    assert [a["status"] for a in desk.standin.alerts()] == ["closed", "open"]


def test_the_owner_is_who_acknowledged_and_unacknowledge_undoes_it(desk: Desk) -> None:
    alert = desk.create()
    path = f"/v2/alerts/{alert['id']}"
    desk.do("POST", f"{path}/acknowledge", {"user": "alice", "note": "mine"})
    seen = desk.get(alert["id"])
    assert (seen["acknowledged"], seen["owner"]) == (True, "alice")
    assert seen["report"]["acknowledgedBy"] == "alice"
    twice = desk.do("POST", f"{path}/acknowledge", {"user": "bob"})
    assert (twice["isSuccess"], twice["status"]) == (False, "Alert is already acknowledged")
    desk.do("POST", f"{path}/unacknowledge")
    assert desk.get(alert["id"])["acknowledged"] is False
    assert desk.call("GET", f"{path}/notes")[1]["data"][0]["note"] == "mine"


def test_an_action_on_no_alert_is_accepted_and_fails_in_its_request_status(desk: Desk) -> None:
    done = desk.do("POST", "/v2/alerts/nobody/close")
    assert (done["isSuccess"], done["status"]) == (False, "Alert does not exist")
    assert desk.call("GET", "/v2/alerts/nobody")[0] == 404


def test_every_other_action_changes_its_field(desk: Desk) -> None:
    alert = desk.create(tags=["a"], details={"k": "v"})
    path = f"/v2/alerts/{alert['id']}"
    for method, part, body in (
        ("POST", "tags", {"tags": ["b", "c"]}),
        ("DELETE", "tags?tags=a,c", None),
        ("POST", "details", {"details": {"l": "w"}}),
        ("DELETE", "details?keys=k", None),
        ("PUT", "priority", {"priority": "P1"}),
        ("PUT", "message", {"message": "new"}),
        ("PUT", "description", {"description": "long"}),
        ("POST", "teams", {"team": {"type": "team", "name": "ops"}}),
        ("POST", "responders", {"responder": {"type": "user", "username": "a@example.com"}}),
        ("POST", "escalate", {"escalation": {"type": "escalation", "name": "e"}}),
        ("POST", "actions/Reboot", None),
    ):
        assert desk.do(method, f"{path}/{part}", body)["isSuccess"], part
    seen = desk.get(alert["id"])
    assert (seen["tags"], seen["details"], seen["priority"]) == (["b"], {"l": "w"}, "P1")
    assert (seen["message"], seen["description"]) == ("new", "long")
    assert [r["type"] for r in seen["responders"]] == ["team", "user"]
    desk.do("DELETE", path)
    assert desk.standin.alerts() == []


def test_a_snooze_ends_by_itself_and_then_nobody_has_acknowledged(desk: Desk) -> None:
    alert = desk.create()
    desk.do("POST", f"/v2/alerts/{alert['id']}/acknowledge", {"user": "alice"})
    end = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    assert desk.do("POST", f"/v2/alerts/{alert['id']}/snooze", {"endTime": end})["isSuccess"]
    assert desk.get(alert["id"])["snoozed"]
    poll(lambda: None if desk.get(alert["id"])["snoozed"] else True)
    assert desk.get(alert["id"])["acknowledged"] is False


def test_what_somebody_does_in_opsgenie_itself(desk: Desk) -> None:
    alert = desk.create(alias="x")
    desk.standin.act(alert["id"], "acknowledge", {"user": "dora@example.com"})
    assert desk.get(alert["id"])["owner"] == "dora@example.com"
    desk.standin.act("x", "note", {"note": "hello"})
    with pytest.raises(ActRefused, match="already acknowledged"):
        desk.standin.act("1", "ack", {})
    with pytest.raises(ActRefused, match="no alert"):
        desk.standin.act("nobody", "close", {})
    with pytest.raises(ActRefused, match="endTime"):
        desk.standin.act("x", "snooze", {"endTime": "soon"})


QUERIES = {
    "": ["one", "two", "three"],
    "status:open": ["two", "three"],
    "status : closed": ["one"],
    "tag:aws AND NOT status:closed": ["two"],
    "NOT (tag:aws OR tag:db)": ["three"],
    "tag:(db OR nothing)": [],
    "tag: aws OR message: three": ["one", "two", "three"],
    "acknowledged:true": ["two"],
    "alias:arn:aws:x:two": ["two"],
    'alias:"arn:aws:x:two" AND status:open': ["two"],
    "message:t*": ["two", "three"],
    "message: alarm two priority:P1": ["two"],
    "priority:(P1 OR P2)": ["two"],
    "priority>P3": ["two"],
    "createdAt > 0 AND updatedAt >= 1 status: open": ["two", "three"],
    "createdAt>99999999999999": [],
    "count:1": ["one", "two", "three"],
    "two": ["two"],
    "owner:alice": ["two"],
    "details.key:k": ["three"],
}


def test_searching(desk: Desk) -> None:
    desk.create(message="one", tags=["aws"])
    desk.create(message="alarm two", alias="arn:aws:x:two", tags=["aws"], priority="P1")
    desk.create(message="three", details={"k": "v"})
    desk.do("POST", "/v2/alerts/1/close?identifierType=tiny")
    desk.do("POST", "/v2/alerts/2/acknowledge?identifierType=tiny", {"user": "alice"})
    for query, expected in QUERIES.items():
        quoted = urllib.parse.quote(query)
        status, body, _ = desk.call("GET", f"/v2/alerts?query={quoted}&order=asc")
        assert status == 200, body
        assert [a["message"].removeprefix("alarm ") for a in body["data"]] == expected, query
        assert desk.call("GET", f"/v2/alerts/count?query={quoted}")[1]["data"]["count"] == len(
            expected
        )
    for bad in ("status:", "(status:open", "colour:red", "AND", "count:x", "message>3", '"open'):
        status, body, _ = desk.call("GET", f"/v2/alerts?query={urllib.parse.quote(bad)}")
        assert status == 422 and "query" in body["errors"], bad


def test_pages_of_a_list(desk: Desk) -> None:
    for number in range(5):
        desk.create(message=f"m{number}")
    _, body, headers = desk.call("GET", "/v2/alerts?limit=2&sort=message&order=asc")
    assert [a["message"] for a in body["data"]] == ["m0", "m1"]
    assert headers["X-Paging-Next"] == body["paging"]["next"]
    second = desk.call("GET", body["paging"]["next"].removeprefix(desk.standin.url))[1]
    assert [a["message"] for a in second["data"]] == ["m2", "m3"]
    for wrong in ("limit=101", "limit=x", "offset=20000&limit=1", "sort=colour"):
        assert desk.call("GET", f"/v2/alerts?{wrong}")[0] == 422


@pytest.mark.parametrize(
    "fields",
    [
        {"message": ""},
        {"message": "m" * 131},
        {"alias": "a" * 513},
        {"priority": "P9"},
        {"tags": "a"},
        {"tags": ["t"] * 21},
        {"details": {"k": 1}},
        {"responders": [{"type": "robot", "name": "r"}]},
    ],
)
def test_a_body_that_cannot_be_is_refused_with_the_field(
    desk: Desk, fields: dict[str, Any]
) -> None:
    status, body, _ = desk.call("POST", "/v2/alerts", {"message": "m", **fields})
    assert status == 422
    assert set(body["errors"]) == set(fields)


def test_wrong_bodies_keys_and_paths(desk: Desk) -> None:
    assert desk.call("POST", "/v2/alerts", b"{")[0] == 400
    assert desk.call("POST", "/v2/alerts", [1])[0] == 422
    status, body, headers = desk.call("GET", "/v2/alerts", key="wrong")
    assert (status, body["message"]) == (401, "Could not authenticate")
    assert headers["X-RateLimit-State"] == "OK"
    assert desk.call("GET", "/v2/integrations", key=desk.standin.alert_key)[1]["code"] == 40301
    alert = desk.create()
    assert desk.call("DELETE", f"/v2/alerts/{alert['id']}", key=desk.standin.alert_key)[0] == 403
    assert desk.call("PATCH", "/v2/alerts")[0] == 405
    assert desk.call("POST", f"/v2/alerts/{alert['id']}/fly", {})[0] == 404
    assert desk.call("GET", "/v3/alerts")[0] == 404


def test_a_rate_limit_and_a_lost_answer_on_demand(desk: Desk) -> None:
    desk.faults.add(
        parse_fault(
            {"target": "opsgenie", "match": "GET /v2/alerts", "status": 429, "retry_after": 1}
            | {"count": 1}
        )
    )
    status, body, headers = desk.call("GET", "/v2/alerts")
    assert (status, headers["X-RateLimit-State"]) == (429, "THROTTLED")
    assert headers["Retry-After"] == "1" and "too many requests" in body["message"]
    desk.faults.add(parse_fault({"target": "opsgenie", "match": "POST /v2/alerts", "lost": True}))
    with pytest.raises((urllib.error.URLError, http.client.HTTPException, ConnectionError)):
        desk.call("POST", "/v2/alerts", {"message": "kept"})
    poll(lambda: desk.standin.alerts() or None)
    statuses = [c["status"] for c in desk.calls.list("opsgenie")]
    assert statuses == [429, 0]
