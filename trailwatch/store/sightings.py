"""Keeps with what principals were seen: a rolling profile, bounded. Judges nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from trailwatch.profile import Key, Sighting
from trailwatch.store.tables import sighting as table
from trailwatch.store.upsert import insert_new

MOST_VALUES = 100
"""Of one kind for one principal; those that were not seen for longest go first."""


def learn(tx: Connection, found: Iterable[Sighting]) -> None:
    """Add what was seen; the same again changes nothing."""
    grown: set[tuple[str, str]] = set()
    # In one order everywhere, so that two transactions cannot wait for each other.
    for one in sorted(found, key=lambda each: each.key):
        here = (
            (table.c.principal == one.principal)
            & (table.c.kind == one.kind.value)
            & (table.c.value == one.value)
        )
        values = {
            "principal": one.principal,
            "kind": one.kind.value,
            "value": one.value,
            "first_at": one.first,
            "last_at": one.last,
        }
        if insert_new(tx, table, values):
            grown.add((one.principal, one.kind.value))
            continue
        tx.execute(
            update(table).where(here, table.c.first_at > one.first).values(first_at=one.first)
        )
        tx.execute(update(table).where(here, table.c.last_at < one.last).values(last_at=one.last))
    for principal, kind in sorted(grown):
        _bound(tx, principal, kind)


def known(tx: Connection, principals: Iterable[str]) -> dict[Key, datetime]:
    """When each thing was seen first with these principals."""
    rows = tx.execute(
        select(table.c.principal, table.c.kind, table.c.value, table.c.first_at).where(
            table.c.principal.in_(sorted(set(principals)))
        )
    )
    return {(row.principal, row.kind, row.value): row.first_at for row in rows}


def _bound(tx: Connection, principal: str, kind: str) -> None:
    mine = (table.c.principal == principal) & (table.c.kind == kind)
    stays = (
        select(table.c.value)
        .where(mine)
        .order_by(table.c.last_at.desc(), table.c.value)
        .limit(MOST_VALUES)
    )
    values = set(tx.execute(stays).scalars())
    if len(values) < MOST_VALUES:
        return
    tx.execute(delete(table).where(mine, table.c.value.not_in(values)))
