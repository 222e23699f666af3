"""Keeps which alarms are muted, since when and by whom. Silences nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select, update

from trailwatch.store.tables import mute as table
from trailwatch.store.upsert import insert_new


class Way(StrEnum):
    """Who keeps quiet."""

    CLOUDWATCH = "cloudwatch"
    """A mute rule: the alarm takes no actions, so that nobody is told."""
    BOT = "bot"
    """The bot alone holds messages back; the on-call service is told and calls as ever."""
    STARTING = "starting"
    """Neither yet: it is being asked for."""


@dataclass(frozen=True)
class Mute:
    """An alarm (its ARN) that is muted until a UTC time. `held`: alerts that the bot held back."""

    id: str
    alarm: str
    name: str
    site: str
    why: str
    by: str
    at: datetime
    until: datetime
    way: Way = Way.STARTING
    held: int = 0
    ended_at: datetime | None = None
    ended_by: str = ""


def add(tx: Connection, mute: Mute) -> bool:
    """Store a new mute; False where the alarm is muted already."""
    if standing(tx, mute.alarm) is not None:
        return False
    return insert_new(tx, table, {**vars(mute)})


def get(tx: Connection, mute_id: str, *, lock: bool = False) -> Mute | None:
    """The mute of an id."""
    chosen = select(table).where(table.c.id == mute_id)
    row = tx.execute(chosen.with_for_update() if lock else chosen).one_or_none()
    return None if row is None else _mute(row)


def standing(tx: Connection, alarm: str) -> Mute | None:
    """The mute of an alarm that has not ended."""
    chosen = select(table).where(table.c.alarm == alarm, table.c.ended_at.is_(None))
    row = tx.execute(chosen.order_by(table.c.at.desc()).limit(1)).one_or_none()
    return None if row is None else _mute(row)


def list_standing(tx: Connection) -> list[Mute]:
    """All that have not ended, those that end first before."""
    chosen = select(table).where(table.c.ended_at.is_(None)).order_by(table.c.until, table.c.id)
    return [_mute(row) for row in tx.execute(chosen)]


def stands(tx: Connection, mute_id: str, way: Way) -> None:
    """Write down who keeps quiet."""
    tx.execute(update(table).where(table.c.id == mute_id).values(way=way.value))


def end(tx: Connection, mute_id: str, by: str, at: datetime, held: int = 0) -> bool:
    """Write down that it has ended; False where it had before."""
    chosen = update(table).where(table.c.id == mute_id, table.c.ended_at.is_(None))
    return tx.execute(chosen.values(ended_at=at, ended_by=by, held=held)).rowcount == 1


def _mute(row: Any) -> Mute:
    fields: dict[str, Any] = dict(row._mapping)
    return Mute(**{**fields, "way": Way(fields["way"])})
