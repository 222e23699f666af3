"""Knows alerts of Jira Service Management's Operations through its two APIs. Configures nothing.

Integration events (`/jsm/ops/integration/v2/alerts`, an integration's key) take what people do to
an alert, under their name; the Operations API (`/jsm/ops/api/CLOUD/v1`, e-mail and API token)
reads, and does what events cannot, under the name of the token's account. Both carry out later
what they take. Source: "Integration events", "Alerts" and "Escalations",
developer.atlassian.com/cloud/jira/service-desk-ops. Not tried on the real service; see
docs/oncall.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import urllib3

from trailwatch.clock import iso
from trailwatch.errors import RouterError
from trailwatch.routers.atlassian import CALLED, AtlassianHttp, AtlassianPeople, as_object
from trailwatch.routers.router import (
    MOST_OPEN,
    Remark,
    RequestStatus,
    RoutedAlert,
    RouterName,
    is_before,
    made_after,
    page_of,
    remark,
    routed_alert,
)

LIST_PAGE = 100
MOST_ESCALATIONS = 1000
"""Of one team."""
MOST_PAGES = 5
"""Of an alert's notes; more than people write."""
SOURCE = "trailwatch"
EVENT, OPERATION = "event", "operation"
"""What stands before a request's id: which of the two APIs knows it."""


class JsmRouter:
    """Acts on and reads alerts. One instance serves all threads. Raises RouterError."""

    name: str = RouterName.JSM.value
    unnoted = frozenset({"priority", "assign", "escalate"})

    def __init__(
        self, url: str, cloud_id: str, email: str, token: str, key: str, site_url: str = ""
    ) -> None:
        """key: of an API integration; email and token: of somebody who may read and change alerts;
        site_url: of Jira itself, where people are looked up.
        """
        self._events = f"{url.rstrip('/')}/jsm/ops/integration/v2/alerts"
        self._operations = f"{url.rstrip('/')}/jsm/ops/api/{quote(cloud_id, safe='')}/v1/alerts"
        self._key = {"Authorization": f"GenieKey {key}"}
        basic: dict[str, str] = urllib3.make_headers(basic_auth=f"{email}:{token}")
        self._basic = {"Authorization": basic["authorization"]}
        self._http = AtlassianHttp()
        jira = site_url.rstrip("/") or f"{url.rstrip('/')}/ex/jira/{quote(cloud_id, safe='')}"
        self._people = AtlassianPeople(self._http, jira, self._basic)

    def acknowledge(self, alert_id: str, user: str, note: str = "") -> str:
        """Acknowledge under a person's name; returns the request's id."""
        return self._event(alert_id, "acknowledge", user, note)

    def unacknowledge(self, alert_id: str, user: str, note: str = "") -> str:
        """Take an acknowledgement back; returns the request's id."""
        return self._operation(alert_id, "unacknowledge", user, note)

    def close(self, alert_id: str, user: str, note: str = "") -> str:
        """Close under a person's name; returns the request's id."""
        return self._event(alert_id, "close", user, note)

    def add_note(self, alert_id: str, user: str, note: str) -> str:
        """Add a note; returns the request's id."""
        return self._event(alert_id, "notes", user, note)

    def snooze(self, alert_id: str, user: str, until: datetime, note: str = "") -> str:
        """Snooze until a UTC time; returns the request's id."""
        return self._operation(alert_id, "snooze", user, note, endTime=iso(until.astimezone(UTC)))

    def assign(self, alert_id: str, user: str, owner: str, note: str = "") -> str:
        """Make somebody the owner, by their e-mail address; no note goes with it."""
        body = {"accountId": self._people.id_of(owner)}
        return self._change("POST", alert_id, "assign", body)

    def escalate(self, alert_id: str, user: str, escalation: str, note: str = "") -> str:
        """Go on to the next rule of an escalation, by its name; no note goes with it."""
        body = {"escalationId": self._escalation(escalation)}
        return self._change("POST", alert_id, "escalate", body)

    def set_priority(self, alert_id: str, priority: str) -> str:
        """Set the priority, P1 to P5."""
        return self._change("PATCH", alert_id, "priority", {"priority": priority})

    def request_status(self, request_id: str) -> RequestStatus:
        """What became of a request; 404 is the answer until it has been carried out."""
        kind, _, own = request_id.partition(":")
        base, auth = (self._events, self._key) if kind == EVENT else (self._operations, self._basic)
        try:
            answer = self._ask("GET", f"{base}/requests/{quote(own, safe='')}", auth)
        except RouterError as error:
            if error.code == "404":
                return RequestStatus(done=False)
            raise
        data = answer.get("data")
        told: Mapping[str, Any] = data if isinstance(data, Mapping) else answer
        success = told.get("isSuccess", told.get("success"))
        return RequestStatus(True, bool(success), str(told.get("status") or ""))

    def find(self, alert_id: str) -> RoutedAlert | None:
        """An alert by its id with description and details; None where there is none."""
        url = f"{self._operations}/{quote(alert_id, safe='')}"
        try:
            answer = self._ask("GET", url, self._basic)
        except RouterError as error:
            if error.code == "404":
                return None
            raise
        return self._named(routed_alert(answer))

    def notes(self, alert_id: str) -> list[Remark]:
        """The notes on an alert, oldest first; of more than 500 the newest."""
        return self._remarks(alert_id, "notes", "note", MOST_PAGES)

    def log(self, alert_id: str) -> list[Remark]:
        """The 100 newest lines of an alert's log, oldest first."""
        return self._remarks(alert_id, "logs", "log", 1)

    def _remarks(self, alert_id: str, part: str, text: str, pages: int) -> list[Remark]:
        """What `links.next` of a page says after `after=` is where the next one begins."""
        found: list[Remark] = []
        query = {"size": str(LIST_PAGE)}
        for _ in range(pages):
            url = f"{self._operations}/{quote(alert_id, safe='')}/{part}?{urlencode(query)}"
            answer = self._ask("GET", url, self._basic)
            found += [
                remark(one, text) for one in answer.get("values") or () if isinstance(one, Mapping)
            ]
            links = answer.get("links")
            following = str(links.get("next") or "") if isinstance(links, Mapping) else ""
            after = parse_qs(urlsplit(following).query).get("after")
            if not after:
                break
            query["after"] = after[0]
        named = [replace(one, by=self._people.name_of(one.by)) for one in found]
        return sorted(named, key=lambda one: one.at)

    def list_open(self, limit: int = MOST_OPEN) -> list[RoutedAlert]:
        """The open alerts with our tag, newest first; descriptions may be missing."""
        return self._listing("status:open AND tag:trailwatch", limit)

    def list_closed(self, since: datetime) -> list[RoutedAlert]:
        """The same of alerts that are closed by now and were made after `since`."""
        return self._listing("status:closed AND tag:trailwatch", MOST_OPEN, since)

    def _listing(self, wanted: str, limit: int, since: datetime | None = None) -> list[RoutedAlert]:
        found: list[RoutedAlert] = []
        while len(found) < limit:
            query = {
                "query": wanted,
                "offset": str(len(found)),
                "size": str(LIST_PAGE),
                "sort": "createdAt",
                "order": "desc",
            }
            url = f"{self._operations}?{urlencode(query)}"
            answer = page_of(partial(self._ask, "GET", url, self._basic), first=not found)
            page = [one for one in answer.get("values") or () if isinstance(one, Mapping)]
            found += [self._named(routed_alert(one)) for one in page]
            links = answer.get("links")
            if not page or not isinstance(links, Mapping) or not links.get("next"):
                break
            if is_before(found, since):
                break
        return made_after(found, since)

    def _event(self, alert_id: str, action: str, user: str, note: str) -> str:
        url = f"{self._events}/{quote(alert_id, safe='')}/{action}?identifierType=id"
        return f"{EVENT}:{self._request(url, self._key, _said(user, note))}"

    def _operation(self, alert_id: str, action: str, user: str, note: str, **more: str) -> str:
        url = f"{self._operations}/{quote(alert_id, safe='')}/{action}"
        return f"{OPERATION}:{self._request(url, self._basic, {**_said(user, note), **more})}"

    def _change(self, method: str, alert_id: str, part: str, body: Mapping[str, str]) -> str:
        url = f"{self._operations}/{quote(alert_id, safe='')}/{part}"
        answer = self._ask(method, url, self._basic, body)
        return f"{OPERATION}:{answer.get('requestId', '')}"

    def _escalation(self, name: str) -> str:
        """The id of an escalation, of whichever team. Raises RouterError where none has the name.

        Source: "Teams" and "Escalations" there: `platformTeams` and `values`.
        """
        root = self._operations.removesuffix("/alerts")
        teams = self._ask("GET", f"{root}/teams", self._basic).get("platformTeams")
        for team in teams if isinstance(teams, list) else ():
            if not isinstance(team, Mapping):
                continue
            url = f"{root}/teams/{quote(str(team.get('teamId', '')), safe='')}/escalations"
            for offset in range(0, MOST_ESCALATIONS, LIST_PAGE):
                query = urlencode({"offset": offset, "size": LIST_PAGE})
                page = self._ask("GET", f"{url}?{query}", self._basic).get("values") or []
                for one in page:
                    if isinstance(one, Mapping) and one.get("name") == name:
                        return str(one.get("id", ""))
                if len(page) < LIST_PAGE:
                    break
        raise RouterError(
            f"There is no escalation {name!r} in {CALLED}.",
            "None of the teams that the token’s owner sees has one of that name.",
            "Name one of theirs in OPSGENIE_ESCALATION.",
            code="404",
        )

    def _named(self, alert: RoutedAlert) -> RoutedAlert:
        """The alert with people's addresses in place of their accounts' ids."""
        name_of = self._people.name_of
        return replace(
            alert,
            owner=name_of(alert.owner),
            acknowledged_by=name_of(alert.acknowledged_by),
            closed_by=name_of(alert.closed_by),
        )

    def _request(self, url: str, auth: Mapping[str, str], body: Mapping[str, str]) -> str:
        return str(self._ask("POST", url, auth, body).get("requestId", ""))

    def _ask(
        self, method: str, url: str, auth: Mapping[str, str], body: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        return as_object(self._http.ask(method, url, auth, body))


def _said(user: str, note: str) -> dict[str, str]:
    return {"user": user, "source": SOURCE, **({"note": note} if note else {})}
