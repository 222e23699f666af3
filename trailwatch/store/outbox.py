"""Keeps the wanted state of each Slack message: one row a message. Sends nothing.

A message is named by a key of our own. Saying it again with other content changes the wanted
state; the sender (bot.sender, by trailwatch.store.lanes) brings Slack there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, and_, bindparam, or_, select, update

from trailwatch.store import wake
from trailwatch.store.tables import lane, message
from trailwatch.store.upsert import change, insert_new


class MessageState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    """The answer to a post was lost, and it has not been found out yet whether it stands."""
    SENT = "sent"
    DEAD = "dead"
    RETRACTED = "retracted"


@dataclass(frozen=True)
class Outgoing:
    """What a message should say.

    lane: the Slack channel's id (or a user's, for a direct message). metadata: string, number
    and boolean values for Slack's event_payload; "key" is added by the sender. thread_of: the
    key of the message in whose thread this is to stand; it waits until that one is posted.
    Lane, thread and broadcast are settled by the first saying.
    """

    key: str
    lane: str
    text: str
    blocks: Sequence[Mapping[str, Any]] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    thread_of: str | None = None
    broadcast: bool = False


@dataclass(frozen=True)
class Sent:
    """What has become of a message. channel and ts are None until Slack has shown it."""

    key: str
    lane: str
    channel: str | None
    ts: str | None
    state: MessageState
    rev: int
    sent_rev: int
    thread_of: str | None
    flagged: bool
    """UNKNOWN, and the look-up is refused for good: a person has to look."""
    error: str
    updated_at: datetime
    sent_at: datetime | None
    text: str


# Made once: to make such statements anew costs more than to run them.
_KEY: BindParameter[str] = bindparam("key")
_ONE = select(message).where(message.c.key == _KEY)
_LOCKED = _ONE.with_for_update()
_LANE = select(message.c.lane).where(message.c.key == _KEY)
_LOCKED_LANE = select(lane.c.key).where(lane.c.key == _KEY).with_for_update()
_NEXT_SEQ = (
    update(lane)
    .where(lane.c.key == bindparam("of"))
    .values(seq=lane.c.seq + 1, due_at=bindparam("at", type_=lane.c.due_at.type))
    .returning(lane.c.seq)
)


def say(tx: Connection, outgoing: Outgoing, at: datetime) -> None:
    """Want a message to say this. The same content again changes nothing.

    A message that died (or was never tried) may be said into another lane, and is then posted
    there; else the lane of its first saying stays.
    """
    body = _body_of(outgoing)
    parent = _lane_of(tx, outgoing.thread_of) if outgoing.thread_of else None
    wanted = parent or outgoing.lane
    present = _lane_of(tx, outgoing.key)
    _lock_lanes(tx, {wanted, present or wanted}, at)
    row = tx.execute(_LOCKED, {"key": outgoing.key}).one_or_none()
    if row is None:
        values = {
            "key": outgoing.key,
            "lane": wanted,
            "seq": _next_seq(tx, wanted, at),
            "thread_of": outgoing.thread_of,
            "broadcast": outgoing.broadcast,
            "body": body,
            "gone": False,
            "rev": 1,
            "sent_rev": 0,
            "state": MessageState.QUEUED,
            "created_at": at,
            "updated_at": at,
        }
        if insert_new(tx, message, values):
            wake.touch(tx, wake.OUTBOX)
            return
        # Another transaction said it first, in another lane; it has committed by now.
        say(tx, outgoing, at)
        return
    moves = wanted != row.lane and (row.state == MessageState.DEAD or row.first_attempt_at is None)
    if row.body == body and not moves and not row.gone:
        return
    _change(tx, row, body, wanted if moves else row.lane, at)


def say_all(tx: Connection, messages: Iterable[Outgoing], at: datetime) -> None:
    """Say several, in an order of lanes in which two transactions cannot wait for each other."""
    for outgoing in sorted(messages, key=lambda one: one.lane):
        say(tx, outgoing, at)


def find(tx: Connection, key: str) -> Sent | None:
    """What has become of the message; None where it was never said."""
    row = tx.execute(_ONE, {"key": key}).one_or_none()
    return None if row is None else sent_of(row)


def is_said(tx: Connection, key: str) -> bool:
    """Whether the message was ever said; what it says is not read."""
    return _lane_of(tx, key) is not None


def at_ts(tx: Connection, channel: str, ts: str) -> Sent | None:
    """Our message that stands at `ts` in a channel; None where it isn't ours."""
    row = tx.execute(
        select(message).where(
            or_(message.c.channel == channel, message.c.lane == channel), message.c.ts == ts
        )
    ).first()
    return None if row is None else sent_of(row)


def dead(tx: Connection, limit: int = 100) -> list[Sent]:
    """Messages that Slack refused for good, and those whose fate a person must find out."""
    rows = tx.execute(
        select(message)
        .where(
            or_(
                message.c.state == MessageState.DEAD,
                and_(message.c.state == MessageState.UNKNOWN, message.c.flagged),
            )
        )
        .order_by(message.c.updated_at.desc(), message.c.key)
        .limit(limit)
    )
    return [sent_of(row) for row in rows]


def resend(tx: Connection, key: str, at: datetime) -> bool:
    """Try a dead message again, or look again for a flagged one; False where it is neither."""
    where = _lane_of(tx, key)
    if where is None:
        return False
    _lock_lanes(tx, {where}, at)
    row = tx.execute(select(message).where(message.c.key == key).with_for_update()).one()
    if row.state == MessageState.DEAD:
        state = MessageState.QUEUED
    elif row.state == MessageState.UNKNOWN and row.flagged:
        state = MessageState.UNKNOWN
    else:
        return False
    tx.execute(
        update(message)
        .where(message.c.key == key)
        .values(
            state=state,
            flagged=False,
            attempts=0,
            next_at=None,
            error="",
            updated_at=at,
            seq=_next_seq(tx, where, at),
        )
    )
    wake.touch(tx, wake.OUTBOX)
    return True


def reroute(tx: Connection, key: str, where: str, at: datetime) -> bool:
    """Want a message in another lane as it is: posted there anew, with what is in its thread.

    For a lane that takes nothing any more; False where a call for the message is under way.
    """
    present = _lane_of(tx, key)
    if present is None or present == where:
        return False
    _lock_lanes(tx, {present, where}, at)
    row = tx.execute(select(message).where(message.c.key == key).with_for_update()).one()
    if row.lane != present or row.gone:
        return False
    if row.state in (MessageState.SENDING, MessageState.UNKNOWN):
        return False
    _change(tx, row, row.body, where, at)
    return True


def retract(tx: Connection, key: str, at: datetime) -> bool:
    """Want the message gone from Slack; False where it was never said."""
    where = _lane_of(tx, key)
    if where is None:
        return False
    _lock_lanes(tx, {where}, at)
    row = tx.execute(select(message).where(message.c.key == key).with_for_update()).one()
    if row.gone:
        return True
    values: dict[str, Any] = {"gone": True, "rev": row.rev + 1, "updated_at": at}
    if row.state in (MessageState.SENT, MessageState.QUEUED, MessageState.DEAD):
        never = row.ts is None
        values["state"] = MessageState.RETRACTED if never else MessageState.QUEUED
        values["next_at"] = None
        values["seq"] = _next_seq(tx, where, at)
    tx.execute(update(message).where(message.c.key == key).values(**values))
    wake.touch(tx, wake.OUTBOX)
    return True


def _change(tx: Connection, row: Row[Any], body: str, where: str, at: datetime) -> None:
    values: dict[str, Any] = {
        "body": body,
        "rev": row.rev + 1,
        "gone": False,
        "lane": where,
        "updated_at": at,
    }
    if row.state in (MessageState.SENT, MessageState.DEAD, MessageState.RETRACTED):
        # One that waits already keeps its place in the queue, and its date after a refusal.
        values |= {"state": MessageState.QUEUED, "attempts": 0, "next_at": None}
    if row.state == MessageState.RETRACTED or where != row.lane:
        values |= {
            "ts": None,
            "channel": None,
            "first_attempt_at": None,
            "verify_at": None,
            "sent_rev": 0,
            "verify_round": 0,
        }
    if where != row.lane:
        tx.execute(
            update(message)
            .where(
                message.c.thread_of == row.key,
                message.c.first_attempt_at.is_(None),
                message.c.state == MessageState.QUEUED,
            )
            .values(lane=where)
        )
    values["seq"] = _next_seq(tx, where, at)
    if row.state == MessageState.QUEUED and where == row.lane:
        values["seq"] = row.seq
    change(tx, message, {"key": row.key}, values)
    wake.touch(tx, wake.OUTBOX)


def _body_of(outgoing: Outgoing) -> str:
    body = {
        "text": outgoing.text,
        "blocks": list(outgoing.blocks),
        "metadata": dict(outgoing.metadata),
    }
    return json.dumps(body, ensure_ascii=True, sort_keys=True)


def _lane_of(tx: Connection, key: str) -> str | None:
    return tx.execute(_LANE, {"key": key}).scalar()


def _lock_lanes(tx: Connection, keys: set[str], at: datetime) -> None:
    """Lanes are locked before their messages, everywhere and in the order of their keys."""
    for key in sorted(keys):
        if tx.execute(_LOCKED_LANE, {"key": key}).first() is None:
            insert_new(tx, lane, {"key": key, "channel": key, "seq": 0, "due_at": at})
            tx.execute(_LOCKED_LANE, {"key": key})


def _next_seq(tx: Connection, key: str, at: datetime) -> int:
    """The next place in the lane's queue; the lane is due at once."""
    return int(tx.execute(_NEXT_SEQ, {"of": key, "at": at}).scalar_one())


def sent_of(row: Row[Any]) -> Sent:
    """A row of the message table, as others see it."""
    return Sent(
        key=row.key,
        lane=row.lane,
        channel=row.channel,
        ts=row.ts,
        state=MessageState(row.state),
        rev=row.rev,
        sent_rev=row.sent_rev,
        thread_of=row.thread_of,
        flagged=row.flagged,
        error=row.error,
        updated_at=row.updated_at,
        sent_at=row.sent_at,
        text=json.loads(row.body)["text"],
    )
