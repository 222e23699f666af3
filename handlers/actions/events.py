"""The button Show events: answers in the alert's thread with the events behind it."""

from __future__ import annotations

from handlers.access import Role
from handlers.actions.action import Action
from handlers.audit import note
from handlers.deps import Deps
from handlers.request import Click, Reply
from trailwatch.errors import NotFound
from trailwatch.store import alerts, jobs


def show_events(deps: Deps, click: Click) -> Reply:
    """Start a search whose result goes to the thread."""
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, click.value)
        if alert is None:
            raise NotFound("This alert is no longer kept.", fix="See /trailwatch alerts.")
        jobs.add(
            tx,
            "alert.show_events",
            {"alert_id": alert.id, "name": click.person.name, "key": click.key},
            deps.clock(),
            key=f"show:{click.key}",
        )
        note(deps, tx, click, "alert.events", alert.title, "asked", alert_id=alert.id)
    return Reply()


ACTION = Action("alert.events", Role.VIEWER, "see events", show_events)
