"""Knows what Jira Service Management answers otherwise than Opsgenie: paths, keys, shapes.

Alerts are the same as Opsgenie's. Integration events take an integration's key and four actions;
the Operations API takes Basic authentication and an alert's id only, wraps lists in `values`, and
names people by their Atlassian account. Source: developer.atlassian.com/cloud/jira/service-desk-ops
(Alerts, Teams, Escalations) and, for people, /cloud/jira/platform/rest/v3 (Users).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from typing import Any

from sandbox.opsgenie.alert import Who, full, stable_id
from sandbox.opsgenie.answers import Refusal, Reply, Request
from sandbox.opsgenie.api_alerts import AlertApi
from sandbox.opsgenie.book import AlertBook
from sandbox.opsgenie.integrations import Integrations
from sandbox.opsgenie.jsm_integrations import JsmIntegrations

CLOUD_ID = "0a1b2c3d-0000-4000-8000-123456789012"
EMAIL = "trailwatch@example.com"
EVENTS = ("acknowledge", "close", "notes")
OPERATIONS = (*EVENTS, "unacknowledge", "snooze")
TEAM = "b3f5b1a4-0000-4000-8000-5ec0417fea31"
ESCALATIONS = ("second line", "security_escalation")
"""The names of the one team's escalations."""
DOMAIN = "@example.com"
"""Everybody with such an address has an account."""


class JsmFront:
    """Answers requests whose path begins with /jsm/ops; raises Refusal."""

    def __init__(
        self, alerts: AlertApi, book: AlertBook, token: str, integrations: Integrations
    ) -> None:
        self._integrations = JsmIntegrations(integrations)
        self._alerts = alerts
        self._book = book
        self._token = token
        self._people: dict[str, str] = {}

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
        rest = request.path[3:]
        match request.path[1:3]:
            case ("v1", "integrations"):
                return self._integrations.handle(_inner(request, rest, request.query))
            case ("v1", "teams") if request.method == "GET":
                return self._teams(rest, request.query)
            case ("v1", "alerts"):
                return self._alert(request, rest, who)
        raise Refusal(404)

    def _alert(self, request: Request, rest: tuple[str, ...], who: Who) -> Reply:
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
                return Reply(200, self._shape(full(found)))
            case ("GET", ident, "notes" | "logs" as part):
                return self._part(request, ident, part, query, who)
            case ("POST", _, action) if action in OPERATIONS:
                return self._alerts.handle(_inner(request, rest, query), who)
            case ("POST", _, "assign" | "escalate"):
                return self._alerts.handle(self._changed(request, rest), who)
            case ("PATCH", _, "priority" | "message" | "description"):
                body = request.body
                changed = Request("PUT", rest, {}, body, request.headers)
                return self._alerts.handle(changed, who)
        raise Refusal(404)

    def platform(self, request: Request) -> Reply:
        """`request.path` is what follows the site's /rest/api/3."""
        self._who(request)
        match (request.method, *request.path):
            case ("GET", "user", "search"):
                asked = request.query.get("query", "")
                found = [self._user(asked)] if asked.endswith(DOMAIN) else []
                return Reply(200, found)
            case ("GET", "user"):
                account = request.query.get("accountId", "")
                if account not in self._people:
                    raise Refusal(404, "Specified user does not exist")
                return Reply(200, self._user(self._people[account]))
        raise Refusal(404)

    def _user(self, email: str) -> dict[str, Any]:
        name = email.partition("@")[0]
        account = self._account(email)
        return {"accountId": account, "emailAddress": email, "displayName": name, "active": True}

    def _account(self, user: str) -> str:
        """The account's id of somebody with an address; any other name as it is."""
        if not user.endswith(DOMAIN):
            return user
        account = f"712020:{stable_id('user', user)}"
        self._people[account] = user
        return account

    def _teams(self, path: tuple[str, ...], query: Mapping[str, str]) -> Reply:
        if not path:
            return Reply(200, {"platformTeams": [{"teamId": TEAM, "teamName": "Security"}]})
        if path != (TEAM, "escalations"):
            raise Refusal(404)
        offset, size = int(query.get("offset", "0")), int(query.get("size", "20"))
        known = [{"id": stable_id("escalation", one), "name": one} for one in ESCALATIONS]
        return Reply(200, {"values": known[offset : offset + size], "links": {}})

    def _changed(self, request: Request, path: tuple[str, ...]) -> Request:
        """The request with people and escalations as Opsgenie names them."""
        body = request.json(required=True)
        unknown = set(body) - {"accountId", "escalationId"}
        if unknown:
            raise Refusal(422, errors=dict.fromkeys(unknown, "is not a field of this request"))
        if path[1] == "assign":
            owner = self._people.get(str(body.get("accountId", "")))
            if owner is None:
                raise Refusal(422, errors={"accountId": "No such account."})
            said: dict[str, Any] = {"owner": {"type": "user", "username": owner}}
        else:
            ids = {stable_id("escalation", one): one for one in ESCALATIONS}
            name = ids.get(str(body.get("escalationId", "")))
            if name is None:
                raise Refusal(422, errors={"escalationId": "No such escalation."})
            said = {"escalation": {"type": "escalation", "name": name}}
        return Request("POST", path, {}, json.dumps(said).encode(), request.headers)

    def _list(self, request: Request, query: Mapping[str, str], who: Who) -> Reply:
        asked = {**query, "limit": query.get("size", "20")}
        asked.pop("size", None)
        reply = self._alerts.handle(_inner(request, (), asked), who)
        body: Any = reply.body
        following = body["paging"].get("next")
        return Reply(
            200,
            {
                "values": [self._shape(one) for one in body["data"]],
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
        body: Any = reply.body
        found = [{"id": one["offset"], **one} for one in body["data"]]
        more = "next" in body["paging"] and bool(found)
        after = f"/v1/alerts/{ident}/{part}?after={found[-1].pop('offset')}" if more else ""
        for one in found:
            one.pop("offset", None)
            one["owner"] = self._account(one["owner"])
        links = {"next": after} if after else {}
        return Reply(200, {"values": found, "links": links, "count": len(found)})

    def _shape(self, alert: Mapping[str, Any]) -> dict[str, Any]:
        """An alert as the Operations API names its parts."""
        shown = dict(alert)
        if "details" in shown:
            shown["extraProperties"] = shown.pop("details")
        shown["owner"] = self._account(shown["owner"])
        report = shown["report"]
        shown["report"] = {
            name: self._account(value) if name.endswith("By") else value
            for name, value in report.items()
        }
        return shown

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
