"""Knows the Integration API's routes under /v2/integrations. Never keeps an integration itself."""

from __future__ import annotations

from typing import Any

from sandbox.opsgenie.answers import Refusal, Reply, Request, data
from sandbox.opsgenie.incoming import DEFAULT_ACTIONS
from sandbox.opsgenie.integrations import TYPES, Integration, Integrations
from sandbox.opsgenie.payload import Unprocessable


class IntegrationApi:
    """Answers requests whose path begins with /v2/integrations; the caller has checked the key."""

    def __init__(self, integrations: Integrations) -> None:
        self._all = integrations

    def handle(self, request: Request) -> Reply:
        """`request.path` is what follows /v2/integrations; raises Refusal."""
        try:
            return self._route(request)
        except Unprocessable as bad:
            raise Refusal(422, errors=bad.errors) from None

    def _route(self, request: Request) -> Reply:
        match (request.method, *request.path):
            case ("GET",):
                return self._list(request)
            case ("POST",):
                return self._create(request)
            case ("POST", "authenticate"):
                return self._authenticate(request)
            case ("GET", ident):
                return data(_shown(self._all.get(ident)))
            case ("PUT", ident):
                return data(self._all.put(ident, request.json(required=True)).meta())
            case ("DELETE", ident):
                self._all.delete(ident)
                return Reply(200, {"result": "Deleted"})
            case ("POST", ident, "enable" | "disable" as verb):
                # The service's own description says 201 for both.
                return data(self._all.enable(ident, verb == "enable").meta(), 201)
            case (method, ident, "actions"):
                return self._actions(method, ident, request)
        raise Refusal(405 if len(request.path) < 2 else 404)

    def _list(self, request: Request) -> Reply:
        wanted, team = request.query.get("type"), request.query.get("teamId")
        found = [i.meta() for i in self._all.all() if wanted in (None, "", i.type)]
        name = request.query.get("teamName")
        if name:
            named = {i.id for i in self._all.all() if _team_name(i) == name}
            found = [m for m in found if m["id"] in named]
        return data([m for m in found if team in (None, "", m["teamId"])])

    def _create(self, request: Request) -> Reply:
        body = request.json(required=True)
        actions = DEFAULT_ACTIONS if body.get("type") == "AmazonSns" else None
        made = self._all.create(body, actions)
        # The API's description omits apiKey, yet its Go SDK and Terraform provider read it here.
        return data({**made.meta(), "apiKey": made.key}, 201)

    def _authenticate(self, request: Request) -> Reply:
        kind = request.json(required=True).get("type")
        if kind not in TYPES:
            raise Unprocessable({"type": f"type should be one of {', '.join(TYPES)}."})
        return Reply(200, {"result": "Authenticated"})

    def _actions(self, method: str, ident: str, request: Request) -> Reply:
        if method == "GET":
            return data(_actions(self._all.get(ident)))
        body = request.json(required=True)
        if method == "PUT":
            return data(_actions(self._all.put_actions(ident, body)))
        if method == "POST":
            return data(_actions(self._all.add_action(ident, body)), 201)
        raise Refusal(405, "Method not allowed")


def _shown(integration: Integration) -> dict[str, Any]:
    """GET shows every setting, but never the key."""
    return {"id": integration.id, **integration.settings, "_readOnly": []}


def _actions(integration: Integration) -> dict[str, Any]:
    meta = integration.meta()
    del meta["teamId"]
    return {"_parent": meta, **integration.actions}


def _team_name(integration: Integration) -> str | None:
    team = integration.settings.get("ownerTeam") or {}
    return team.get("name")
