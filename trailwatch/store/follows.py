"""Keeps how far alarms that are on have been followed, and who did what behind each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from trailwatch.follow_up import Pair, together
from trailwatch.store.tables import alert_follow, alert_pair
from trailwatch.store.upsert import put


class Told(IntEnum):
    """Where a pair is shown: in the alert's own table, from which newer ones may push it."""

    NOWHERE = 0
    IN_TABLE = 1
    IN_THREAD = 2


@dataclass(frozen=True)
class Follow:
    """Events up to `cursor` were looked at; `total` of them counted so far.

    seen: keys of the newest events and their times (ISO), so that a look that goes back counts
    none twice. told: tellings since it was quiet last, the newest at told_at.
    """

    alert: str
    cursor: datetime
    total: int = 0
    seen: dict[str, str] = field(default_factory=dict)
    told: int = 0
    told_at: datetime | None = None
    ended_at: datetime | None = None


def get(tx: Connection, alert: str) -> Follow | None:
    """How far an alert has been followed; None where it never was."""
    row = tx.execute(select(alert_follow).where(alert_follow.c.alert == alert)).one_or_none()
    return None if row is None else Follow(**row._mapping)


def save(tx: Connection, follow: Follow) -> None:
    """Keep it, instead of what was known."""
    put(tx, alert_follow, dict(vars(follow)))


def count(tx: Connection, alert: str, pairs: Iterable[Pair]) -> None:
    """Add what was found to the counts; a pair that is new waits to be told."""
    for pair in pairs:
        here = (alert_pair.c.alert == alert) & (alert_pair.c.pair == pair.key)
        row = tx.execute(select(alert_pair).where(here)).one_or_none()
        whole = pair if row is None else together(_pair(row), pair)
        values = {"alert": alert, "pair": pair.key, **vars(whole)}
        put(tx, alert_pair, {**values, "told": 0 if row is None else row.told})


def untold(
    tx: Connection, alert: str, limit: int, but: Collection[str] = frozenset()
) -> list[Pair]:
    """Pairs that nobody was shown yet, in the order of their first event. but: keys left out."""
    rows = tx.execute(
        select(alert_pair)
        .where(
            alert_pair.c.alert == alert,
            alert_pair.c.told == Told.NOWHERE,
            alert_pair.c.pair.not_in(sorted(but)),
        )
        .order_by(alert_pair.c.first_at, alert_pair.c.pair)
        .limit(limit)
    )
    return [_pair(row) for row in rows]


def mark_told(
    tx: Connection, alert: str, pairs: Sequence[Pair], where: Told = Told.IN_THREAD
) -> None:
    """These have been shown there; those that are not known yet are from now on, uncounted."""
    for pair in sorted(pairs, key=lambda one: one.key):
        here = (alert_pair.c.alert == alert) & (alert_pair.c.pair == pair.key)
        told = tx.execute(select(alert_pair.c.told).where(here)).scalar()
        if told is None:
            values = {**vars(pair), "count": 0, "alert": alert, "pair": pair.key, "told": where}
            put(tx, alert_pair, values)
        elif told < where:
            tx.execute(update(alert_pair).where(here).values(told=where))


def gone_from_table(tx: Connection, alert: str, pairs: Iterable[Pair]) -> None:
    """The alert's table shows these no longer: those that only it showed are to be told."""
    keys = sorted({pair.key for pair in pairs})
    tx.execute(
        update(alert_pair)
        .where(
            alert_pair.c.alert == alert,
            alert_pair.c.pair.in_(keys),
            alert_pair.c.told == Told.IN_TABLE,
        )
        .values(told=Told.NOWHERE)
    )


def totals(tx: Connection, alert: str) -> tuple[int, int, datetime | None]:
    """How many distinct pairs, how many principals, and when the newest event was."""
    here = alert_pair.c.alert == alert
    who = select(alert_pair.c.account, alert_pair.c.principal).where(here).distinct().subquery()
    pairs, last = tx.execute(select(func.count(), func.max(alert_pair.c.last_at)).where(here)).one()
    return int(pairs), int(tx.execute(select(func.count()).select_from(who)).scalar_one()), last


def _pair(row: Row[Any]) -> Pair:
    return Pair(
        row.account,
        row.principal,
        row.event,
        row.address,
        row.result,
        row._mapping["count"],  # a row has a method of this name
        row.first_at,
        row.last_at,
        tuple(row.targets or ()),
    )
