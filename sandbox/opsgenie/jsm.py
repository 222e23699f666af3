"""Knows what Jira Service Management answers otherwise than Opsgenie: paths, keys, shapes.

Alerts are the same as Opsgenie's. Integration events take an integration's key and four actions;
the Operations API takes Basic authentication and an alert's id only, and wraps lists in `values`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Any

from sandbox.opsgenie.alert import Who, full
from sandbox.opsgenie.answers import Refusal, Reply, Request
from sandbox.opsgenie.api_alerts import AlertApi
from sandbox.opsgenie.book import AlertBook

CLOUD_ID = "0a1b2c3d-0000-4000-8000-123456789012"
EMAIL = "trailwatch@example.com"
EVENTS = ("acknowledge", "close", "notes")
OPERATIONS = (*EVENTS, "unacknowledge", "snooze")


class JsmFront:
    """Answers requests whose path begins with /jsm/ops; raises Refusal."""

    def __init__(self, alerts: AlertApi, book: AlertBook, token: str) -> None:
        self._alerts = alerts
        self._book = book
        self._token = token

    def event(self, request: Request, who: Who) -> Reply:
        """`request.path` is what follows /jsm/ops/integration/v2/alerts; the key was checked."""
        match (request.method, *request.path):
            case ("POST",) | ("GET", "requests", _):
                return self._alerts.handle(request, who)
            case ("POST", _, action) if action in EVENTS:
                return self._alerts.handle(request, who)
        raise Refusal(404)

    def operation(self, request: Request) -> Reply:
        """`request.path` is what follows /jsm/ops/api: CLOUD, v1, alerts, ..."""
        who = self._who(request)
        if request.path[:1] != (CLOUD_ID,):
            raise Refusal(404, "Cloud id is not known")
        if request.path[1:3] != ("v1", "alerts"):
            raise Refusal(404)
        rest = request.path[3:]
        query = {k: v for k, v in request.query.items() if k != "identifierType"}
        match (request.method, *rest):
            case ("GET",):
                return self._list(request, query, who)
            case ("GET", "requests", _):
                return self._alerts.handle(_inner(request, rest, query), who)
            case ("GET", ident):
                found = self._book.find(ident, "id")
                if found is None:
                    raise Refusal(404, f"Alert with id [{ident}] does not exist")
                return Reply(200, _shape(full(found)))
            case ("GET", ident, "notes" | "logs" as part):
                return self._part(request, ident, part, query, who)
            case ("POST", _, action) if action in OPERATIONS:
                return self._alerts.handle(_inner(request, rest, query), who)
        raise Refusal(404)

    def _list(self, request: Request, query: Mapping[str, str], who: Who) -> Reply:
        asked = {**query, "limit": query.get("size", "20")}
        asked.pop("size", None)
        reply = self._alerts.handle(_inner(request, (), asked), who)
        body: Mapping[str, Any] = reply.body or {}
        following = body["paging"].get("next")
        return Reply(
            200,
            {
                "values": [_shape(one) for one in body["data"]],
                "links": {"next": following} if following else {},
                "count": len(body["data"]),
            },
        )

    def _part(
        self, request: Request, ident: str, part: str, query: Mapping[str, str], who: Who
    ) -> Reply:
        """Notes or log lines, newest first, each with an id; `after` is the key of the last."""
        asked = {"limit": query.get("size", "20"), "order": "desc"}
        if "after" in query:
            asked |= {"offset": query["after"], "direction": "next"}
        reply = self._alerts.handle(_inner(request, (ident, part), asked), who)
        body: Mapping[str, Any] = reply.body or {}
        found = [{"id": one["offset"], **one} for one in body["data"]]
        more = "next" in body["paging"] and bool(found)
        after = f"/v1/alerts/{ident}/{part}?after={found[-1].pop('offset')}" if more else ""
        for one in found:
            one.pop("offset", None)
        links = {"next": after} if after else {}
        return Reply(200, {"values": found, "links": links, "count": len(found)})

    def _who(self, request: Request) -> Who:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            plain = base64.b64decode(given, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            plain = ""
        wanted = f"{EMAIL}:{self._token}"
        if scheme.lower() != "basic" or not hmac.compare_digest(plain.encode(), wanted.encode()):
            raise Refusal(401)
        return Who(EMAIL, "127.0.0.1", "API", {})


def _inner(request: Request, path: tuple[str, ...], query: Mapping[str, str]) -> Request:
    return Request(request.method, path, query, request.body, request.headers)


def _shape(alert: Mapping[str, Any]) -> dict[str, Any]:
    """An alert as the Operations API names its parts."""
    shown = dict(alert)
    if "details" in shown:
        shown["extraProperties"] = shown.pop("details")
    return shown
