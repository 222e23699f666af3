"""Knows how a note is kept before a service is given it. Writes to the store only."""

from __future__ import annotations

from handlers.deps import Deps
from trailwatch.alert import Alert
from trailwatch.routers.router import RouterName, router_of
from trailwatch.store import alert_notes
from trailwatch.store.alert_notes import Note


def keep_note(deps: Deps, key: str, alert: Alert, user: str, text: str) -> None:
    """Keep a note that is on its way, so that its coming back is no news; once for each key."""
    # Nothing comes back of what the bot itself keeps.
    there = key if router_of(alert.router_id) is RouterName.DIRECT else ""
    note = Note(key, alert.id, alert.router_id, user, text, deps.clock(), ours=True, there=there)
    with deps.db.transaction() as tx:
        alert_notes.keep_ours(tx, note)
