"""Knows an Alert and the states it may go through. Pure: never stores or sends one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from trailwatch.event import Event


class AlertState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    CLOSED = "closed"


class AlertAction(StrEnum):
    """What can be done to an alert, here or in the on-call service."""

    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    SNOOZE = "snooze"
    CLOSE = "close"
    NOTE = "note"
    ASSIGN = "assign"
    ESCALATE = "escalate"
    PRIORITY = "priority"


class Search(StrEnum):
    """How far the search for the events behind an alert has come."""

    WAITING = "waiting"
    FOUND = "found"
    NOTHING = "nothing"
    FAILED = "failed"


@dataclass(frozen=True)
class AlertFields:
    """The extracted description fields. Text from outside, not yet escaped for Slack."""

    description: str = ""
    account: str = ""
    account_name: str = ""
    region: str = ""
    region_name: str = ""
    alarm_name: str = ""
    alarm_arn: str = ""
    reason: str = ""
    state_change: datetime | None = None
    detection_id: str = ""


@dataclass(frozen=True)
class Alert:
    """One alarm from its first notification to its close.

    `id` is ours, random and opaque; `router_id` is the on-call service's; `alias` is the alarm's
    ARN. `updated_at` is the on-call service's own time of the last change that is shown here.
    `pending` is an action that somebody clicked and that the service has not confirmed yet,
    `pending_by` the name of who clicked, and `pending_note` why it takes longer.
    """

    id: str
    alias: str
    router_id: str
    title: str
    severity: str
    state: AlertState
    fields: AlertFields
    first_seen: datetime
    updated_at: datetime
    tiny_id: str = ""
    count: int = 1
    owner: str = ""
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    snoozed_until: datetime | None = None
    snoozed_by: str = ""
    closed_by: str = ""
    closed_at: datetime | None = None
    pending: str = ""
    pending_by: str = ""
    pending_note: str = ""
    search: Search = Search.WAITING
    search_note: str = ""
    events: tuple[Event, ...] = ()
    """The newest events behind the alert, newest first; at most a message's worth."""
    recent: tuple[Event, ...] = ()
    """What is unlike them and came later, while the alarm was on: newest first, a few."""
    events_total: int = 0
    accounts: tuple[str, ...] = ()
    """The accounts that all events were of, those of the newest first."""
    site: str = ""
    """The site that the alarm belongs to; "" in alerts from before there were several."""
    extra: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    """The names in Slack of those whom the on-call service names, by its user names."""

    def shown(self, user: str) -> str:
        """How a user of the on-call service is called here: as in Slack, where that is known."""
        return self.people.get(user, user)


@dataclass(frozen=True)
class Transition:
    """A change of an alert's state as the on-call service told it."""

    state: AlertState
    at: datetime
    by: str = ""
    until: datetime | None = None


def worst_first(alerts: Iterable[Alert]) -> list[Alert]:
    """Alerts by severity, and of each severity the newest first."""
    newest = sorted(alerts, key=lambda alert: alert.first_seen, reverse=True)
    return sorted(newest, key=lambda alert: alert.severity)


_REACHED = {
    AlertAction.ACKNOWLEDGE: (AlertState.ACKNOWLEDGED, AlertState.CLOSED),
    AlertAction.UNACKNOWLEDGE: (AlertState.OPEN, AlertState.CLOSED),
    AlertAction.CLOSE: (AlertState.CLOSED,),
    AlertAction.SNOOZE: (AlertState.SNOOZED, AlertState.CLOSED),
}


def reached(action: str, state: AlertState) -> bool:
    """Whether nothing is left to ask for in that state; True for what is no action, too."""
    return not action or state in _REACHED.get(AlertAction(action), tuple(AlertState))


def settled(alert: Alert) -> Alert:
    """The alert without its pending action."""
    return replace(alert, pending="", pending_by="", pending_note="")


def advance(alert: Alert, change: Transition) -> Alert:
    """The alert after a change; the same alert where the change is older than what is shown.

    CLOSED is the end: only the on-call service's own reopening (a new alert) leads out of it.
    A pending action stays until its state is reached: other news may come before. Times are
    compared by the millisecond, as the service gives one change in several precisions.
    """
    if _millisecond(change.at) < _millisecond(alert.updated_at):
        return alert
    if alert.state is AlertState.CLOSED:
        return alert
    if reached(alert.pending, change.state) and not _snoozed_as_before(alert, change):
        alert = settled(alert)
    moved = replace(alert, state=change.state, updated_at=change.at)
    if change.state is AlertState.ACKNOWLEDGED:
        first = alert.acknowledged_at or change.at
        kept = alert.acknowledged_by if alert.state is change.state else ""
        return replace(moved, acknowledged_by=change.by or kept, acknowledged_at=first)
    if change.state is AlertState.CLOSED:
        return replace(moved, closed_by=change.by, closed_at=change.at)
    if change.state is AlertState.SNOOZED:
        kept = alert.snoozed_by if alert.state is change.state else ""
        return replace(moved, snoozed_until=change.until, snoozed_by=change.by or kept)
    moved = replace(moved, acknowledged_by="", acknowledged_at=None)
    return replace(moved, snoozed_until=None, snoozed_by="")


def _snoozed_as_before(alert: Alert, change: Transition) -> bool:
    """Whether a snooze is told that stood before the longer one that somebody asked for."""
    snoozed = alert.state is AlertState.SNOOZED is change.state
    return snoozed and alert.snoozed_until == change.until


def is_newer(moment: datetime, shown: datetime) -> bool:
    """Whether something changed after what is shown, by the millisecond."""
    return _millisecond(moment) > _millisecond(shown)


def _millisecond(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
