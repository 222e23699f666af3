"""Knows how what people do is written down. Never decides whether they may."""

from __future__ import annotations

from sqlalchemy import Connection

from handlers.blocks.audit import AuditRow
from handlers.deps import Deps
from handlers.request import Request
from trailwatch.store import audit
from trailwatch.store.audit import AuditEntry


def row_of(entry: AuditEntry) -> AuditRow:
    """A line of the audit log as it is shown."""
    return AuditRow(entry.at, entry.actor_name, entry.action, entry.subject, entry.outcome)


def noted(
    deps: Deps, tx: Connection, name: str, action: str, subject: str, outcome: str, **detail: str
) -> None:
    """Write down what came of something that somebody of that name asked for before."""
    audit.add(tx, AuditEntry(deps.clock(), "", name, "", action, subject, outcome, detail))


def note(
    deps: Deps,
    tx: Connection,
    request: Request,
    action: str,
    subject: str,
    outcome: str,
    **detail: str,
) -> None:
    """Write one line into the audit log, in the caller's transaction."""
    audit.add(
        tx,
        AuditEntry(
            at=deps.clock(),
            actor_id=request.person.id,
            actor_name=request.person.name,
            channel=request.channel,
            action=action,
            subject=subject,
            outcome=outcome,
            detail=detail,
        ),
    )
