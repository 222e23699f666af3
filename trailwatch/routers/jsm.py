"""Knows alerts of Jira Service Management's Operations through its two APIs. Configures nothing.

Integration events (`/jsm/ops/integration/v2/alerts`, an integration's key) take what people do to
an alert, under their name; the Operations API (`/jsm/ops/api/CLOUD/v1`, e-mail and API token)
reads, and does what events cannot. Both carry out later what they take. Source: "Integration
events" and "Alerts", developer.atlassian.com/cloud/jira/service-desk-ops. Not tried on the real
service; see docs/oncall.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import urllib3

from trailwatch.clock import iso
from trailwatch.errors import RouterError
from trailwatch.routers.router import (
    Remark,
    RequestStatus,
    RoutedAlert,
    RouterName,
    remark,
    routed_alert,
)

TIMEOUT = urllib3.Timeout(connect=3, read=5)
LIST_PAGE = 100
MOST_PAGES = 5
"""Of an alert's notes; more than people write."""
SOURCE = "trailwatch"
CALLED = "Jira Service Management"
EVENT, OPERATION = "event", "operation"
"""What stands before a request's id: which of the two APIs knows it."""


class JsmRouter:
    """Acts on and reads alerts. One instance serves all threads. Raises RouterError."""

    name: str = RouterName.JSM.value

    def __init__(self, url: str, cloud_id: str, email: str, token: str, key: str) -> None:
        """key: of an API integration; email and token: of somebody who may read alerts."""
        self._events = f"{url.rstrip('/')}/jsm/ops/integration/v2/alerts"
        self._operations = f"{url.rstrip('/')}/jsm/ops/api/{quote(cloud_id, safe='')}/v1/alerts"
        self._key = {"Authorization": f"GenieKey {key}"}
        basic: dict[str, str] = urllib3.make_headers(basic_auth=f"{email}:{token}")
        self._basic = {"Authorization": basic["authorization"]}
        self._pool = urllib3.PoolManager(maxsize=4, retries=False, timeout=TIMEOUT)

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
        """Raises RouterError: it takes an Atlassian account's id, which is not known here."""
        raise _only_there("assigned")

    def escalate(self, alert_id: str, user: str, escalation: str, note: str = "") -> str:
        """Raises RouterError: it takes an escalation's id, which is not known here."""
        raise _only_there("escalated")

    def set_priority(self, alert_id: str, priority: str) -> str:
        """Raises RouterError: how it is done by the API is not known for sure."""
        raise _only_there("given another priority")

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
        return routed_alert(answer)

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
        return sorted(found, key=lambda one: one.at)

    def list_open(self, limit: int = 1000) -> list[RoutedAlert]:
        """The open alerts with our tag, newest first; descriptions may be missing."""
        found: list[RoutedAlert] = []
        while len(found) < limit:
            query = {
                "query": "status:open AND tag:trailwatch",
                "offset": str(len(found)),
                "size": str(LIST_PAGE),
                "sort": "createdAt",
                "order": "desc",
            }
            answer = self._ask("GET", f"{self._operations}?{urlencode(query)}", self._basic)
            page = [one for one in answer.get("values") or () if isinstance(one, Mapping)]
            found += [routed_alert(one) for one in page]
            links = answer.get("links")
            if not page or not isinstance(links, Mapping) or not links.get("next"):
                break
        return found

    def _event(self, alert_id: str, action: str, user: str, note: str) -> str:
        url = f"{self._events}/{quote(alert_id, safe='')}/{action}?identifierType=id"
        return f"{EVENT}:{self._request(url, self._key, _said(user, note))}"

    def _operation(self, alert_id: str, action: str, user: str, note: str, **more: str) -> str:
        url = f"{self._operations}/{quote(alert_id, safe='')}/{action}"
        return f"{OPERATION}:{self._request(url, self._basic, {**_said(user, note), **more})}"

    def _request(self, url: str, auth: Mapping[str, str], body: Mapping[str, str]) -> str:
        return str(self._ask("POST", url, auth, body).get("requestId", ""))

    def _ask(
        self, method: str, url: str, auth: Mapping[str, str], body: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        headers = {**auth, "Accept": "application/json"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        operation = f"{method} {url.partition('?')[0].rpartition('/')[2]}"
        try:
            answer = self._pool.request(method, url, body=content, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise RouterError(
                f"{CALLED} does not answer.",
                f"{operation}: {type(error).__name__}.",
                "It is tried again; see JSM_API_URL if this goes on.",
                operation=operation,
                code="unreachable",
                retryable=True,
            ) from error
        try:
            said = json.loads(answer.data) if answer.data else {}
        except ValueError:
            said = None
        if answer.status >= 400:
            raise _refused(operation, answer.status, answer.headers, said)
        if not isinstance(said, Mapping):
            raise RouterError(
                f"The answer of {CALLED} cannot be read.",
                f"{operation}: it is no JSON object.",
                operation=operation,
                code="unreadable",
            )
        return said


def _said(user: str, note: str) -> dict[str, str]:
    return {"user": user, "source": SOURCE, **({"note": note} if note else {})}


def _only_there(done: str) -> RouterError:
    return RouterError(
        f"An alert of {CALLED} is not {done} from here.",
        fix="Do it there; what changes is shown here.",
        code="400",
    )


def _refused(operation: str, status: int, headers: Mapping[str, str], said: Any) -> RouterError:
    why = ""
    if isinstance(said, Mapping):
        why = str(said.get("message") or said.get("errors") or "")[:300]
    fix = {
        401: "Check JSM_EMAIL, JSM_API_TOKEN and JSM_API_KEY.",
        403: "Its plan has to include Operations, and the token's owner has to see the alerts.",
        429: "It is tried again when its limit allows.",
    }.get(status, "")
    return RouterError(
        f"{CALLED} answered {status} to {operation}.",
        why,
        fix,
        operation=operation,
        code=str(status),
        request_id=str(headers.get("X-Request-ID", "")),
        retryable=status == 429 or status >= 500,
        retry_after=_seconds(headers.get("Retry-After")),
    )


def _seconds(value: str | None) -> float | None:
    try:
        return float(value) if value else None
    except ValueError:
        return None
