"""Keeps which channels were lost: archived, deleted, or left by the bot. Moves no message."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from trailwatch.store.tables import lost_channel
from trailwatch.store.upsert import insert_new

TRIED_AGAIN = timedelta(hours=1)
"""After this a lost channel is tried again: somebody may have put it right."""
FORGOTTEN = timedelta(days=1)
"""A channel that was not found lost for so long is one that is lost anew."""


def lose(tx: Connection, channel: str, error: str, now: datetime) -> bool:
    """Note that Slack takes nothing for a channel; whether that is news."""
    tx.execute(
        delete(lost_channel).where(
            lost_channel.c.channel == channel, lost_channel.c.seen_at < now - FORGOTTEN
        )
    )
    values = {"channel": channel, "error": error, "since": now, "seen_at": now}
    if insert_new(tx, lost_channel, values):
        return True
    tx.execute(
        update(lost_channel)
        .where(lost_channel.c.channel == channel)
        .values(error=error, seen_at=now)
    )
    return False


def is_lost(tx: Connection, channel: str, now: datetime) -> bool:
    """Whether a channel was found lost within the last hour."""
    found = select(lost_channel.c.channel).where(
        lost_channel.c.channel == channel, lost_channel.c.seen_at > now - TRIED_AGAIN
    )
    return tx.execute(found).first() is not None


def lost(tx: Connection, now: datetime) -> dict[str, tuple[str, datetime]]:
    """Slack's word and since when, by channel, of those found lost within a day."""
    rows = tx.execute(select(lost_channel).where(lost_channel.c.seen_at > now - FORGOTTEN))
    return {row.channel: (row.error, row.since) for row in rows}
