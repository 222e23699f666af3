"""Knows what a channel's next call to Slack is, and who may make it. Calls nobody itself.

A lane is a Slack channel. It has one call in flight, held by a lease; the message of that call
carries a token, and a result (trailwatch.store.results) is written only by the holder of the
newest token. A lane's row is always locked before its messages', so that PostgreSQL cannot
deadlock.

queued ─► sending ─► sent ─(newer content)─► queued
             ├─► queued      not applied: 429, connection refused
             ├─► unknown     the answer to a post was lost: look, settle, look again
             │      ├─► sent     found: its ts is adopted
             │      └─► queued   absent: posted again, and verified later
             └─► dead        refused for good
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, or_, select, update

from trailwatch.store.columns import Moment
from trailwatch.store.outbox import MessageState
from trailwatch.store.tables import lane, message
from trailwatch.store.upsert import change


class Move(StrEnum):
    """A call, or a few that belong together, to Slack."""

    POST = "post"
    EDIT = "edit"
    DELETE = "delete"
    LOOK = "look"
    """Find out whether a post stands whose answer was lost."""
    VERIFY = "verify"
    """Remove a twin that appeared late, and say the newest content again."""


@dataclass(frozen=True)
class Rules:
    """How fast and how patiently messages are sent. Intervals of zero mean no limit.

    Slack allows about one post a second and channel, with short bursts ("Rate limits" in its
    Web API guide). settle and verify are guesses of how late Slack applies a lost request.
    """

    post_interval: timedelta = timedelta(seconds=1)
    post_burst: int = 3
    edit_interval: timedelta = timedelta(seconds=1)
    edit_burst: int = 5
    lease: timedelta = timedelta(seconds=30)
    settle: timedelta = timedelta(seconds=2.5)
    verify: tuple[timedelta, ...] = (timedelta(seconds=9), timedelta(seconds=60))
    reconcile: bool = True
    """Off, a post whose answer was lost is posted again unseen: it shows what looking is for."""


@dataclass(frozen=True)
class Claim:
    """A move that this replica alone may make until the lease ends."""

    move: Move
    key: str
    token: str
    lane: str
    channel: str
    rev: int
    text: str
    blocks: Sequence[Mapping[str, Any]]
    metadata: Mapping[str, Any]
    ts: str | None
    thread_ts: str | None
    broadcast: bool
    attempts: int
    since: datetime
    """When the first attempt to post it began."""
    settled: bool
    """LOOK: enough time has passed for a lost post to have shown itself."""
    twins: bool
    """VERIFY: there may be twins; else only a lost edit may have been applied late."""
    again_at: datetime | None = None
    """VERIFY: when another follows, should this one not come to its end."""


# Made once: to make such statements anew costs more than to run them.
_HERE = message.c.lane == bindparam("lane")
_NOW = bindparam("now", type_=Moment())
_PARENT = message.alias("parent")
_TS = select(message.c.ts).where(message.c.key == bindparam("key"))
_PLACED = or_(
    message.c.thread_of.is_(None),
    select(_PARENT.c.key)
    .where(_PARENT.c.key == message.c.thread_of, _PARENT.c.ts.is_not(None))
    .exists(),
)
_QUEUED = (
    select(message)
    .where(
        _HERE,
        message.c.state == MessageState.QUEUED,
        or_(message.c.next_at.is_(None), message.c.next_at <= _NOW),
    )
    .order_by(message.c.seq)
    .limit(1)
)
_DUE = (
    select(lane)
    .where(lane.c.due_at <= _NOW, or_(lane.c.lease.is_(None), lane.c.lease <= _NOW))
    .order_by(lane.c.due_at)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_THIS = _DUE.where(lane.c.key == bindparam("key"))
_FIRST_FREE = select(func.min(lane.c.due_at)).where(lane.c.lease.is_(None))
_FIRST_LEASE = select(func.min(lane.c.lease))
_FIRST_POST = _QUEUED.where(message.c.ts.is_(None), _PLACED)
_FIRST_EDIT = _QUEUED.where(message.c.ts.is_not(None))
_OPEN = (
    select(message)
    .where(_HERE, message.c.state.in_((MessageState.SENDING, MessageState.UNKNOWN)))
    .order_by(message.c.flagged, message.c.seq)
)
_FIRST_VERIFY = (
    select(message).where(_HERE, message.c.verify_at <= _NOW).order_by(message.c.verify_at).limit(1)
)
_NEXT_QUEUED = select(func.min(message.c.next_at)).where(
    _HERE, message.c.state == MessageState.QUEUED, message.c.next_at > _NOW
)
# "IS NOT NULL" lets SQLite use the partial index.
_NEXT_VERIFY = select(func.min(message.c.verify_at)).where(_HERE, message.c.verify_at.is_not(None))


def claim(
    tx: Connection,
    *,
    owner: str,
    now: datetime,
    rules: Rules,
    key: str | None = None,
    no_edits_before: datetime | None = None,
) -> Claim | None:
    """Take the next move of a lane that is due (or of lane `key`); None where there is none."""
    for _ in range(50):
        chosen, given = (_DUE, {"now": now}) if key is None else (_THIS, {"now": now, "key": key})
        row = tx.execute(chosen, given).one_or_none()
        if row is None:
            return None
        step = _next(tx, row, now, rules, no_edits_before)
        if isinstance(step, _Step):
            return _take(tx, row, step, owner, now, rules)
        free = {"due_at": step, "lease": None, "owner": None, "token": None}
        change(tx, lane, {"key": row.key}, free)
    return None


def next_due(tx: Connection) -> datetime | None:
    """When the next lane is due; None where none is."""
    free, held = tx.execute(_FIRST_FREE).scalar(), tx.execute(_FIRST_LEASE).scalar()
    return min((moment for moment in (free, held) if moment is not None), default=None)


def release(tx: Connection, owner: str, now: datetime) -> int:
    """Free the lanes that `owner` held when it died; how many."""
    freed = tx.execute(
        update(lane)
        .where(lane.c.owner == owner)
        .values(lease=None, owner=None, token=None, due_at=now)
    )
    return freed.rowcount


@dataclass(frozen=True)
class _Step:
    move: Move
    row: Row[Any]


def _next(
    tx: Connection, held: Row[Any], now: datetime, rules: Rules, no_edits_before: datetime | None
) -> _Step | datetime | None:
    """What a lane does next: a step, or when to look again, or nothing."""
    given = {"lane": held.key, "now": now}
    flagged_at = None
    for row in tx.execute(_OPEN, given):
        if row.state == MessageState.SENDING:
            # Its sender died, or was stopped for longer than its lease.
            values = lost(row, now, rules)
            tx.execute(update(message).where(message.c.key == row.key).values(**values))
            return now
        if row.next_at is None or row.next_at <= now:
            return _Step(Move.LOOK, row)
        if not row.flagged:
            # Nothing of its lane goes out before its fate is known.
            return _moment(row.next_at)
        flagged_at = min(flagged_at or row.next_at, row.next_at)
    verify = tx.execute(_FIRST_VERIFY, given).one_or_none()
    if verify is not None:
        return _Step(Move.VERIFY, verify)
    step = _next_queued(tx, held, now, rules, no_edits_before)
    if isinstance(step, _Step):
        return step
    waits = [step, flagged_at]
    waits += [tx.execute(chosen, given).scalar() for chosen in (_NEXT_QUEUED, _NEXT_VERIFY)]
    return min((moment for moment in waits if moment is not None), default=None)


def _next_queued(
    tx: Connection, held: Row[Any], now: datetime, rules: Rules, no_edits_before: datetime | None
) -> _Step | datetime | None:
    given = {"lane": held.key, "now": now}
    post_at = _allowed(held.post_from, rules.post_interval, rules.post_burst)
    edit_at = _allowed(held.edit_from, rules.edit_interval, rules.edit_burst)
    edit_at = max((m for m in (edit_at, no_edits_before) if m is not None), default=None)
    steps: list[_Step] = []
    later: list[datetime] = []
    for chosen, at, move in (
        (_FIRST_POST, post_at, Move.POST),
        (_FIRST_EDIT, edit_at, Move.EDIT),
    ):
        row = tx.execute(chosen, given).one_or_none()
        if row is None:
            continue
        if at is None or at <= now:
            steps.append(_Step(Move.DELETE if row.gone else move, row))
        else:
            later.append(at)
    if steps:
        return min(steps, key=lambda step: int(step.row.seq))
    return min(later, default=None)


def _take(
    tx: Connection, held: Row[Any], step: _Step, owner: str, now: datetime, rules: Rules
) -> Claim:
    token = secrets.token_hex(8)
    row = step.row
    lease = now + rules.lease
    mine: dict[str, Any] = {"owner": owner, "token": token, "lease": lease, "due_at": lease}
    values: dict[str, Any] = {"token": token}
    if step.move in (Move.POST, Move.EDIT, Move.DELETE):
        values |= {
            "state": MessageState.SENDING,
            "attempts": row.attempts + 1,
            "attempt_rev": row.rev,
            "attempted_at": now,
            "first_attempt_at": row.first_attempt_at or now,
        }
    elif step.move is Move.VERIFY and rules.verify:
        # Who dies in it may have a call on its way, which could come after something newer.
        values["verify_at"] = now + rules.verify[0]
    if step.move is Move.POST:
        mine["post_from"] = max(held.post_from or now, now) + rules.post_interval
    elif step.move is Move.EDIT:
        mine["edit_from"] = max(held.edit_from or now, now) + rules.edit_interval
    change(tx, lane, {"key": held.key}, mine)
    change(tx, message, {"key": row.key}, values)
    body = json.loads(row.body)
    return Claim(
        move=step.move,
        key=row.key,
        token=token,
        lane=held.key,
        channel=row.channel or held.channel,
        rev=row.rev,
        text=body["text"],
        blocks=body["blocks"],
        metadata=body["metadata"],
        ts=row.ts,
        thread_ts=_ts_of(tx, row.thread_of),
        broadcast=row.broadcast,
        attempts=values.get("attempts", row.attempts),
        since=row.first_attempt_at or now,
        settled=row.unknown_at is not None and row.unknown_at + rules.settle <= now,
        twins=row.verify_round > 0,
        again_at=values.get("verify_at"),
    )


def lost(row: Row[Any], now: datetime, rules: Rules) -> dict[str, Any]:
    """What to write where the answer to a call was lost, or its sender died."""
    if row.ts is not None:
        verify = {} if row.gone or not rules.verify else {"verify_at": now + rules.verify[0]}
        return {"state": MessageState.QUEUED, "next_at": None, **verify}
    if not rules.reconcile:
        return {"state": MessageState.QUEUED, "next_at": None}
    return {"state": MessageState.UNKNOWN, "unknown_at": now, "next_at": None}


def _ts_of(tx: Connection, key: str | None) -> str | None:
    if key is None:
        return None
    return tx.execute(_TS, {"key": key}).scalar()


def _allowed(start: datetime | None, interval: timedelta, burst: int) -> datetime | None:
    """When a call may be made; `start` is when all former calls are paid for at one pace."""
    return None if start is None else start - (burst - 1) * interval


def _moment(value: Any) -> datetime:
    assert isinstance(value, datetime)
    return value
