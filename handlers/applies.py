"""Knows which changes the applies of plans made, by the audit log. Never makes one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from handlers.deps import Deps
from setup.own import Made
from trailwatch.store import audit
from trailwatch.store.audit import AuditEntry

LONGEST_APPLY = timedelta(hours=2)
MOST_CHANGES = 2000


def made_since(deps: Deps, since: datetime) -> list[Made]:
    """Every change that applies made since then, from the audit log."""
    with deps.db.reading() as tx:
        entries = audit.recent(tx, MOST_CHANGES, since=since, action="setup.")
    began = {
        entry.subject.removeprefix("plan "): entry.at
        for entry in entries
        if entry.action == "setup.apply" and entry.outcome == "started"
    }
    changes = [entry for entry in entries if entry.detail.get("access_key")]
    return [_made(entry, began) for entry in changes]


def lately(tx: Connection, now: datetime) -> bool:
    """Whether a plan was being applied not long ago."""
    return bool(audit.recent(tx, 1, since=now - LONGEST_APPLY, action="setup.apply"))


def _made(entry: AuditEntry, began: Mapping[str, datetime]) -> Made:
    plan = str(entry.detail.get("plan", ""))
    return Made(
        plan,
        entry.actor_name,
        entry.subject,
        str(entry.detail["access_key"]),
        began.get(plan, entry.at - LONGEST_APPLY),
        entry.at,
    )
