"""Keeps what arrived until it has been handled: once each, in order per alert. Parses nothing."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, or_, select, update

from trailwatch.store import wake
from trailwatch.store.columns import Moment
from trailwatch.store.tables import inbox
from trailwatch.store.upsert import change, insert_new


class InboxState(StrEnum):
    NEW = "new"
    TAKEN = "taken"
    DONE = "done"
    DEAD = "dead"


@dataclass(frozen=True)
class InboxRow:
    """One delivery. `attempts` counts the present one, `failures` those that a bug or an error
    of ours ended; `token` is the claim on it."""

    key: str
    lane: str
    source: str
    body: str
    at: datetime
    attempts: int = 0
    token: str = ""
    error: str = ""
    failures: int = 0


def put(
    tx: Connection,
    *,
    key: str,
    source: str,
    body: str,
    at: datetime,
    lane: str = "",
) -> bool:
    """Store a delivery; False where `key` has been seen before (then nothing is changed).

    lane: deliveries of one lane are handled one after the other in the order of their arrival;
    use the on-call service's alert id. Empty: on its own.
    """
    fresh = insert_new(tx, inbox, _new(key, source, body, at, lane))
    if fresh:
        wake.touch(tx, wake.INBOX)
    return fresh


def put_dead(tx: Connection, *, key: str, source: str, body: str, at: datetime, error: str) -> bool:
    """Keep what could not even be read among the dead letters; False where it is there already."""
    values = _new(key, source, body, at, "")
    values |= {"state": InboxState.DEAD, "error": error, "finished_at": at}
    return insert_new(tx, inbox, values)


# Made once: to make such statements anew costs more than to run them. Two of them, since one with
# an "or" sorts all that waits for each that is taken.
_NOW = bindparam("now", type_=Moment())
_EARLIER = inbox.alias("earlier")
_IN_TURN = ~(
    select(_EARLIER.c.seq)
    .where(
        _EARLIER.c.lane == inbox.c.lane,
        _EARLIER.c.seq < inbox.c.seq,
        _EARLIER.c.state.in_((InboxState.NEW, InboxState.TAKEN)),
    )
    .exists()
)
_LEFT = (
    select(inbox)
    .where(
        inbox.c.state == InboxState.TAKEN,
        or_(inbox.c.lease.is_(None), inbox.c.lease <= _NOW),
        _IN_TURN,
    )
    .order_by(inbox.c.seq)
    .limit(1)
    .with_for_update(skip_locked=True, of=inbox)
)
_NEXT = (
    select(inbox)
    .where(inbox.c.state == InboxState.NEW, inbox.c.next_at <= _NOW, _IN_TURN)
    .order_by(inbox.c.next_at, inbox.c.seq)
    .limit(1)
    .with_for_update(skip_locked=True, of=inbox)
)
_TAKE = (
    update(inbox)
    .where(inbox.c.seq == bindparam("at_seq"))
    .values(
        state=InboxState.TAKEN,
        owner=bindparam("owner"),
        token=bindparam("token"),
        lease=bindparam("lease"),
        attempts=inbox.c.attempts + 1,
    )
)


def claim(tx: Connection, *, owner: str, now: datetime, lease: datetime) -> InboxRow | None:
    """Take the oldest delivery whose turn it is, until `lease`; None where there is none."""
    row = tx.execute(_LEFT, {"now": now}).first() or tx.execute(_NEXT, {"now": now}).first()
    if row is None:
        return None
    token = secrets.token_hex(8)
    taken = {"at_seq": row.seq, "owner": owner, "token": token, "lease": lease}
    tx.execute(_TAKE, taken)
    return replace(_row(row), attempts=row.attempts + 1, token=token)


_DUE = select(
    select(func.min(inbox.c.next_at)).where(inbox.c.state == InboxState.NEW).scalar_subquery(),
    select(func.min(inbox.c.lease)).where(inbox.c.state == InboxState.TAKEN).scalar_subquery(),
)


def next_due(tx: Connection) -> datetime | None:
    """When the next delivery may be taken; None where none waits."""
    return min((moment for moment in tx.execute(_DUE).one() if moment is not None), default=None)


def extend(tx: Connection, row: InboxRow, lease: datetime) -> bool:
    """Keep the claim until `lease`; False where it has been lost."""
    return _change(tx, row, lease=lease)


def done(tx: Connection, row: InboxRow, at: datetime) -> bool:
    """Handled. Called in the handler's own transaction, handling and this are one.

    False where the claim has been lost to another replica: then undo the transaction.
    """
    return _change(tx, row, state=InboxState.DONE, finished_at=at, error="")


def retry(tx: Connection, row: InboxRow, *, at: datetime, error: str, failed: bool = False) -> bool:
    """Handle it again at `at`; what follows in its lane waits. False: the claim was lost.

    failed: counts as a failure of ours, not as an absence of somebody else's.
    """
    failures = row.failures + (1 if failed else 0)
    return _change(tx, row, state=InboxState.NEW, next_at=at, error=error, failures=failures)


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
    return [_row(row) for row in rows]


def revive(tx: Connection, key: str, at: datetime) -> bool:
    """Handle a dead letter again; False where there is none of that key."""
    changed = tx.execute(
        update(inbox)
        .where(inbox.c.key == key, inbox.c.state == InboxState.DEAD)
        .values(state=InboxState.NEW, next_at=at, attempts=0, failures=0, finished_at=None)
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


def _new(key: str, source: str, body: str, at: datetime, lane: str) -> dict[str, Any]:
    return {
        "key": key,
        "lane": lane or f"key:{key}",
        "source": source,
        "body": body,
        "at": at,
        "state": InboxState.NEW,
        "attempts": 0,
        "failures": 0,
        "next_at": at,
        "error": "",
    }


def _row(row: Row[Any]) -> InboxRow:
    return InboxRow(
        key=row.key,
        lane=row.lane,
        source=row.source,
        body=row.body,
        at=row.at,
        attempts=row.attempts,
        token=row.token or "",
        error=row.error,
        failures=row.failures,
    )


def _change(tx: Connection, row: InboxRow, **values: Any) -> bool:
    if "lease" not in values:
        values = {**values, "lease": None, "owner": None, "token": None}
    held = {"key": row.key, "state": InboxState.TAKEN, "token": row.token}
    return change(tx, inbox, held, values) == 1
