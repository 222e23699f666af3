"""Knows Jira Service Management's integrations, as its Operations API shows them.

The integrations are those of the Opsgenie stand-in; settings stand in `typeSpecificProperties`,
actions are objects of their own with an id. Source: "Integrations", "Integration actions" and
"Integration outgoing filters", developer.atlassian.com/cloud/jira/service-desk-ops.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.opsgenie.answers import Refusal, Reply, Request
from sandbox.opsgenie.integrations import Integration, Integrations
from sandbox.opsgenie.payload import Unprocessable

TEAM_NAMES: Mapping[str, str] = {"b3f5b1a4-0000-4000-8000-5ec0417fea31": "Security"}
_NESTED = ("suppressNotifications", "url", "headers", "addAlertDescription", "addAlertDetails",
           "outgoingSettingsEnabled", "forwardingActionGroupEnabled")  # fmt: skip
_TYPES = ("create", "close", "acknowledge", "addNote", "ignore")


class JsmIntegrations:
    """Answers requests whose path begins with /v1/integrations; the caller was known."""

    def __init__(self, integrations: Integrations) -> None:
        self._all = integrations
        self._actions: dict[str, list[dict[str, Any]]] = {}

    def handle(self, request: Request) -> Reply:
        """`request.path` is what follows /v1/integrations; raises Refusal."""
        try:
            return self._route(request)
        except Unprocessable as bad:
            raise Refusal(422, errors=bad.errors) from None

    def _route(self, request: Request) -> Reply:
        match (request.method, *request.path):
            case ("GET",):
                return _page([one.meta() for one in self._all.all()], request)
            case ("POST",):
                made = self._all.create(_inner(request.json(required=True)), {})
                return Reply(201, {**_shown(made), "apiKey": made.key})
            case ("GET", ident):
                return Reply(200, _shown(self._all.get(ident)))
            case ("PATCH", ident):
                settings = {**self._all.get(ident).settings, **_inner(request.json())}
                return Reply(200, _shown(self._all.put(ident, settings)))
            case ("DELETE", ident):
                self._all.delete(ident)
                return Reply(204, {})
            case (method, ident, "outgoing", "alert-filter", "main"):
                return self._filter(method, ident, request)
            case (method, ident, "actions", *rest):
                self._all.get(ident)
                return self._action(method, ident, rest, request)
        raise Refusal(404)

    def _filter(self, method: str, ident: str, request: Request) -> Reply:
        there = self._all.get(ident)
        if method == "PATCH":
            there = self._all.put(ident, {**there.settings, "alertFilter": request.json()})
        return Reply(200, dict(there.settings.get("alertFilter") or {}))

    def _action(self, method: str, ident: str, rest: list[str], request: Request) -> Reply:
        kept = self._actions.setdefault(ident, [])
        match (method, *rest):
            case ("GET",):
                names = ("id", "name", "type", "direction", "domain")
                return _page([{name: one[name] for name in names} for one in kept], request)
            case ("POST",):
                body = request.json(required=True)
                if body.get("type") not in _TYPES or body.get("direction") != "incoming":
                    raise Unprocessable({"type": "is not one of an incoming integration's."})
                kept.append({"id": str(uuid.uuid4()), **body})
                self._apply(ident)
                return Reply(201, kept[-1])
            case ("GET", action):
                return Reply(200, _one(kept, action))
            case ("DELETE", action):
                kept.remove(_one(kept, action))
                self._apply(ident)
                return Reply(204, {})
        raise Refusal(404)

    def _apply(self, ident: str) -> None:
        """Let the incoming endpoint do what the actions say."""
        inner: dict[str, list[dict[str, Any]]] = {name: [] for name in _TYPES}
        for order, one in enumerate(self._actions[ident], start=1):
            mapped = dict(one.get("fieldMappings") or {})
            details = mapped.pop("details", {})
            found = one.get("filter") or {}
            conditions = [
                {k: v for k, v in each.items() if k != "order"}
                for each in found.get("conditions") or ()
            ]
            inner[one["type"]].append(
                {
                    "type": one["type"],
                    "name": one["name"],
                    "order": order,
                    "filter": {
                        "conditionMatchType": found.get("conditionMatchType", "match-all"),
                        "conditions": conditions,
                    },
                    **mapped,
                    **({"extraProperties": details} if details else {}),
                }
            )
        self._all.put_actions(ident, inner)


def _one(kept: list[dict[str, Any]], action: str) -> dict[str, Any]:
    found = next((one for one in kept if one["id"] == action), None)
    if found is None:
        raise Refusal(404, f"Action with id [{action}] does not exist")
    return found


def _page(found: list[dict[str, Any]], request: Request) -> Reply:
    offset, size = int(request.query.get("offset", "0")), int(request.query.get("size", "20"))
    return Reply(200, {"values": found[offset : offset + size], "links": {}})


def _inner(body: Mapping[str, Any]) -> dict[str, Any]:
    """A request's body as the stand-in of Opsgenie keeps it."""
    settings = {name: body[name] for name in ("name", "type", "enabled") if name in body}
    if body.get("teamId"):
        team = {"id": body["teamId"], "name": TEAM_NAMES.get(str(body["teamId"]), "")}
        settings["ownerTeam"] = team
    return {**settings, **(body.get("typeSpecificProperties") or {})}


def _shown(one: Integration) -> dict[str, Any]:
    """An integration as its API shows it, without its key."""
    meta = one.meta()
    nested = {name: one.settings[name] for name in _NESTED if name in one.settings}
    return {**meta, "typeSpecificProperties": nested}
