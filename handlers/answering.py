"""Knows how a button's wish becomes a job and a promise on the message. Never calls a service."""

from __future__ import annotations

from dataclasses import replace

from handlers.audit import note
from handlers.deps import Deps
from handlers.intake import say
from handlers.request import Click, Reply
from trailwatch.alert import Alert, AlertAction, AlertState
from trailwatch.errors import NotFound
from trailwatch.store import alerts, jobs

DONE = {
    AlertAction.ACKNOWLEDGE: (AlertState.ACKNOWLEDGED, AlertState.CLOSED),
    AlertAction.UNACKNOWLEDGE: (AlertState.OPEN, AlertState.CLOSED),
    AlertAction.CLOSE: (AlertState.CLOSED,),
    AlertAction.SNOOZE: (AlertState.CLOSED,),
}
"""The states in which an action comes too late."""


def ask_router(deps: Deps, click: Click, action: AlertAction, **arguments: str) -> Reply:
    """Promise the action on the message at once and let a job carry it out.

    A click that comes too late is answered in private with what has become of the alert.
    """
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, click.value, lock=True)
        if alert is None:
            raise NotFound("This alert is no longer kept.", fix="See /trailwatch alerts.")
        if alert.state in DONE.get(action, ()):
            return Reply(text=too_late(alert))
        if alert.pending == action.value:
            return Reply(text=f"{alert.pending_by} asked for that a moment ago; it is under way.")
        alert = replace(alert, pending=action.value, pending_by=click.person.name)
        alerts.save(tx, alert)
        say(deps, tx, alert)
        jobs.add(
            tx,
            "alert.act",
            {
                "alert_id": alert.id,
                "action": action.value,
                "user": click.person.known_as,
                "name": click.person.name,
                "response_url": click.response_url,
                **arguments,
            },
            deps.clock(),
            key=f"act:{click.key}",
        )
        note(deps, tx, click, f"alert.{action.value}", alert.title, "asked", alert_id=alert.id)
    return Reply()


def too_late(alert: Alert) -> str:
    """One sentence on why a click on this alert changes nothing."""
    if alert.state is AlertState.CLOSED:
        who, when = alert.closed_by, alert.closed_at
    else:
        who, when = alert.acknowledged_by, alert.acknowledged_at
    by = f" by {who}" if who else ""
    at = f" at {when:%H:%M} UTC" if when else ""
    return f"This alert is already {alert.state.value}{by}{at}."
