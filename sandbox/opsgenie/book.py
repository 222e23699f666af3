"""Knows every alert, its notes and its log, and the requests in progress. Never speaks HTTP."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sandbox.opsgenie.alert import (
    ACTIONS,
    Alert,
    Outcome,
    Unprocessed,
    Who,
    iso,
    new_alert,
    repeated,
    snooze_ended,
)
from sandbox.opsgenie.timetable import Timetable

REQUESTS_KEPT = 20_000


@dataclass(frozen=True)
class Activity:
    """Something happened to an alert, to be told to the outgoing integrations."""

    action: str
    alert: Alert
    extras: Mapping[str, Any]
    who: Who


@dataclass(frozen=True)
class Entry:
    """One line of an alert's notes or activity log."""

    text: str
    kind: str
    owner: str
    at: int

    @property
    def offset(self) -> str:
        return str(self.at)


@dataclass(frozen=True)
class Request:
    """A request that was accepted (202) and has been processed since."""

    action: str
    status: str
    success: bool
    processed_at: int
    integration_id: str
    alert_id: str = ""
    alias: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "success": self.success,
            "action": self.action,
            "processedAt": iso(self.processed_at),
            "integrationId": self.integration_id,
            "isSuccess": self.success,
            "status": self.status,
            "alertId": self.alert_id,
            "alias": self.alias,
        }


class AlertBook:
    """All alerts of the account. Safe for threads.

    `announce` is called for every activity, in the order in which it happened, while the
    book is locked: it must only queue.
    """

    def __init__(
        self, timetable: Timetable, delay: float, announce: Callable[[Activity], None]
    ) -> None:
        self._timetable = timetable
        self._delay = delay
        self._announce = announce
        self._lock = threading.RLock()
        self._alerts: dict[str, Alert] = {}
        self._notes: dict[str, list[Entry]] = {}
        self._logs: dict[str, list[Entry]] = {}
        self._requests: OrderedDict[str, Request] = OrderedDict()
        self._last_stamp = 0
        self._tiny = 0

    def all(self) -> list[Alert]:
        """Every alert that is not deleted, oldest first."""
        with self._lock:
            return list(self._alerts.values())

    def find(self, identifier: str, kind: str = "id") -> Alert | None:
        """By "id", "tiny" or "alias"; an alias finds an open alert only (Alerts Search Query)."""
        with self._lock:
            if kind == "id":
                return self._alerts.get(identifier)
            for alert in reversed(self._alerts.values()):
                if kind == "tiny" and alert.tiny_id == identifier:
                    return alert
                if kind == "alias" and alert.alias == identifier and not alert.closed:
                    return alert
            return None

    def notes(self, alert_id: str) -> list[Entry]:
        with self._lock:
            return list(self._notes.get(alert_id, ()))

    def logs(self, alert_id: str) -> list[Entry]:
        with self._lock:
            return list(self._logs.get(alert_id, ()))

    def request(self, request_id: str) -> Request | None:
        """The processed request; None while it waits, and for one that never was."""
        with self._lock:
            return self._requests.get(request_id)

    def accept_create(self, fields: Mapping[str, Any], who: Who) -> str:
        """Queue the creation; the request id."""
        return self._accept("Create", who, lambda: self.create(fields, who))

    def accept(
        self, identifier: str, kind: str, action: str, body: Mapping[str, Any], who: Who
    ) -> str:
        """Queue an action on the alert that the identifier names when its turn comes."""

        def job() -> tuple[Alert, str]:
            alert = self.find(identifier, kind)
            if alert is None:
                raise Unprocessed("Alert does not exist")
            return self.apply(alert.id, action, body, who)

        return self._accept(action.capitalize(), who, job)

    def create(self, fields: Mapping[str, Any], who: Who) -> tuple[Alert, str]:
        """Create now, or raise the count of the open alert with this alias."""
        with self._lock:
            now = self._stamp()
            alias = fields.get("alias")
            there = self.find(alias, "alias") if alias else None
            if there is not None:
                alert = repeated(there, now)
                self._alerts[alert.id] = alert
                self._log(alert, f"Count of the alert rose to {alert.count}", who, now)
                return alert, "Deduplicated alert"
            self._tiny += 1
            alert = new_alert(fields, who, self._tiny, now)
            self._alerts[alert.id] = alert
            self._log(alert, "Alert created", who, now)
            self._announce(Activity("Create", alert, {}, who))
            if fields.get("note"):
                self._note(alert, fields["note"], who, now)
            return alert, "Created alert"

    def apply(
        self, alert_id: str, action: str, body: Mapping[str, Any], who: Who
    ) -> tuple[Alert, str]:
        """Do it now to the alert of this id; raises Unprocessed."""
        with self._lock:
            alert = self._alerts.get(alert_id)
            if alert is None:
                raise Unprocessed("Alert does not exist")
            now = self._stamp()
            outcome = ACTIONS[action](alert, body, who, now)
            after = self._keep(outcome, who, now)
            if action == "delete":
                del self._alerts[alert_id]
            if body.get("note"):
                self._note(after, body["note"], who, now)
            if action == "snooze":
                self._end_snooze_later(after, now)
            return after, outcome.status

    def _accept(self, action: str, who: Who, job: Callable[[], tuple[Alert, str]]) -> str:
        request_id = str(uuid.uuid4())
        integration_id = who.integration.get("id", "")

        def process() -> None:
            with self._lock:
                try:
                    alert, status = job()
                    done = Request(
                        action, status, True, self._stamp(), integration_id, alert.id, alert.alias
                    )
                except Unprocessed as refused:
                    done = Request(action, str(refused), False, self._stamp(), integration_id)
                self._requests[request_id] = done
                while len(self._requests) > REQUESTS_KEPT:
                    self._requests.popitem(last=False)

        self._timetable.after(self._delay, process)
        return request_id

    def _keep(self, outcome: Outcome, who: Who, now: int) -> Alert:
        after = replace(outcome.alert, updated_at=now)
        self._alerts[after.id] = after
        self._log(after, outcome.status, who, now)
        self._announce(Activity(outcome.webhook, after, outcome.extras, who))
        return after

    def _end_snooze_later(self, alert: Alert, now: int) -> None:
        end = alert.snoozed_until or now

        def job() -> None:
            with self._lock:
                current = self._alerts.get(alert.id)
                if current is None or current.snoozed_until != end:
                    return
                who = Who("System", "", "system")
                self._keep(snooze_ended(current), who, self._stamp())

        self._timetable.after((end - now) / 1000, job)

    def _note(self, alert: Alert, text: str, who: Who, now: int) -> None:
        self._notes.setdefault(alert.id, []).append(Entry(text, "note", who.user, now))

    def _log(self, alert: Alert, text: str, who: Who, now: int) -> None:
        kind = "system" if who.kind == "system" else "alertRecipient"
        self._logs.setdefault(alert.id, []).append(Entry(text, kind, who.user, now))

    def _stamp(self) -> int:
        """Milliseconds now; never the same twice, so that activities can be told apart."""
        self._last_stamp = max(time.time_ns() // 1_000_000, self._last_stamp + 1)
        return self._last_stamp
