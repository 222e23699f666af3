"""Counts what waits and what is dead, for /metrics and status. Changes nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from trailwatch.store.inbox import InboxState
from trailwatch.store.jobs import JobState
from trailwatch.store.outbox import MessageState
from trailwatch.store.tables import inbox, job, message, storm


def gauges(tx: Connection, now: datetime) -> dict[str, float]:
    """Numbers of rows that are not done by table and state, their oldest age in s, and storms."""
    numbers: dict[str, float] = {}
    for table, kinds in (
        (inbox, (InboxState.NEW, InboxState.TAKEN, InboxState.DEAD)),
        (job, (JobState.QUEUED, JobState.RUNNING, JobState.DEAD)),
        (
            message,
            (
                MessageState.QUEUED,
                MessageState.SENDING,
                MessageState.UNKNOWN,
                MessageState.DEAD,
            ),
        ),
    ):
        counted = tx.execute(
            select(table.c.state, func.count())
            .where(table.c.state.in_(kinds))
            .group_by(table.c.state)
        )
        counts: dict[str, int] = {str(state): int(number) for state, number in counted}
        for kind in kinds:
            numbers[f"{table.name}_{kind}"] = float(counts.get(kind, 0))
    standing = select(func.count()).where(storm.c.ended_at.is_(None))
    numbers["storms"] = float(tx.execute(standing).scalar_one())
    # Queued jobs that are due later wait for nothing.
    due = select(func.count()).where(job.c.state == JobState.QUEUED, job.c.next_at <= now)
    numbers["job_due"] = float(tx.execute(due).scalar_one())
    oldest = {
        "inbox": select(func.min(inbox.c.at)).where(
            inbox.c.state.in_((InboxState.NEW, InboxState.TAKEN))
        ),
        "job": select(func.min(job.c.next_at)).where(
            job.c.state.in_((JobState.QUEUED, JobState.RUNNING)), job.c.next_at <= now
        ),
        "message": select(func.min(message.c.updated_at)).where(
            message.c.state.in_((MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN))
        ),
    }
    for name, chosen in oldest.items():
        since = tx.execute(chosen).scalar()
        age = 0.0 if since is None else max(0.0, (now - since).total_seconds())
        numbers[f"{name}_oldest_seconds"] = age
    return numbers
