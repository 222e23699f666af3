"""Knows the integrations of Jira Service Management's Operations, spoken of as of Opsgenie's.

Its API names and nests the same things otherwise: settings stand in `typeSpecificProperties`, an
incoming action is an object of its own with `fieldMappings`, a webhook's filter has a path of its
own. Here they go in and come out in the shape of Opsgenie's Integration API, so that the same
resources serve both. Source: "Integrations", "Integration actions" and "Integration outgoing
filters", developer.atlassian.com/cloud/jira/service-desk-ops, which marks them experimental. That
the answer to a creation has the key: Atlassian's own Terraform provider reads it there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from trailwatch.errors import RouterError
from trailwatch.routers.atlassian import AtlassianHttp, as_object

PAGE = 50
MOST_PAGES = 40
_CATEGORIES = {
    "create": "create",
    "close": "close",
    "acknowledge": "acknowledge",
    "addNote": "addNote",
    "ignore": "ignore",
}
"""Opsgenie's lists of actions by the type that an action has there."""
_MAPPED = (
    "user", "note", "alias", "source", "message", "description", "entity", "priority", "tags",
)  # fmt: skip
"""What an action sets that is called the same in both; `extraProperties` is `details` there."""
_SETTINGS = ("suppressNotifications", "url", "headers", "addAlertDescription", "addAlertDetails")


class JsmIntegrationsApi:
    """Integrations and their actions under `url`/jsm/ops/api/CLOUD. Raises RouterError."""

    def __init__(self, url: str, cloud_id: str, email: str, token: str) -> None:
        """email, token: of an account that may change the configuration of Operations."""
        self._root = f"{url.rstrip('/')}/jsm/ops/api/{quote(cloud_id, safe='')}/v1"
        basic: dict[str, str] = urllib3.make_headers(basic_auth=f"{email}:{token}")
        self._auth = {"Authorization": basic["authorization"]}
        self._http = AtlassianHttp()

    def list(self) -> list[dict[str, Any]]:
        """Every integration: id, name, enabled, type, teamId."""
        return [*self._pages("/integrations")]

    def get(self, ident: str) -> dict[str, Any]:
        """An integration's settings; headers, url and filter for a webhook, never the key."""
        found = self._ask("GET", _at(ident))
        settings = found.get("typeSpecificProperties")
        known = settings if isinstance(settings, Mapping) else {}
        team = str(found.get("teamId") or "")
        shown: dict[str, Any] = {name: known[name] for name in _SETTINGS if name in known}
        shown |= {"name": found.get("name"), "type": found.get("type")}
        shown |= {"enabled": bool(found.get("enabled")), "ownerTeam": {"id": team} if team else {}}
        if "url" in known:
            told = self._ask("GET", f"{_at(ident)}/{FILTER}")
            parts = ("conditionMatchType", "conditions")
            shown["alertFilter"] = {name: told[name] for name in parts if name in told}
        return shown

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make one; the answer has id, name and apiKey."""
        asked = {"name": body["name"], "type": body["type"], **self._said(body)}
        team = self._team(body)
        made = self._ask("POST", "/integrations", {**asked, **({"teamId": team} if team else {})})
        ident = str(made.get("id") or "")
        self._put_filter(ident, body)
        settings = made.get("typeSpecificProperties")
        inside = settings.get("apiKey", "") if isinstance(settings, Mapping) else ""
        key = made.get("apiKey") or inside
        if not key and "url" not in body:
            raise RouterError(
                "Jira Service Management did not tell the key of a new integration.",
                f"{body['name']} was made, without which no alarm can be sent to it.",
                "Delete it there, make it by hand and set JSM_SNS_KEY: docs/oncall.md.",
                operation="POST /integrations",
            )
        return {"id": ident, "name": body["name"], "apiKey": key}

    def update(self, ident: str, body: Mapping[str, Any]) -> None:
        """Change an integration's settings."""
        self._ask("PATCH", _at(ident), {"name": body["name"], **self._said(body)})
        self._put_filter(ident, body)

    def delete(self, ident: str) -> None:
        """Delete one; one that is gone already is fine."""
        try:
            self._ask("DELETE", _at(ident))
        except RouterError as error:
            if error.code != "404":
                raise

    def enable(self, ident: str) -> None:
        self._ask("PATCH", _at(ident), {"enabled": True})

    def actions(self, ident: str) -> dict[str, Any]:
        """An integration's incoming actions by category, in their order."""
        found: dict[str, Any] = {name: [] for name in _CATEGORIES.values()}
        for place, one in enumerate(self._incoming(ident), start=1):
            whole = self._ask("GET", f"{_at(ident)}/actions/{quote(str(one['id']), safe='')}")
            found.setdefault(_CATEGORIES.get(str(whole.get("type")), "ignore"), []).append(
                _from_there(whole, place)
            )
        return found

    def put_actions(self, ident: str, actions: Mapping[str, Any]) -> None:
        """Replace all of an integration's incoming actions: the new ones are there before the old
        ones go, so that no alarm finds none.
        """
        before = [str(one["id"]) for one in self._incoming(ident)]
        wanted = [one for name in _CATEGORIES.values() for one in actions.get(name) or ()]
        for one in sorted(wanted, key=lambda action: int(action.get("order", 0))):
            self._ask("POST", f"{_at(ident)}/actions", _to_there(one))
        for gone in before:
            self._ask("DELETE", f"{_at(ident)}/actions/{quote(gone, safe='')}")

    def _said(self, body: Mapping[str, Any]) -> dict[str, Any]:
        settings = {name: body[name] for name in _SETTINGS if name in body}
        if "url" in body:
            settings |= {"outgoingSettingsEnabled": True, "forwardingActionGroupEnabled": True}
        return {"enabled": bool(body.get("enabled")), "typeSpecificProperties": settings}

    def _put_filter(self, ident: str, body: Mapping[str, Any]) -> None:
        if "alertFilter" in body:
            self._ask("PATCH", f"{_at(ident)}/{FILTER}", body["alertFilter"])

    def _team(self, body: Mapping[str, Any]) -> str:
        """The id of the team that the body names; raises RouterError where there is none."""
        name = str((body.get("ownerTeam") or {}).get("name") or "")
        if not name:
            return ""
        for team in self._ask("GET", "/teams").get("platformTeams") or ():
            if team.get("teamName") == name:
                return str(team.get("teamId", ""))
        raise RouterError(
            f"There is no team {name!r} in Jira Service Management.",
            fix="Name one of its teams in OPSGENIE_TEAM.",
            code="404",
        )

    def _incoming(self, ident: str) -> Sequence[dict[str, Any]]:
        found = self._pages(f"{_at(ident)}/actions")
        return [one for one in found if one.get("direction", "incoming") == "incoming"]

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        for page in range(MOST_PAGES):
            query = urlencode({"offset": page * PAGE, "size": PAGE})
            found = self._ask("GET", f"{path}?{query}").get("values") or []
            yield from (dict(one) for one in found if isinstance(one, Mapping))
            if len(found) < PAGE:
                return

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        return as_object(self._http.ask(method, f"{self._root}{path}", self._auth, body))


FILTER = "outgoing/alert-filter/main"


def _at(ident: str) -> str:
    return f"/integrations/{quote(ident, safe='')}"


def _to_there(action: Mapping[str, Any]) -> dict[str, Any]:
    """An action of Opsgenie's as Jira Service Management takes it."""
    mapped = {name: action[name] for name in _MAPPED if action.get(name) not in (None, "")}
    if action.get("extraProperties"):
        mapped["details"] = dict(action["extraProperties"])
    found = action.get("filter") or {}
    conditions = found.get("conditions") or []
    return {
        "type": action["type"],
        "name": action["name"],
        "domain": "alert",
        "direction": "incoming",
        "enabled": True,
        "filter": {
            "conditionsEmpty": not conditions,
            "conditionMatchType": found.get("conditionMatchType", "match-all"),
            "conditions": [{**one, "order": at} for at, one in enumerate(conditions)],
        },
        "fieldMappings": mapped,
    }


def _from_there(action: Mapping[str, Any], place: int) -> dict[str, Any]:
    """The same back. place: which one it is, from 1. An action that is off is none of ours."""
    mapped = dict(action.get("fieldMappings") or {})
    found = action.get("filter") or {}
    shown = {name: mapped[name] for name in _MAPPED if name in mapped}
    if mapped.get("details"):
        shown["extraProperties"] = mapped["details"]
    conditions = [
        {name: one.get(name) for name in ("field", "not", "operation", "expectedValue")}
        for one in found.get("conditions") or ()
    ]
    name = str(action.get("name", ""))
    return {
        "type": action.get("type"),
        "name": name if action.get("enabled", True) else f"{name} (off)",
        "order": place,
        "filter": {
            "conditionMatchType": found.get("conditionMatchType", "match-all"),
            "conditions": conditions,
        },
        **shown,
    }
