"""Answers of on-call services that no page documents cost one field, never the whole list."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from sandbox.wire import Server
from trailwatch.alert import AlertState
from trailwatch.errors import RouterError
from trailwatch.routers.jsm import JsmRouter
from trailwatch.routers.opsgenie import OpsgenieRouter
from trailwatch.routers.router import routed_alert

ALERT: dict[str, Any] = {
    "id": "a1",
    "tinyId": "7",
    "alias": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:trailwatch-x",
    "message": "m",
    "status": "open",
    "acknowledged": True,
    "count": 3,
    "tags": ["trailwatch"],
    "createdAt": "2026-11-23T10:00:00.123Z",
    "updatedAt": "2026-11-23T10:05:00.123Z",
    "priority": "P2",
    "report": {"acknowledgedBy": "eve@example.com"},
}
STRANGE = {"responders": [{"type": "satellite", "id": "s1"}]}


class Odd:
    """A service that answers everything alike."""

    def __init__(self) -> None:
        self.answer: Any = {}
        self.asked: list[str] = []
        self.server = Server(self._app, name="odd")

    def _app(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        self.asked.append(f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}")
        body = json.dumps(self.answer).encode()
        start("200 OK", [("Content-Type", "application/json"), ("X-Request-ID", "r")])
        return [body]


@pytest.fixture
def odd() -> Iterator[Odd]:
    found = Odd()
    found.server.start()
    yield found
    found.server.stop()


@pytest.fixture
def router(odd: Odd) -> OpsgenieRouter:
    return OpsgenieRouter(odd.server.url, "key")


def whole(data: Any) -> dict[str, Any]:
    return {"data": data, "took": 0.1, "requestId": "r"}


def test_an_unknown_kind_of_responder_loses_no_alert(odd: Odd, router: OpsgenieRouter) -> None:
    odd.answer = whole({**ALERT, **STRANGE, "details": {"k": "v"}})
    found = router.find("a1")
    assert found is not None
    assert (found.state, found.acknowledged_by) == (AlertState.ACKNOWLEDGED, "eve@example.com")
    odd.answer = whole([ALERT, {**ALERT, **STRANGE, "id": "a2"}])
    assert [one.id for one in router.list_open()] == ["a1", "a2"]
    since = datetime(2026, 11, 23, tzinfo=UTC)
    assert [one.count for one in router.list_closed(since)] == [3, 3]


def test_an_id_cannot_lead_to_another_address(odd: Odd, router: OpsgenieRouter) -> None:
    odd.answer = whole({**ALERT, **STRANGE})
    router.find("../../v2/integrations?x=y")
    assert not any(one.startswith("/v2/integrations") for one in odd.asked)


@pytest.mark.parametrize("answer", [{}, whole(None), whole("done")])
def test_a_status_that_says_nothing_is_none_yet(
    odd: Odd, router: OpsgenieRouter, answer: Any
) -> None:
    odd.answer = answer
    try:
        assert not router.request_status("r").done
    except RouterError as error:
        assert error.code == "unreadable"


@pytest.mark.parametrize(
    "change",
    [
        {"details": ["a"], "extraProperties": "x"},
        {"report": []},
        {"count": "many"},
        {"count": None},
        {"tags": "trailwatch"},
        {"createdAt": 1e30, "updatedAt": "yesterday"},
        {"updatedAt": {"seconds": 1}},
        {"snoozed": True, "snoozedUntil": "later"},
        {"priority": 3},
        {"owner": {"id": "x"}},
    ],
)
def test_odd_types_cost_a_field_at_most(change: dict[str, Any]) -> None:
    found = routed_alert({**ALERT, **change})
    assert (found.id, found.state) == ("a1", AlertState.ACKNOWLEDGED)


@pytest.mark.parametrize("data", [[], {"values": ["x", None, ALERT]}, {"values": {"id": 1}}])
def test_jsms_lists(odd: Odd, data: Any) -> None:
    jsm = JsmRouter(odd.server.url, "cloud", "e@example.com", "token", "key")
    odd.answer = data
    listed: Callable[[], Any] = jsm.list_open
    try:
        assert [one.id for one in listed()] in ([], ["a1"])
    except RouterError as error:
        assert error.code == "unreadable"
