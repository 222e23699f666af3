"""Knows what a channel's next call to Slack is, and writes down how it ended. Calls nobody.

A lane is a Slack channel. It has one call in flight, held by a lease; the message of that call
carries a token, and a result is written only by the holder of the newest token. A lane's row is
always locked before its messages', so that PostgreSQL cannot deadlock.

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

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, update

from trailwatch.store.outbox import MessageState, Sent, sent_of
from trailwatch.store.tables import lane, message


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
        free = or_(lane.c.lease.is_(None), lane.c.lease <= now)
        chosen = select(lane).where(lane.c.due_at <= now, free)
        if key is not None:
            chosen = chosen.where(lane.c.key == key)
        row = tx.execute(
            chosen.order_by(lane.c.due_at).limit(1).with_for_update(skip_locked=True)
        ).one_or_none()
        if row is None:
            return None
        step = _next(tx, row, now, rules, no_edits_before)
        if isinstance(step, _Step):
            return _take(tx, row, step, owner, now, rules)
        tx.execute(
            update(lane)
            .where(lane.c.key == row.key)
            .values(due_at=step, lease=None, owner=None, token=None)
        )
    return None


def next_due(tx: Connection) -> datetime | None:
    """When the next lane is due; None where none is."""
    free = tx.execute(select(func.min(lane.c.due_at)).where(lane.c.lease.is_(None))).scalar()
    held = tx.execute(select(func.min(lane.c.lease))).scalar()
    return min((moment for moment in (free, held) if moment is not None), default=None)


def extend(tx: Connection, held: Claim, lease: datetime) -> bool:
    """Keep the claim until `lease`; False where it was lost: then call Slack no more."""
    if _mine(tx, held) is None:
        return False
    tx.execute(update(lane).where(lane.c.key == held.lane).values(lease=lease))
    return True


def sent(
    tx: Connection, held: Claim, *, channel: str, ts: str, now: datetime, rules: Rules
) -> bool:
    """POST or LOOK: the message stands at `ts`. False: the claim was lost, see `suspect`."""
    row = _mine(tx, held)
    if row is None:
        return False
    reposted = row.verify_round > 0
    values = _standing(row, row.attempt_rev, now) | {
        "channel": channel,
        "ts": ts,
        "verify_at": now + rules.verify[0] if reposted and rules.verify else None,
    }
    tx.execute(update(lane).where(lane.c.key == held.lane).values(channel=channel))
    return _finish(tx, held, now, values)


def edited(tx: Connection, held: Claim, *, now: datetime) -> bool:
    """EDIT: Slack shows the content of held.rev."""
    row = _mine(tx, held)
    return row is not None and _finish(tx, held, now, _standing(row, held.rev, now))


def deleted(tx: Connection, held: Claim, *, now: datetime) -> bool:
    """DELETE: the message is gone from Slack."""
    row = _mine(tx, held)
    if row is None:
        return False
    state = MessageState.RETRACTED if row.gone else MessageState.QUEUED
    return _finish(tx, held, now, {"state": state, "sent_rev": held.rev, **_NEVER_POSTED})


def verified(tx: Connection, held: Claim, *, now: datetime, rules: Rules) -> bool:
    """VERIFY: twins are removed and the content of held.rev was said again."""
    row = _mine(tx, held)
    if row is None:
        return False
    values = _standing(row, held.rev, now) if row.state == MessageState.SENT else {}
    done = row.verify_round
    if 0 < done < len(rules.verify):
        values |= {"verify_at": now + rules.verify[done], "verify_round": done + 1}
    else:
        values |= {"verify_at": None, "verify_round": 0}
    return _finish(tx, held, now, values)


def absent(tx: Connection, held: Claim, *, now: datetime, rules: Rules) -> bool:
    """LOOK: Slack does not show the post (yet)."""
    row = _mine(tx, held)
    if row is None:
        return False
    if not held.settled:
        at = max(now, (row.unknown_at or now) + rules.settle)
        return _finish(tx, held, now, {"next_at": at})
    values: dict[str, Any] = {"state": MessageState.QUEUED, "next_at": None, "verify_round": 1}
    if row.gone:
        # Should it appear all the same, the verification deletes it.
        values |= {"state": MessageState.RETRACTED, "verify_at": now + rules.settle}
    return _finish(tx, held, now, values)


def ambiguous(tx: Connection, held: Claim, *, error: str, now: datetime, rules: Rules) -> bool:
    """POST, EDIT, DELETE: nobody knows whether Slack did it."""
    row = _mine(tx, held)
    if row is None:
        return False
    values = {**_lost(row, now, rules), "error": error}
    if row.attempts > 1:
        values["next_at"] = now + _patience(row.attempts)
    return _finish(tx, held, now, values)


def postponed(
    tx: Connection,
    held: Claim,
    *,
    until: datetime,
    error: str,
    now: datetime,
    rules: Rules,
    whole_lane: bool,
) -> bool:
    """Not applied: the same again at `until`.

    whole_lane: it was not this message's fault; no other of its kind is tried before, and the
    attempt is not counted.
    """
    row = _mine(tx, held)
    if row is None:
        return False
    values: dict[str, Any] = {"error": error}
    if held.move is Move.VERIFY:
        values["verify_at"] = until
    else:
        values["next_at"] = until
        if row.state == MessageState.SENDING:
            values["state"] = MessageState.QUEUED
        if held.move is Move.POST and row.first_attempt_at == row.attempted_at:
            values["first_attempt_at"] = None
    if whole_lane and held.move in (Move.POST, Move.EDIT):
        values |= {"next_at": None, "attempts": max(0, row.attempts - 1)}
        if held.move is Move.POST:
            start = {"post_from": until + (rules.post_burst - 1) * rules.post_interval}
        else:
            start = {"edit_from": until + (rules.edit_burst - 1) * rules.edit_interval}
        tx.execute(update(lane).where(lane.c.key == held.lane).values(**start))
    return _finish(tx, held, now, values)


def refused(tx: Connection, held: Claim, *, error: str, now: datetime) -> Sent | None:
    """Refused for good: a dead letter, or for a look-up a flag. None: the claim was lost."""
    row = _mine(tx, held)
    if row is None:
        return None
    if held.move is Move.LOOK:
        # It may well stand: never dead, never posted again unseen.
        values = {"flagged": True, "next_at": now + timedelta(minutes=10), "error": error}
    elif held.move is Move.VERIFY:
        values = {"verify_at": None, "verify_round": 0, "error": error}
    else:
        values = {"state": MessageState.DEAD, "error": error, "updated_at": now}
    _finish(tx, held, now, values)
    return sent_of(tx.execute(select(message).where(message.c.key == held.key)).one())


def suspect(tx: Connection, held: Claim, *, now: datetime) -> None:
    """A post was applied after its claim was lost: there may be a twin, so verify soon."""
    tx.execute(select(lane.c.key).where(lane.c.key == held.lane).with_for_update())
    tx.execute(
        update(message).where(message.c.key == held.key).values(verify_at=now, verify_round=1)
    )
    tx.execute(update(lane).where(lane.c.key == held.lane).values(due_at=now))


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


_NEVER_POSTED = {
    "ts": None,
    "first_attempt_at": None,
    "unknown_at": None,
    "next_at": None,
    "attempts": 0,
    "error": "",
}


def _next(
    tx: Connection, held: Row[Any], now: datetime, rules: Rules, no_edits_before: datetime | None
) -> _Step | datetime | None:
    """What a lane does next: a step, or when to look again, or nothing."""
    here = message.c.lane == held.key
    holding = _first(
        tx,
        here,
        message.c.state.in_((MessageState.SENDING, MessageState.UNKNOWN)),
        ~message.c.flagged,
    )
    if holding is not None and holding.state == MessageState.SENDING:
        # Its sender died, or was stopped for longer than its lease.
        values = _lost(holding, now, rules)
        tx.execute(update(message).where(message.c.key == holding.key).values(**values))
        return now
    if holding is not None:
        if holding.next_at is None or holding.next_at <= now:
            return _Step(Move.LOOK, holding)
        return _moment(holding.next_at)
    verify = _first(tx, here, message.c.verify_at <= now)
    if verify is not None:
        return _Step(Move.VERIFY, verify)
    flagged = _first(tx, here, message.c.state == MessageState.UNKNOWN, message.c.next_at <= now)
    if flagged is not None:
        return _Step(Move.LOOK, flagged)
    return _next_queued(tx, held, now, rules, no_edits_before)


def _next_queued(
    tx: Connection, held: Row[Any], now: datetime, rules: Rules, no_edits_before: datetime | None
) -> _Step | datetime | None:
    here = and_(message.c.lane == held.key, message.c.state == MessageState.QUEUED)
    ready = or_(message.c.next_at.is_(None), message.c.next_at <= now)
    parent = message.alias("parent")
    parents = select(parent.c.key).where(
        parent.c.key == message.c.thread_of, parent.c.ts.is_not(None)
    )
    placed = or_(message.c.thread_of.is_(None), parents.exists())
    post = _first(tx, here, ready, message.c.ts.is_(None), placed)
    edit = _first(tx, here, ready, message.c.ts.is_not(None))
    post_at = _allowed(held.post_from, rules.post_interval, rules.post_burst)
    edit_at = _allowed(held.edit_from, rules.edit_interval, rules.edit_burst)
    edit_at = max((m for m in (edit_at, no_edits_before) if m is not None), default=None)
    steps, later = [], []
    for row, at, move in ((post, post_at, Move.POST), (edit, edit_at, Move.EDIT)):
        if row is None:
            continue
        if at is None or at <= now:
            steps.append(_Step(Move.DELETE if row.gone else move, row))
        else:
            later.append(at)
    if steps:
        return min(steps, key=lambda step: int(step.row.seq))
    waits = (
        select(func.min(message.c.next_at)).where(here, message.c.next_at > now),
        select(func.min(message.c.verify_at)).where(message.c.lane == held.key),
        select(func.min(message.c.next_at)).where(
            message.c.lane == held.key, message.c.state == MessageState.UNKNOWN
        ),
    )
    later += [moment for wait in waits if (moment := tx.execute(wait).scalar()) is not None]
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
    if step.move is Move.POST:
        mine["post_from"] = max(held.post_from or now, now) + rules.post_interval
    elif step.move is Move.EDIT:
        mine["edit_from"] = max(held.edit_from or now, now) + rules.edit_interval
    tx.execute(update(lane).where(lane.c.key == held.key).values(**mine))
    tx.execute(update(message).where(message.c.key == row.key).values(**values))
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
    )


def _lost(row: Row[Any], now: datetime, rules: Rules) -> dict[str, Any]:
    """What to write where the answer to a call was lost, or its sender died."""
    if row.ts is not None:
        verify = {} if row.gone or not rules.verify else {"verify_at": now + rules.verify[0]}
        return {"state": MessageState.QUEUED, "next_at": None, **verify}
    if not rules.reconcile:
        return {"state": MessageState.QUEUED, "next_at": None}
    return {"state": MessageState.UNKNOWN, "unknown_at": now, "next_at": None}


def _standing(row: Row[Any], rev: int, now: datetime) -> dict[str, Any]:
    """What to write where Slack shows the content of `rev`."""
    state = MessageState.SENT if row.rev == rev else MessageState.QUEUED
    return {
        "state": state,
        "sent_rev": rev,
        "sent_at": now,
        "attempts": 0,
        "unknown_at": None,
        "next_at": None,
        "flagged": False,
        "error": "",
    }


def _finish(tx: Connection, held: Claim, now: datetime, values: Mapping[str, Any]) -> bool:
    """Write a result and free the lane, which looks for its next move at once."""
    tx.execute(update(message).where(message.c.key == held.key).values(**values, token=None))
    tx.execute(
        update(lane)
        .where(lane.c.key == held.lane, lane.c.token == held.token)
        .values(lease=None, owner=None, token=None, due_at=now)
    )
    return True


def _mine(tx: Connection, held: Claim) -> Row[Any] | None:
    """The message's row, locked after its lane; None where another holds the claim now."""
    tx.execute(select(lane.c.key).where(lane.c.key == held.lane).with_for_update())
    return tx.execute(
        select(message)
        .where(message.c.key == held.key, message.c.token == held.token)
        .with_for_update()
    ).one_or_none()


def _first(tx: Connection, *conditions: ColumnElement[bool]) -> Row[Any] | None:
    return tx.execute(
        select(message).where(*conditions).order_by(message.c.seq).limit(1)
    ).one_or_none()


def _ts_of(tx: Connection, key: str | None) -> str | None:
    if key is None:
        return None
    return tx.execute(select(message.c.ts).where(message.c.key == key)).scalar()


def _allowed(start: datetime | None, interval: timedelta, burst: int) -> datetime | None:
    """When a call may be made; `start` is when all former calls are paid for at one pace."""
    return None if start is None else start - (burst - 1) * interval


def _moment(value: Any) -> datetime:
    assert isinstance(value, datetime)
    return value


def _patience(attempts: int) -> timedelta:
    return timedelta(seconds=min(60.0, 0.5 * 2.0 ** min(attempts, 10)))
