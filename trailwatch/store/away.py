"""Keeps which on-call services do not answer, and when each was compared with. Asks none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from trailwatch.store.tables import away_service as table
from trailwatch.store.tables import compared_service
from trailwatch.store.upsert import insert_new, put


def keep(tx: Connection, name: str, error: str, at: datetime) -> None:
    """A service did not answer; since when, is that of the first time."""
    if not insert_new(tx, table, {"name": name, "error": error, "since": at}):
        tx.execute(update(table).where(table.c.name == name).values(error=error))


def back(tx: Connection, name: str) -> None:
    """It answers."""
    tx.execute(delete(table).where(table.c.name == name))


def services(tx: Connection) -> Mapping[str, tuple[str, datetime]]:
    """What does not answer, with the last error and since when."""
    rows = tx.execute(select(table).order_by(table.c.name))
    return {str(row.name): (str(row.error), row.since) for row in rows}


def compared(tx: Connection, name: str, at: datetime) -> None:
    """Everything that a service had at that moment is known."""
    put(tx, compared_service, {"name": name, "at": at})


def compared_at(tx: Connection) -> Mapping[str, datetime]:
    """When each service was last compared with; without those that never were."""
    return {str(row.name): row.at for row in tx.execute(select(compared_service))}
