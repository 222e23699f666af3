"""Keeps which role a person or a user group was given in Slack. Knows no roles' meaning."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from trailwatch.store.tables import access_grant, channel_grant
from trailwatch.store.upsert import put


@dataclass(frozen=True)
class Grant:
    """A role given to a subject: a Slack user's id (U…, W…) or a user group's (S…)."""

    subject: str
    role: str
    by: str
    at: datetime


def current(tx: Connection) -> list[Grant]:
    """All grants, by subject."""
    rows = tx.execute(select(access_grant).order_by(access_grant.c.subject))
    return [Grant(row.subject, row.role, row.by, row.at) for row in rows]


def grant(tx: Connection, subject: str, role: str, by: str, at: datetime) -> None:
    """Give a role; a subject has one at a time."""
    put(tx, access_grant, {"subject": subject, "role": role, "by": by, "at": at})


def revoke(tx: Connection, subject: str) -> bool:
    """Take the role away; False where there was none."""
    gone = tx.execute(delete(access_grant).where(access_grant.c.subject == subject))
    return gone.rowcount == 1


def in_channel(tx: Connection, channel: str) -> list[Grant]:
    """The grants that count in one channel alone, by subject."""
    chosen = select(channel_grant).where(channel_grant.c.channel == channel)
    rows = tx.execute(chosen.order_by(channel_grant.c.subject))
    return [Grant(row.subject, row.role, row.by, row.at) for row in rows]


def grant_in(tx: Connection, channel: str, subject: str, role: str, by: str, at: datetime) -> None:
    """Give a role in one channel; a subject has one at a time there."""
    values = {"channel": channel, "subject": subject, "role": role, "by": by, "at": at}
    put(tx, channel_grant, values)


def revoke_in(tx: Connection, channel: str, subject: str) -> bool:
    """Take the role in a channel away; False where there was none."""
    chosen = delete(channel_grant).where(
        channel_grant.c.channel == channel, channel_grant.c.subject == subject
    )
    return tx.execute(chosen).rowcount == 1
