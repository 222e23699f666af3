"""Keeps what arrived until it has been handled: once each, in order per alert. Parses nothing."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, and_, func, or_, select, update

from trailwatch.store import wake
from trailwatch.store.tables import inbox
from trailwatch.store.upsert import insert_new


class InboxState(StrEnum):
    NEW = "new"
    TAKEN = "taken"
    DONE = "done"
    DEAD = "dead"


@dataclass(frozen=True)
class InboxRow:
    """One delivery. `attempts` counts the present one; `token` is the claim on it."""

    key: str
    lane: str
    source: str
    body: str
    at: datetime
    attempts: int = 0
    token: str = ""
    error: str = ""


def put(
    tx: Connection,
    *,
    key: str,
    source: str,
    body: str,
    at: datetime,
    lane: str = "",
    refused: str = "",
) -> bool:
    """Store a delivery; False where `key` has been seen before (then nothing is changed).

    lane: deliveries of one lane are handled one after the other in the order of their arrival;
    use the on-call service's alert id. Empty: on its own. refused: why nobody understands it; it
    becomes a dead letter at once.
    """
    values = {
        "key": key,
        "lane": lane or f"key:{key}",
        "source": source,
        "body": body,
        "at": at,
        "state": InboxState.DEAD if refused else InboxState.NEW,
        "attempts": 0,
        "next_at": at,
        "error": refused,
    }
    fresh = insert_new(tx, inbox, values)
    if fresh:
        wake.touch(tx, wake.INBOX)
    return fresh


def claim(tx: Connection, *, owner: str, now: datetime, lease: datetime) -> InboxRow | None:
    """Take the oldest delivery whose turn it is, until `lease`; None where there is none."""
    earlier = inbox.alias("earlier")
    waiting = (
        select(earlier.c.seq)
        .where(
            earlier.c.lane == inbox.c.lane,
            earlier.c.seq < inbox.c.seq,
            earlier.c.state.in_((InboxState.NEW, InboxState.TAKEN)),
        )
        .exists()
    )
    ready = or_(
        and_(inbox.c.state == InboxState.NEW, inbox.c.next_at <= now),
        and_(
            inbox.c.state == InboxState.TAKEN,
            or_(inbox.c.lease.is_(None), inbox.c.lease <= now),
        ),
    )
    row = tx.execute(
        select(inbox)
        .where(ready, ~waiting)
        .order_by(inbox.c.seq)
        .limit(1)
        .with_for_update(skip_locked=True, of=inbox)
    ).one_or_none()
    if row is None:
        return None
    token = secrets.token_hex(8)
    tx.execute(
        update(inbox)
        .where(inbox.c.seq == row.seq)
        .values(
            state=InboxState.TAKEN,
            owner=owner,
            token=token,
            lease=lease,
            attempts=row.attempts + 1,
        )
    )
    return InboxRow(
        row.key, row.lane, row.source, row.body, row.at, row.attempts + 1, token, row.error
    )


def next_due(tx: Connection) -> datetime | None:
    """When the next delivery may be taken; None where none waits."""
    moments = tx.execute(
        select(func.min(inbox.c.next_at)).where(inbox.c.state == InboxState.NEW)
    ).scalar()
    leases = tx.execute(
        select(func.min(inbox.c.lease)).where(inbox.c.state == InboxState.TAKEN)
    ).scalar()
    return min((m for m in (moments, leases) if m is not None), default=None)


def extend(tx: Connection, row: InboxRow, lease: datetime) -> bool:
    """Keep the claim until `lease`; False where it has been lost."""
    return _change(tx, row, lease=lease)


def done(tx: Connection, row: InboxRow, at: datetime) -> bool:
    """Handled. Called in the handler's own transaction, handling and this are one.

    False where the claim has been lost to another replica: then undo the transaction.
    """
    return _change(tx, row, state=InboxState.DONE, finished_at=at, error="")


def retry(tx: Connection, row: InboxRow, *, at: datetime, error: str) -> bool:
    """Handle it again at `at`; what follows in its lane waits. False: the claim was lost."""
    return _change(tx, row, state=InboxState.NEW, next_at=at, error=error)


def bury(tx: Connection, row: InboxRow, *, error: str, at: datetime) -> bool:
    """Give up and keep it as a dead letter; its lane goes on. False: the claim was lost."""
    return _change(tx, row, state=InboxState.DEAD, finished_at=at, error=error)


def dead(tx: Connection, limit: int = 100) -> list[InboxRow]:
    """The dead letters, newest first."""
    rows = tx.execute(
        select(inbox)
        .where(inbox.c.state == InboxState.DEAD)
        .order_by(inbox.c.seq.desc())
        .limit(limit)
    )
    return [InboxRow(r.key, r.lane, r.source, r.body, r.at, r.attempts, "", r.error) for r in rows]


def revive(tx: Connection, key: str, at: datetime) -> bool:
    """Handle a dead letter again; False where there is none of that key."""
    changed = tx.execute(
        update(inbox)
        .where(inbox.c.key == key, inbox.c.state == InboxState.DEAD)
        .values(state=InboxState.NEW, next_at=at, attempts=0, finished_at=None)
    )
    if changed.rowcount:
        wake.touch(tx, wake.INBOX)
    return changed.rowcount == 1


def release(tx: Connection, owner: str) -> int:
    """Free what `owner` held when it died; the number of deliveries."""
    freed = tx.execute(
        update(inbox)
        .where(inbox.c.state == InboxState.TAKEN, inbox.c.owner == owner)
        .values(lease=None, token=None)
    )
    return freed.rowcount


def _change(tx: Connection, row: InboxRow, **values: object) -> bool:
    if "lease" not in values:
        values = {**values, "lease": None, "owner": None, "token": None}
    changed = tx.execute(
        update(inbox)
        .where(
            inbox.c.key == row.key,
            inbox.c.state == InboxState.TAKEN,
            inbox.c.token == row.token,
        )
        .values(**values)
    )
    return changed.rowcount == 1
