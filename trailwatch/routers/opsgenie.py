"""Knows Opsgenie's alert API through opsgenie-sdk; never its integrations (setup.opsgenie_api).

What the SDK does unexpectedly, and what is done about it here:
- `Configuration()` shares its `api_key` dict between all instances: each gets a fresh one.
- It sets the loggers urllib3 and opsgenie_sdk to WARNING: they are put back as they were.
- A float time-out is ignored, and there is none by default: a (connect, read) pair always.
- A retry that ends raises tenacity.RetryError, even with retries off: it is unwrapped.
- An answer that is no JSON raises ValueError; so does an unknown type of responder.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from trailwatch.errors import RouterError
from trailwatch.json_http import JsonHttp, NoAnswer
from trailwatch.routers.router import (
    MOST_OPEN,
    Remark,
    RequestStatus,
    RoutedAlert,
    is_before,
    made_after,
    page_of,
    remark,
    routed_alert,
)

TIMEOUT = (3, 5)
"""Seconds to connect and to read: a person waits for most of these calls."""

LIST_PAGE = 100
MOST_PAGES = 5
"""Of an alert's notes; more than people write."""


class OpsgenieRouter:
    """Acts on and reads alerts in Opsgenie. One instance serves all threads.

    Every action is taken by Opsgenie with a request id and carried out later ("Alert API",
    docs.opsgenie.com); `request_status` tells when. Raises RouterError.
    """

    name = "opsgenie"
    unnoted = frozenset({"priority"})

    def __init__(self, url: str, api_key: str) -> None:
        self._url = url.rstrip("/")
        self._key = api_key
        self._lock = threading.Lock()
        self._api: Any = None

    def acknowledge(self, alert_id: str, user: str, note: str = "") -> str:
        """Acknowledge under a person's name; returns the request's id."""
        return self._act("acknowledge_alert", alert_id, user, note)

    def unacknowledge(self, alert_id: str, user: str, note: str = "") -> str:
        """Take an acknowledgement back; returns the request's id."""
        return self._act("un_acknowledge_alert", alert_id, user, note)

    def close(self, alert_id: str, user: str, note: str = "") -> str:
        """Close under a person's name; returns the request's id."""
        return self._act("close_alert", alert_id, user, note)

    def add_note(self, alert_id: str, user: str, note: str) -> str:
        """Add a note; returns the request's id."""
        return self._act("add_note", alert_id, user, note)

    def snooze(self, alert_id: str, user: str, until: datetime, note: str = "") -> str:
        """Snooze until a UTC time; returns the request's id."""
        import opsgenie_sdk

        payload = opsgenie_sdk.SnoozeAlertPayload(
            end_time=until.astimezone(UTC), user=user, note=note or None, source="trailwatch"
        )
        answer = self._call("snooze_alert", identifier=alert_id, snooze_alert_payload=payload)
        return str(answer.request_id)

    def assign(self, alert_id: str, user: str, owner: str, note: str = "") -> str:
        """Make a user of Opsgenie's the owner, by their user name (an e-mail address)."""
        import opsgenie_sdk

        payload = opsgenie_sdk.AssignAlertPayload(
            owner=opsgenie_sdk.UserRecipient(username=owner),
            user=user,
            note=note or None,
            source="trailwatch",
        )
        answer = self._call("assign_alert", identifier=alert_id, assign_alert_payload=payload)
        return str(answer.request_id)

    def escalate(self, alert_id: str, user: str, escalation: str, note: str = "") -> str:
        """Go on to the next rule of an escalation policy, by the policy's name."""
        import opsgenie_sdk

        payload = opsgenie_sdk.EscalateAlertToNextPayload(
            escalation=opsgenie_sdk.EscalationRecipient(name=escalation),
            user=user,
            note=note or None,
            source="trailwatch",
        )
        answer = self._call(
            "escalate_alert", identifier=alert_id, escalate_alert_to_next_payload=payload
        )
        return str(answer.request_id)

    def set_priority(self, alert_id: str, priority: str) -> str:
        """Set the priority, P1 to P5. Opsgenie takes neither a user nor a note with it."""
        import opsgenie_sdk

        payload = opsgenie_sdk.UpdateAlertPriorityPayload(priority=priority)
        answer = self._call(
            "update_alert_priority",
            identifier=alert_id,
            update_alert_priority_payload=payload,
        )
        return str(answer.request_id)

    def request_status(self, request_id: str) -> RequestStatus:
        """What became of a request; Opsgenie answers 404 until it has been carried out."""
        try:
            answer = self._call("get_request_status", request_id=request_id)
        except RouterError as error:
            if error.code == "404":
                return RequestStatus(done=False)
            raise
        success = getattr(answer.data, "is_success", None)
        if success is None:
            return RequestStatus(done=False)
        return RequestStatus(True, bool(success), str(answer.data.status or ""))

    def find(self, alert_id: str) -> RoutedAlert | None:
        """An alert by Opsgenie's id with description and details; None where there is none."""
        try:
            answer = self._call("get_alert", identifier=alert_id, identifier_type="id")
        except RouterError as error:
            if error.code == "404":
                return None
            if error.code != "unreadable":
                raise
            path = f"/v2/alerts/{quote(alert_id, safe='')}?identifierType=id"
            found = self._raw("get_alert", path)
            return routed_alert(found) if isinstance(found, Mapping) else None
        return routed_alert(answer.data.to_dict())

    def notes(self, alert_id: str) -> list[Remark]:
        """The notes on an alert, oldest first; of more than 500 the newest."""
        found: list[Remark] = []
        more: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            page = self._remarks("list_notes", alert_id, "note", **more)
            found += page.values()
            if len(page) < LIST_PAGE:
                break
            more = {"offset": list(page)[-1], "direction": "next"}
        return found[::-1]

    def log(self, alert_id: str) -> list[Remark]:
        """The 100 newest lines of an alert's activity log, oldest first."""
        return list(self._remarks("list_logs", alert_id, "log").values())[::-1]

    def _remarks(self, operation: str, alert_id: str, text: str, **more: str) -> dict[str, Remark]:
        """One page, newest first, each by the offset after which the next page begins."""
        answer = self._call(
            operation,
            identifier=alert_id,
            identifier_type="id",
            limit=LIST_PAGE,
            order="desc",
            **more,
        )
        page = [item.to_dict() for item in answer.data or []]
        return {str(one.get("offset") or at): remark(one, text) for at, one in enumerate(page)}

    def list_open(self, limit: int = MOST_OPEN) -> list[RoutedAlert]:
        """The open alerts with our tag, newest first, without description and details."""
        return self._listing("status:open AND tag:trailwatch", limit)

    def list_closed(self, since: datetime) -> list[RoutedAlert]:
        """The same of alerts that are closed by now and were made after `since`."""
        return self._listing("status:closed AND tag:trailwatch", MOST_OPEN, since)

    def _listing(self, query: str, limit: int, since: datetime | None = None) -> list[RoutedAlert]:
        found: list[RoutedAlert] = []
        while len(found) < limit:
            page = page_of(partial(self._page, query, len(found)), first=not found)
            found.extend(page)
            if len(page) < LIST_PAGE or is_before(page, since):
                break
        return made_after(found, since)

    def _page(self, query: str, offset: int) -> list[RoutedAlert]:
        """One page. An alert that the SDK's models refuse must not lose the others."""
        asked: dict[str, Any] = {
            "query": query,
            "offset": offset,
            "limit": LIST_PAGE,
            "sort": "createdAt",
            "order": "desc",
        }
        try:
            answer = self._call("list_alerts", **asked)
        except RouterError as error:
            if error.code != "unreadable":
                raise
            found = self._raw("list_alerts", f"/v2/alerts?{urlencode(asked)}")
            items = found if isinstance(found, list) else []
            return [routed_alert(one) for one in items if isinstance(one, Mapping)]
        return [routed_alert(item.to_dict()) for item in answer.data or []]

    def _act(self, operation: str, alert_id: str, user: str, note: str) -> str:
        import opsgenie_sdk

        payloads = {
            "acknowledge_alert": ("acknowledge_alert_payload", "AcknowledgeAlertPayload"),
            "un_acknowledge_alert": ("un_acknowledge_alert_payload", "UnAcknowledgeAlertPayload"),
            "close_alert": ("close_alert_payload", "CloseAlertPayload"),
            "add_note": ("add_note_to_alert_payload", "AddNoteToAlertPayload"),
        }
        argument, model = payloads[operation]
        payload = getattr(opsgenie_sdk, model)(user=user, note=note or None, source="trailwatch")
        answer = self._call(operation, identifier=alert_id, **{argument: payload})
        return str(answer.request_id)

    def _call(self, operation: str, **arguments: Any) -> Any:
        method: Callable[..., Any] = getattr(self._alerts(), operation)
        return translated(operation, lambda: method(_request_timeout=TIMEOUT, **arguments))

    def _raw(self, operation: str, path: str) -> Any:
        """The `data` of an answer without the SDK's models, for those that they refuse."""
        http = JsonHttp(TIMEOUT[1])
        try:
            key = {"Authorization": f"GenieKey {self._key}"}
            answer = http.ask("GET", f"{self._url}{path}", key)
        except NoAnswer as error:
            raise _router_error(operation, error) from error
        finally:
            http.close()
        if answer.status >= 400:
            raise _router_error(operation, answer)
        if not isinstance(answer.said, Mapping) or "data" not in answer.said:
            raise RouterError(
                "Opsgenie's answer cannot be read.",
                f"{operation}: it has no `data`.",
                operation=operation,
                code="unreadable",
            )
        return answer.said["data"]

    def _alerts(self) -> Any:
        with self._lock:
            if self._api is None:
                self._api = _alert_api(self._url, self._key)
            return self._api


def _alert_api(url: str, key: str) -> Any:
    import opsgenie_sdk

    loggers = [logging.getLogger("urllib3"), logging.getLogger("opsgenie_sdk")]
    levels = [logger.level for logger in loggers]
    configuration = opsgenie_sdk.Configuration()
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    configuration.host = url
    configuration.api_key = {"Authorization": key}
    configuration.api_key_prefix = {"Authorization": "GenieKey"}
    configuration.retry_enabled = False  # the job that calls retries, with its own back-off
    return opsgenie_sdk.AlertApi(opsgenie_sdk.ApiClient(configuration=configuration))


def translated(operation: str, call: Callable[[], Any]) -> Any:
    """Run an SDK call; every failure becomes a RouterError. `code` is the HTTP status as text,
    "unreachable", or "unreadable".
    """
    import tenacity
    import urllib3
    from opsgenie_sdk.exceptions import OpenApiException

    try:
        return call()
    except tenacity.RetryError as error:
        cause = error.last_attempt.exception()
        raise _router_error(operation, cause) from error
    except (OpenApiException, urllib3.exceptions.HTTPError, OSError) as error:
        raise _router_error(operation, error) from error
    except ValueError as error:
        raise RouterError(
            "Opsgenie's answer cannot be read.",
            f"{operation}: {error}",
            operation=operation,
            code="unreadable",
        ) from error


def _router_error(operation: str, cause: object) -> RouterError:
    status = getattr(cause, "status", None)
    if not isinstance(status, int):
        return RouterError(
            "Opsgenie does not answer.",
            f"{operation}: {type(cause).__name__}.",
            "It is tried again; see OPSGENIE_API_URL if this goes on.",
            operation=operation,
            code="unreachable",
            retryable=True,
        )
    headers = getattr(cause, "headers", None) or {}
    fix = {
        401: "Check OPSGENIE_API_KEY.",
        403: "Give the key behind OPSGENIE_API_KEY the rights to read, create and update alerts.",
        429: "It is tried again when Opsgenie's limit allows.",
    }.get(status, "")
    return RouterError(
        f"Opsgenie answered {status} to {operation.replace('_', ' ')}.",
        _message_of(getattr(cause, "body", None)),
        fix,
        operation=operation,
        code=str(status),
        request_id=str(headers.get("X-Request-ID", "")),
        retryable=status == 429 or status >= 500,
        retry_after=_retry_after(status, headers),
    )


def _retry_after(status: int, headers: Mapping[str, Any]) -> float | None:
    """Seconds to wait. The limit's period comes with every answer and means something in 429."""
    period = headers.get("X-RateLimit-Period-In-Sec") if status == 429 else None
    return _seconds(headers.get("Retry-After") or period)


def _message_of(body: Any) -> str:
    try:
        message = json.loads(body).get("message", "")
    except (ValueError, TypeError, AttributeError):
        return ""
    return str(message)[:300]


def _seconds(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
