"""Keeps who did what, for good. Never changes an entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from trailwatch.store.tables import audit


@dataclass(frozen=True)
class AuditEntry:
    """One thing that somebody did or tried.

    action: what, e.g. "alert.acknowledge"; subject: to what, e.g. the alert's id; outcome:
    "started", "done", "failed" or "refused". detail: JSON, without secrets.
    """

    at: datetime
    actor_id: str
    actor_name: str
    channel: str
    action: str
    subject: str
    outcome: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def add(tx: Connection, entry: AuditEntry) -> None:
    """Write an entry."""
    tx.execute(
        audit.insert().values(
            at=entry.at,
            actor_id=entry.actor_id,
            actor_name=entry.actor_name,
            channel=entry.channel,
            action=entry.action,
            subject=entry.subject,
            outcome=entry.outcome,
            detail=dict(entry.detail),
        )
    )


def recent(
    tx: Connection,
    limit: int = 50,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    actor_id: str | None = None,
    action: str | None = None,
    subject: str | None = None,
) -> list[AuditEntry]:
    """The newest entries that fit, newest first; `action` fits by its beginning."""
    chosen = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if since is not None:
        chosen = chosen.where(audit.c.at >= since)
    if until is not None:
        chosen = chosen.where(audit.c.at < until)
    if actor_id is not None:
        chosen = chosen.where(audit.c.actor_id == actor_id)
    if action is not None:
        chosen = chosen.where(audit.c.action.startswith(action, autoescape=True))
    if subject is not None:
        chosen = chosen.where(audit.c.subject == subject)
    return [
        AuditEntry(
            at=row.at,
            actor_id=row.actor_id,
            actor_name=row.actor_name,
            channel=row.channel,
            action=row.action,
            subject=row.subject,
            outcome=row.outcome,
            detail=row.detail,
        )
        for row in tx.execute(chosen)
    ]
