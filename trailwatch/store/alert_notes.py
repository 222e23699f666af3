"""Keeps the notes on alerts, whoever wrote them and wherever. Decides which are told once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from trailwatch.routers.router import Remark
from trailwatch.store.tables import alert_note as table
from trailwatch.store.upsert import insert_new

SKEW = timedelta(hours=1)
"""So much earlier than ours the service's clock may say that a note was written: the same words
within an hour are the same note.
"""


@dataclass(frozen=True)
class Note:
    """A note. router_id: the service's id of the alert; there: its id of the note, "" until a note
    of ours is seen there. ours: it was written in Slack.
    """

    key: str
    alert: str
    router_id: str
    by: str
    text: str
    at: datetime
    ours: bool
    there: str = ""


def keep_ours(tx: Connection, note: Note) -> None:
    """Remember a note before it is given to the service, once for each key."""
    insert_new(tx, table, {**vars(note), "ours": True})


def forget(tx: Connection, key: str) -> None:
    """Forget a note of ours that the service refused."""
    tx.execute(delete(table).where(table.c.key == key, table.c.ours))


def is_kept(tx: Connection, key: str) -> bool:
    """Whether a note of ours was given to the service, or is about to be."""
    return tx.scalar(select(table.c.key).where(table.c.key == key)) is not None


def is_there(tx: Connection, key: str) -> bool:
    """Whether a note of ours was seen in the service."""
    found = tx.scalar(select(table.c.there).where(table.c.key == key))
    return bool(found)


def take(tx: Connection, alert_id: str, router_id: str, found: Remark) -> bool:
    """Take in a note that the service has; whether somebody else wrote it and it is new.

    One of ours is known by its words, which the service may trim: it gives no more than that. The
    caller holds the alert's lock.
    """
    known = select(table.c.key).where(table.c.router_id == router_id, table.c.there == found.id)
    if tx.scalar(known.limit(1)) is not None:
        return False
    waiting = tx.execute(
        select(table)
        .where(table.c.router_id == router_id, table.c.ours, table.c.there == "")
        .order_by(table.c.at, table.c.key)
    ).all()
    for row in waiting:
        if _words(row.text) == _words(found.text) and row.at - SKEW <= found.at:
            tx.execute(update(table).where(table.c.key == row.key).values(there=found.id))
            return False
    values = {
        "key": f"{router_id}:{found.id}",
        "alert": alert_id,
        "router_id": router_id,
        "by": found.by,
        "text": found.text,
        "at": found.at,
        "ours": False,
        "there": found.id,
    }
    return insert_new(tx, table, values)


def of_alert(tx: Connection, alert_id: str) -> list[Note]:
    """The notes on an alert, oldest first."""
    chosen = select(table).where(table.c.alert == alert_id).order_by(table.c.at, table.c.key)
    return [Note(**row._mapping) for row in tx.execute(chosen)]


def _words(text: str) -> list[str]:
    return text.split()
