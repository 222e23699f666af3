"""Knows one Opsgenie alert: its fields and how each action changes them. Never sends or stores."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

PRIORITIES = ("P1", "P2", "P3", "P4", "P5")
MESSAGE_LIMIT, ALIAS_LIMIT, DESCRIPTION_LIMIT, TAG_LIMIT = 130, 512, 15_000, 20

_NAMES = uuid.UUID("9f5d0c36-9d0e-4f5c-8b0c-2a1e6f3d7c11")


class Unprocessed(Exception):
    """An accepted request that had no effect; the text is its request status."""


@dataclass(frozen=True)
class Who:
    """Who acts: the display name, the source field, and the kind of door that was used."""

    user: str
    source: str
    kind: str
    """"API", "web" or an integration's type, as the webhook's `source.type` has it."""
    integration: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """id, name and type of the integration whose key was used; empty for an account key."""


@dataclass(frozen=True)
class Alert:
    """An alert as Opsgenie keeps it; times are milliseconds since 1970, UTC."""

    id: str
    tiny_id: str
    alias: str
    message: str
    created_at: int
    updated_at: int
    last_occurred_at: int
    description: str = ""
    entity: str = ""
    source: str = ""
    priority: str = "P3"
    tags: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    responders: tuple[Mapping[str, str], ...] = ()
    closed: bool = False
    acknowledged: bool = False
    snoozed_until: int | None = None
    count: int = 1
    owner: str = ""
    integration: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    report: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def status(self) -> str:
        return "closed" if self.closed else "open"


@dataclass(frozen=True)
class Outcome:
    """What an action made of an alert: the alert, the webhook's action and its extra fields."""

    alert: Alert
    webhook: str
    extras: Mapping[str, Any]
    status: str
    """The sentence that the request status and the alert's log show."""


def stable_id(kind: str, name: str) -> str:
    """The same id for the same user, team or schedule name, as an account would have."""
    return str(uuid.uuid5(_NAMES, f"{kind}:{name}"))


def iso(ms: int) -> str:
    """Milliseconds since 1970 as the API writes times: 2026-11-23T12:00:00.123Z."""
    stamp = datetime.fromtimestamp(ms / 1000, UTC)
    return stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def list_item(alert: Alert) -> dict[str, Any]:
    """The alert as list_alerts shows it (BaseAlert): no description, details or entity."""
    item: dict[str, Any] = {
        "seen": alert.acknowledged,
        "id": alert.id,
        "tinyId": alert.tiny_id,
        "alias": alert.alias,
        "message": alert.message,
        "status": alert.status,
        "acknowledged": alert.acknowledged,
        "isSeen": alert.acknowledged,
        "tags": list(alert.tags),
        "snoozed": alert.snoozed_until is not None,
        "count": alert.count,
        "lastOccurredAt": iso(alert.last_occurred_at),
        "createdAt": iso(alert.created_at),
        "updatedAt": iso(alert.updated_at),
        "source": alert.source,
        "owner": alert.owner,
        "priority": alert.priority,
        "teams": [{"id": r["id"]} for r in alert.responders if r["type"] == "team"],
        "responders": [{"type": r["type"], "id": r["id"]} for r in alert.responders],
        "integration": dict(alert.integration),
        "report": dict(alert.report),
        "ownerTeamId": "",
    }
    if alert.snoozed_until is not None:
        item["snoozedUntil"] = iso(alert.snoozed_until)
    return item


def full(alert: Alert) -> dict[str, Any]:
    """The alert as get_alert shows it (Alert)."""
    return {
        **list_item(alert),
        "actions": list(alert.actions),
        "entity": alert.entity,
        "description": alert.description,
        "details": dict(alert.details),
    }


def new_alert(fields: Mapping[str, Any], who: Who, tiny_id: int, now: int) -> Alert:
    """An open alert of the checked fields of a create request; an empty alias becomes its id."""
    ident = f"{uuid.uuid4()}-{now}"
    return Alert(
        id=ident,
        tiny_id=str(tiny_id),
        alias=fields.get("alias") or ident,
        message=fields["message"],
        created_at=now,
        updated_at=now,
        last_occurred_at=now,
        description=fields.get("description") or "",
        entity=fields.get("entity") or "",
        source=fields.get("source") or who.source,
        priority=fields.get("priority") or "P3",
        tags=tuple(dict.fromkeys(fields.get("tags") or ())),
        actions=tuple(fields.get("actions") or ()),
        details=MappingProxyType(dict(fields.get("details") or {})),
        responders=tuple(fields.get("responders") or ()),
        integration=who.integration,
    )


def repeated(alert: Alert, now: int) -> Alert:
    """The open alert after its alias was reported again."""
    return replace(alert, count=alert.count + 1, last_occurred_at=now, updated_at=now)


Apply = Callable[[Alert, Mapping[str, Any], Who, int], Outcome]
"""An action on (alert, checked body, who, now in ms); raises Unprocessed."""


def _need_open(alert: Alert) -> None:
    if alert.closed:
        raise Unprocessed("Alert is already closed")


def _note(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"note": body["note"]} if body.get("note") else {}


def _acknowledge(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    _need_open(alert)
    if alert.acknowledged:
        raise Unprocessed("Alert is already acknowledged")
    report = {**alert.report, "ackTime": now - alert.created_at, "acknowledgedBy": who.user}
    # Acknowledging makes the person the owner and ends a snooze (Opsgenie: "Acknowledge and
    # unacknowledge an alert", "Snooze an alert").
    after = replace(
        alert,
        acknowledged=True,
        owner=who.user,
        snoozed_until=None,
        report=MappingProxyType(report),
    )
    return Outcome(after, "Acknowledge", _note(body), "Acknowledged alert")


def _unacknowledge(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    _need_open(alert)
    if not alert.acknowledged:
        raise Unprocessed("Alert is not acknowledged")
    after = replace(alert, acknowledged=False)
    return Outcome(after, "UnAcknowledge", _note(body), "Unacknowledged alert")


def _close(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    _need_open(alert)
    report = {**alert.report, "closeTime": now - alert.created_at, "closedBy": who.user}
    after = replace(alert, closed=True, snoozed_until=None, report=MappingProxyType(report))
    return Outcome(after, "Close", _note(body), "Closed alert")


def _add_note(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    return Outcome(alert, "AddNote", {"note": body["note"]}, "Added note to alert")


def _snooze(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    _need_open(alert)
    end = int(body["endTime"])
    shown = datetime.fromtimestamp(end / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S GMT")
    extras = {"snoozeEndDate": shown, "snoozedUntil": str(end), **_note(body)}
    return Outcome(replace(alert, snoozed_until=end), "Snooze", extras, "Snoozed alert")


def snooze_ended(alert: Alert) -> Outcome:
    """The alert is open and not acknowledged again, as if just received."""
    after = replace(alert, snoozed_until=None, acknowledged=False)
    return Outcome(after, "SnoozeEnded", {}, "Snooze ended")


def _assign(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    _need_open(alert)
    owner = body["owner"]
    after = replace(alert, owner=owner)
    extras = {"owner": owner, **_note(body)}
    return Outcome(after, "AssignOwnership", extras, f"Assigned ownership of alert to {owner}")


def _add_tags(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    added = list(body["tags"])
    after = replace(alert, tags=tuple(dict.fromkeys([*alert.tags, *added]))[:TAG_LIMIT])
    return Outcome(after, "AddTags", {"addedTags": ",".join(added)}, "Added tags to alert")


def _remove_tags(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    gone = list(body["tags"])
    after = replace(alert, tags=tuple(t for t in alert.tags if t not in gone))
    return Outcome(after, "RemoveTags", {"removedTags": ",".join(gone)}, "Removed tags from alert")


def _add_details(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    details = MappingProxyType({**alert.details, **body["details"]})
    return Outcome(replace(alert, details=details), "AddDetails", {}, "Added details to alert")


def _remove_details(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    kept = {k: v for k, v in alert.details.items() if k not in body["keys"]}
    after = replace(alert, details=MappingProxyType(kept))
    return Outcome(after, "RemoveDetails", {}, "Removed details from alert")


def _priority(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    after = replace(alert, priority=body["priority"])
    extras = {"oldPriority": alert.priority}
    return Outcome(after, "UpdatePriority", extras, f"Updated priority to {body['priority']}")


def _message(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    after = replace(alert, message=body["message"])
    return Outcome(after, "UpdateMessage", {"oldMessage": alert.message}, "Updated message")


def _description(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    after = replace(alert, description=body["description"])
    return Outcome(after, "UpdateDescription", {}, "Updated description")


def _add_responder(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    responder = body["responder"]
    kept = tuple(r for r in alert.responders if r["id"] != responder["id"])
    after = replace(alert, responders=(*kept, responder))
    extras = {"responder": dict(responder), **_note(body)}
    return Outcome(after, "AddResponder", extras, "Added responder to alert")


def _add_team(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    added = _add_responder(alert, {**body, "responder": body["team"]}, who, now)
    return Outcome(added.alert, "AddTeam", {"team": body["team"]["name"]}, "Added team to alert")


def _escalate(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    _need_open(alert)
    extras = {"escalation": dict(body["escalation"])}
    return Outcome(alert, "EscalateNext", extras, "Escalated alert to the next rule")


def _custom(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    name = body["actionName"]
    return Outcome(alert, name, _note(body), f"Executed custom action [{name}]")


def _delete(alert: Alert, body: Mapping[str, Any], who: Who, now: int) -> Outcome:
    return Outcome(alert, "Delete", {}, "Deleted alert")


ACTIONS: Mapping[str, Apply] = MappingProxyType(
    {
        "acknowledge": _acknowledge,
        "unacknowledge": _unacknowledge,
        "close": _close,
        "note": _add_note,
        "snooze": _snooze,
        "assign": _assign,
        "tags": _add_tags,
        "remove-tags": _remove_tags,
        "details": _add_details,
        "remove-details": _remove_details,
        "priority": _priority,
        "message": _message,
        "description": _description,
        "responders": _add_responder,
        "teams": _add_team,
        "escalate": _escalate,
        "custom": _custom,
        "delete": _delete,
    }
)
