"""Knows alerts that no on-call service has: the bot's own store is theirs. Calls nobody."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from trailwatch.alarm_message import AlarmMessage
from trailwatch.alert import AlertState
from trailwatch.clock import Clock, iso, parse_time
from trailwatch.errors import RouterError
from trailwatch.routers.router import MOST_OPEN, Remark, RequestStatus, RoutedAlert, RouterName
from trailwatch.store import direct_alerts
from trailwatch.store.alerts import lock_alias
from trailwatch.store.database import Database

DEFAULT_PRIORITY = "P3"
TAG = "trailwatch"
ALIKE = timedelta(seconds=1)
"""CloudWatch needs longer than that to go off twice."""
_SEVERITY = re.compile(r"\[(P[1-5])\]")


class DirectRouter:
    """Acts on and reads alerts in the bot's store. Every action is done when it returns."""

    name: str = RouterName.DIRECT.value
    unnoted: frozenset[str] = frozenset()

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def acknowledge(self, alert_id: str, user: str, note: str = "") -> str:
        """Acknowledge under a person's name; returns the request's id, as the others do."""

        def change(alert: RoutedAlert) -> RoutedAlert:
            return replace(
                alert, state=AlertState.ACKNOWLEDGED, acknowledged_by=user, snoozed_until=None
            )

        return self._act(alert_id, change)

    def unacknowledge(self, alert_id: str, user: str, note: str = "") -> str:
        """Take an acknowledgement back."""

        def change(alert: RoutedAlert) -> RoutedAlert:
            return replace(alert, state=AlertState.OPEN, acknowledged_by="", snoozed_until=None)

        return self._act(alert_id, change)

    def close(self, alert_id: str, user: str, note: str = "") -> str:
        """Close under a person's name."""
        return self._act(alert_id, lambda alert: _closed(alert, user))

    def add_note(self, alert_id: str, user: str, note: str) -> str:
        """A note changes nothing here: notes are kept where they are read, in Slack."""
        return self._act(alert_id, lambda alert: alert)

    def snooze(self, alert_id: str, user: str, until: datetime, note: str = "") -> str:
        """Snooze until a UTC time; then the alert is open again by itself."""

        def change(alert: RoutedAlert) -> RoutedAlert:
            return replace(alert, state=AlertState.SNOOZED, snoozed_until=until)

        return self._act(alert_id, change)

    def assign(self, alert_id: str, user: str, owner: str, note: str = "") -> str:
        """Make somebody the owner."""
        return self._act(alert_id, lambda alert: replace(alert, owner=owner))

    def escalate(self, alert_id: str, user: str, escalation: str, note: str = "") -> str:
        """There is nobody to pass it on to; raises RouterError."""
        raise RouterError("This site has no on-call service that could escalate.", code="400")

    def set_priority(self, alert_id: str, priority: str) -> str:
        """Set the priority, P1 to P5."""
        return self._act(alert_id, lambda alert: replace(alert, priority=priority))

    def request_status(self, request_id: str) -> RequestStatus:
        """Always done: nothing here is carried out later."""
        return RequestStatus(True, True)

    def find(self, alert_id: str) -> RoutedAlert | None:
        """An alert by its id; None where there is none."""
        with self._db.reading() as tx:
            found = direct_alerts.get(tx, alert_id)
        return found and awake(found, self._clock())

    def notes(self, alert_id: str) -> list[Remark]:
        """None: what is noted here is kept with the alert (store.alert_notes)."""
        return []

    def log(self, alert_id: str) -> list[Remark]:
        """None: whatever is done is done here, and audited."""
        return []

    def list_closed(self, since: datetime) -> list[RoutedAlert]:
        """None: the bot closes these alerts itself, so it knows of them."""
        return []

    def list_open(self, limit: int = MOST_OPEN) -> list[RoutedAlert]:
        """The alerts that are not closed, those that changed last first."""
        with self._db.reading() as tx:
            found = direct_alerts.list_open(tx, limit)
        return [awake(one, self._clock()) for one in found]

    def _act(self, alert_id: str, change: Callable[[RoutedAlert], RoutedAlert]) -> str:
        """A closed alert stays closed: an alarm that goes off again makes a new one."""
        with self._db.transaction() as tx:
            found = direct_alerts.get(tx, alert_id, lock=True)
            if found is None:
                raise RouterError("This alert is no longer kept.", operation="act", code="404")
            now = self._clock()
            changed = change(awake(found, now))
            if found.state is not AlertState.CLOSED and changed != found:
                direct_alerts.save(tx, replace(changed, updated_at=max(now, found.updated_at)))
        return secrets.token_hex(8)


def receive(
    tx: Connection, message: AlarmMessage, now: datetime, *, site: str, auto_close: bool
) -> RoutedAlert | None:
    """Take an alarm's change of state in, in the caller's transaction; the alert as it is now.

    ALARM opens an alert, or raises the count of the one that is open. OK closes it with
    `auto_close`, else changes nothing, as a quiet minute does not undo what somebody did.
    None where there is nothing to show.
    """
    lock_alias(tx, message.arn)
    found = direct_alerts.open_of(tx, message.arn, lock=True)
    if found is not None and message.state == "ALARM" and _same(found, message):
        return awake(found, now)
    if message.state == "ALARM":
        alert = _opened(message, now, site) if found is None else _again(found, message, now)
    elif found is None or message.state != "OK":
        return None
    elif auto_close and not _overtaken(found, message):
        alert = replace(_closed(found, TAG), updated_at=max(now, found.updated_at))
    elif _overtaken(found, message):
        return awake(found, now)
    else:
        alert = replace(found, details={**found.details, "alarm_state": "OK"})
    direct_alerts.save(tx, alert)
    return awake(alert, now)


def _same(found: RoutedAlert, message: AlarmMessage) -> bool:
    """Whether this going off was told before, by the topic or by the alarm's history."""
    shown = found.details.get("state_change_time", "")
    if message.changed_at is None or not shown or found.details.get("alarm_state") == "OK":
        return False
    return abs(message.changed_at - parse_time(shown)) < ALIKE


def _overtaken(found: RoutedAlert, message: AlarmMessage) -> bool:
    """Whether an OK is older than the ALARM that is shown: SNS keeps no order."""
    shown = found.details.get("state_change_time", "")
    return message.changed_at is not None and iso(message.changed_at) < shown


def _opened(message: AlarmMessage, now: datetime, site: str) -> RoutedAlert:
    severity = _SEVERITY.match(message.description)
    return RoutedAlert(
        id=secrets.token_hex(8),
        alias=message.arn,
        tiny_id="",
        message=message.name,
        state=AlertState.OPEN,
        priority=severity[1] if severity else DEFAULT_PRIORITY,
        created_at=now,
        updated_at=now,
        description=message.description,
        details=_details(message),
        tags=(TAG, f"site:{site}"),
    )


def _again(found: RoutedAlert, message: AlarmMessage, now: datetime) -> RoutedAlert:
    newest = {} if _overtaken(found, message) else _details(message)
    return replace(
        found,
        count=found.count + 1,
        updated_at=max(now, found.updated_at),
        details={**found.details, **newest},
    )


def _details(message: AlarmMessage) -> dict[str, str]:
    """What an on-call service extracts of the message: text as it stands inside of JSON."""
    texts = {
        "alarm_arn": message.arn,
        "alarm_name": message.name,
        "aws_account": message.account,
        "aws_region_name": message.region,
        "description": message.description,
        "reason": message.reason,
    }
    texts["alarm_state"] = message.state
    found = {key: json.dumps(text, ensure_ascii=False)[1:-1] for key, text in texts.items()}
    if message.changed_at is not None:
        found["state_change_time"] = iso(message.changed_at)
    return found


def _closed(alert: RoutedAlert, user: str) -> RoutedAlert:
    return replace(alert, state=AlertState.CLOSED, closed_by=user, snoozed_until=None)


def awake(alert: RoutedAlert, now: datetime) -> RoutedAlert:
    """The alert with a snooze that is over taken off it."""
    until = alert.snoozed_until
    if alert.state is not AlertState.SNOOZED or until is None or until > now:
        return alert
    return replace(
        alert, state=AlertState.OPEN, snoozed_until=None, updated_at=max(alert.updated_at, until)
    )
