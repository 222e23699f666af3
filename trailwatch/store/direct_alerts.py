"""Keeps the alerts of sites without an on-call service. Decides nothing about them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, select

from trailwatch.alert import AlertState
from trailwatch.routers.router import RoutedAlert
from trailwatch.store.bodies import Bodies
from trailwatch.store.tables import direct_alert as table
from trailwatch.store.upsert import put

_BODIES = Bodies(RoutedAlert)


def save(tx: Connection, alert: RoutedAlert) -> None:
    """Store an alert, or overwrite the one of its id."""
    put(
        tx,
        table,
        {
            "id": alert.id,
            "alias": alert.alias,
            "closed": alert.state is AlertState.CLOSED,
            "updated_at": alert.updated_at,
            "body": _BODIES.write(alert),
        },
    )


def get(tx: Connection, alert_id: str, *, lock: bool = False) -> RoutedAlert | None:
    """The alert of that id. lock: nobody else changes it until this transaction ends."""
    return _first(tx, select(table.c.body).where(table.c.id == alert_id), lock)


def open_of(tx: Connection, alias: str, *, lock: bool = False) -> RoutedAlert | None:
    """The newest alert of an alarm's ARN that is not closed."""
    chosen = select(table.c.body).where(table.c.alias == alias, table.c.closed.is_(False))
    return _first(tx, chosen.order_by(table.c.updated_at.desc()), lock)


def list_open(tx: Connection, limit: int) -> list[RoutedAlert]:
    """Alerts that are not closed, those that changed last first."""
    chosen = (
        select(table.c.body)
        .where(table.c.closed.is_(False))
        .order_by(table.c.updated_at.desc(), table.c.id)
        .limit(limit)
    )
    return [_BODIES.read(body) for body in tx.execute(chosen).scalars()]


def newest(tx: Connection, alias: str) -> RoutedAlert | None:
    """The alert of an alarm that changed last, closed or not."""
    chosen = select(table.c.body).where(table.c.alias == alias)
    return _first(tx, chosen.order_by(table.c.updated_at.desc()), False)


def _first(tx: Connection, chosen: Select[Any], lock: bool) -> RoutedAlert | None:
    chosen = chosen.limit(1)
    body = tx.execute(chosen.with_for_update() if lock else chosen).scalar()
    return None if body is None else _BODIES.read(body)
