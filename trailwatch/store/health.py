"""Knows what the store tells of the bot's health, for /trailwatch status. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from trailwatch.store.jobs import JobState
from trailwatch.store.outbox import MessageState
from trailwatch.store.tables import inbox, job, message, schedule


@dataclass(frozen=True)
class Pulse:
    """lanes: messages that are to be sent or edited, by channel. Times in UTC, None for never."""

    lanes: Mapping[str, int]
    last_delivery: datetime | None
    last_reconcile: datetime | None
    schedules: Mapping[str, datetime]


def pulse(tx: Connection) -> Pulse:
    """What goes out, what came in last, and what is due next."""
    open_ = (MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN)
    lanes = tx.execute(
        select(message.c.lane, func.count())
        .where(message.c.state.in_(open_))
        .group_by(message.c.lane)
    )
    counts = {str(lane): int(number) for lane, number in lanes}
    newest = select(inbox.c.at).order_by(inbox.c.seq.desc()).limit(1)
    compared = select(func.max(job.c.finished_at)).where(
        job.c.kind == "alert.reconcile", job.c.state == JobState.DONE
    )
    due = tx.execute(select(schedule.c.name, schedule.c.next_due))
    return Pulse(
        lanes=counts,
        last_delivery=tx.execute(newest).scalar(),
        last_reconcile=tx.execute(compared).scalar(),
        schedules={str(name): when for name, when in due},
    )
