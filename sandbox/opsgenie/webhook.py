"""Knows the outgoing webhook: its body and its delivery in order. Never changes an alert.

Shapes follow recorded payloads of 2020 and 2021: createdAt in milliseconds, updatedAt in
nanoseconds. Retries are not documented by Opsgenie; the waits are a choice.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.opsgenie.alert import full, stable_id
from sandbox.opsgenie.book import Activity
from sandbox.opsgenie.integrations import Integration
from sandbox.opsgenie.regex import Matcher
from sandbox.opsgenie.rules import holds
from sandbox.wire import Sender

CUT = 1000
WAITS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
MAPPED = {
    "Create": "create",
    "Acknowledge": "acknowledge",
    "UnAcknowledge": "unacknowledge",
    "Snooze": "snooze",
    "SnoozeEnded": "snooze",
    "EscalateNext": "escalate-to-next",
    "AddNote": "add-note",
    "AddResponder": "add-responder",
    "AddTeam": "add-responder",
    "AddTags": "add-tags",
    "RemoveTags": "remove-tags",
    "Close": "close",
    "Delete": "delete",
    "AssignOwnership": "assign-ownership",
    "UpdatePriority": "update-priority",
    "UpdateDescription": "update-description",
    "UpdateMessage": "update-message",
}
STANDARD = (*MAPPED, "AddDetails", "RemoveDetails")


def body(activity: Activity, integration: Integration) -> dict[str, Any]:
    """The JSON that is posted for an activity.

    Description and details go out for Create and custom actions only, each where its box is
    ticked, cut at 1000 characters (Opsgenie's "Webhook Integration").
    """
    alert, who, settings = activity.alert, activity.who, integration.settings
    shown: dict[str, Any] = {
        "alertId": alert.id,
        "message": alert.message,
        "tags": list(alert.tags),
        "tinyId": alert.tiny_id,
        "entity": alert.entity,
        "alias": alert.alias,
        "createdAt": alert.created_at,
        "updatedAt": alert.updated_at * 1_000_000,
        "username": who.user,
        "responders": [dict(r) for r in alert.responders],
        "teams": [r["id"] for r in alert.responders if r["type"] == "team"],
        "actions": list(alert.actions),
        "priority": alert.priority,
        "source": alert.source,
    }
    if who.kind == "web":
        shown["userId"] = stable_id("user", who.user)
    teams = [r["name"] for r in alert.responders if r["type"] == "team"]
    if teams:
        shown["team"] = teams[0]
    if activity.action == "Create" or activity.action not in STANDARD:
        if settings.get("addAlertDescription"):
            shown["description"] = alert.description[:CUT]
        if settings.get("addAlertDetails"):
            shown["details"] = {k: v[:CUT] for k, v in alert.details.items()}
    shown.update(activity.extras)
    return {
        "action": activity.action,
        "alert": shown,
        "source": {"name": "", "type": who.kind},
        "integrationName": integration.name,
        "integrationId": integration.id,
        "integrationType": integration.type,
    }


def wanted(activity: Activity, integration: Integration, matcher: Matcher) -> bool:
    """Whether the integration is told: enabled, forwarding, mapped, and its filter matches."""
    settings = integration.settings
    if integration.type != "Webhook" or not integration.enabled:
        return False
    if settings.get("forwardingEnabled") is False:
        return False
    mappings = settings.get("forwardingActionMappings")
    if mappings:
        mapped = MAPPED.get(activity.action, "custom-action")
        if mapped not in [m["action"] for m in mappings]:
            return False
    fields = full(activity.alert)
    fields["teams"] = [r["name"] for r in activity.alert.responders if r["type"] == "team"]
    return holds(settings.get("alertFilter") or {}, fields, matcher)


class _Lane:
    """The deliveries to one integration, one after the other on a thread of its own."""

    def __init__(self, sender: Sender, waits: Sequence[float], stopped: threading.Event) -> None:
        self._sender = sender
        self._waits = waits
        self._stopped = stopped
        self._queue: queue.SimpleQueue[tuple[str, Mapping[str, str], bytes] | None]
        self._queue = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="opsgenie webhook", daemon=True)
        self._thread.start()

    def put(self, url: str, headers: Mapping[str, str], payload: bytes) -> None:
        self._queue.put((url, headers, payload))

    def end(self) -> None:
        self._queue.put(None)
        self._thread.join(15)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            url, headers, payload = item
            for wait in (*self._waits, None):
                if self._stopped.is_set():
                    return
                delivery = self._sender.post("webhook", url, payload, headers)
                if 200 <= delivery.status < 300 or wait is None:
                    break
                self._stopped.wait(wait)


class Webhooks:
    """Tells every webhook integration what happened, in order, with retries until it gives up."""

    def __init__(
        self,
        sender: Sender,
        integrations: Callable[[], list[Integration]],
        matcher: Matcher,
        waits: Sequence[float] = WAITS,
    ) -> None:
        self._sender = sender
        self._integrations = integrations
        self._matcher = matcher
        self._waits = waits
        self._stopped = threading.Event()
        self._lanes: dict[str, _Lane] = {}
        self._lock = threading.Lock()

    def announce(self, activity: Activity) -> None:
        """Queue the activity for every integration that wants it."""
        for integration in self._integrations():
            if not wanted(activity, integration, self._matcher):
                continue
            payload = json.dumps(body(activity, integration)).encode()
            headers = {
                "Content-Type": "application/json",
                "User-Agent": "OpsGenie",
                **integration.settings.get("headers", {}),
            }
            with self._lock:
                if self._stopped.is_set():
                    return
                lane = self._lanes.get(integration.id)
                if lane is None:
                    lane = _Lane(self._sender, self._waits, self._stopped)
                    self._lanes[integration.id] = lane
            lane.put(integration.settings["url"], headers, payload)

    def stop(self) -> None:
        with self._lock:
            self._stopped.set()
            lanes = list(self._lanes.values())
        for lane in lanes:
            lane.end()
