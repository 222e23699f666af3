"""Keeps alerts, whole and searchable. Decides nothing about them."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, bindparam, func, select

from trailwatch.alert import Alert, AlertState
from trailwatch.store.bodies import Bodies
from trailwatch.store.tables import alert as table
from trailwatch.store.tables import alert_twin
from trailwatch.store.upsert import put

_BODIES = Bodies(Alert)


def save(tx: Connection, alert: Alert) -> None:
    """Store an alert, or overwrite the one of its id."""
    put(
        tx,
        table,
        {
            "id": alert.id,
            "alias": alert.alias,
            "router_id": alert.router_id,
            "state": alert.state,
            "severity": alert.severity,
            "account": alert.fields.account,
            "region": alert.fields.region,
            "detection_id": alert.fields.detection_id,
            "first_seen": alert.first_seen,
            "updated_at": alert.updated_at,
            "words": _words_of(alert),
            "body": _BODIES.write(alert),
        },
    )


def get(tx: Connection, alert_id: str, *, lock: bool = False) -> Alert | None:
    """The alert of our own id. lock: nobody else changes it until this transaction ends."""
    return _first(tx, _BY_ID, lock, alert_id)


def get_many(tx: Connection, alert_ids: Collection[str]) -> dict[str, Alert]:
    """The alerts of these ids, by their ids."""
    found = _all(tx, select(table.c.body).where(table.c.id.in_(alert_ids)))
    return {alert.id: alert for alert in found}


def by_router_id(tx: Connection, router_id: str, *, lock: bool = False) -> Alert | None:
    """The alert of the on-call service's id, a twin's included; None for "" too."""
    if not router_id:
        return None
    found = _first(tx, _BY_ROUTER_ID, lock, router_id)
    if found is not None:
        return found
    other = tx.scalar(select(alert_twin.c.alert).where(alert_twin.c.router_id == router_id))
    return get(tx, other, lock=lock) if other else None


def add_twin(tx: Connection, alert_id: str, router_id: str) -> None:
    """Remember that a second on-call service has the same alarm under an id of its own."""
    put(tx, alert_twin, {"router_id": router_id, "alert": alert_id})


def twins(tx: Connection, alert_id: str) -> tuple[str, ...]:
    """The ids that an alert has in further on-call services."""
    first = select(table.c.router_id).where(table.c.id == alert_id).scalar_subquery()
    chosen = select(alert_twin.c.router_id).where(
        alert_twin.c.alert == alert_id, alert_twin.c.router_id != first
    )
    return tuple(tx.scalars(chosen.order_by(alert_twin.c.router_id)))


def open_by_alias(tx: Connection, alias: str, *, lock: bool = False) -> Alert | None:
    """The newest alert of an alarm's ARN that is not closed."""
    return _first(tx, _OPEN_BY_ALIAS, lock, alias)


def newest_by_alias(tx: Connection, alias: str, *, lock: bool = False) -> Alert | None:
    """The newest alert of an alarm's ARN, closed or not."""
    return _first(tx, _BY_ALIAS, lock, alias)


def lock_alias(tx: Connection, alias: str) -> None:
    """Let nobody else create or look for an alert of this alias until this transaction ends."""
    if tx.dialect.name == "postgresql":
        # SQLite has one writer at a time anyway.
        tx.execute(select(func.pg_advisory_xact_lock(1_952_541_817, _signed(alias))))


def list_open(tx: Connection, limit: int = 500) -> list[Alert]:
    """Alerts that are not closed, newest first."""
    return _all(tx, _newest(table.c.state != AlertState.CLOSED).limit(limit))


def count_open(tx: Connection) -> int:
    """How many alerts are not closed."""
    chosen = select(func.count()).where(table.c.state != AlertState.CLOSED)
    return int(tx.execute(chosen).scalar_one())


def between(tx: Connection, since: datetime, until: datetime, limit: int = 10_000) -> list[Alert]:
    """Alerts first seen from `since` until before `until`, oldest first."""
    chosen = (
        select(table.c.body)
        .where(table.c.first_seen >= since, table.c.first_seen < until)
        .order_by(table.c.first_seen, table.c.id)
        .limit(limit)
    )
    return _all(tx, chosen)


def search(
    tx: Connection,
    text: str = "",
    *,
    state: AlertState | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 50,
) -> list[Alert]:
    """Alerts that have every word of `text` in title, fields, tags or events; newest first."""
    conditions: list[ColumnElement[bool]] = [
        table.c.words.contains(word.lower(), autoescape=True) for word in text.split()
    ]
    if state is not None:
        conditions.append(table.c.state == state)
    if since is not None:
        conditions.append(table.c.first_seen >= since)
    if until is not None:
        conditions.append(table.c.first_seen < until)
    return _all(tx, _newest(*conditions).limit(limit))


def _newest(*conditions: ColumnElement[bool]) -> Select[Any]:
    return (
        select(table.c.body)
        .where(*conditions)
        .order_by(table.c.first_seen.desc(), table.c.id.desc())
    )


# Made once: to make such statements anew costs more than to run them. Each also as one that locks.
_GIVEN: BindParameter[str] = bindparam("given")


def _one(*conditions: ColumnElement[bool]) -> tuple[Select[Any], Select[Any]]:
    chosen = _newest(*conditions).limit(1)
    return chosen, chosen.with_for_update()


_BY_ID = _one(table.c.id == _GIVEN)
_BY_ROUTER_ID = _one(table.c.router_id == _GIVEN)
_BY_ALIAS = _one(table.c.alias == _GIVEN)
_OPEN_BY_ALIAS = _one(table.c.alias == _GIVEN, table.c.state != AlertState.CLOSED)


def _first(
    tx: Connection, chosen: tuple[Select[Any], Select[Any]], lock: bool, given: str
) -> Alert | None:
    body = tx.execute(chosen[lock], {"given": given}).scalar()
    return None if body is None else _BODIES.read(body)


def _all(tx: Connection, chosen: Select[Any]) -> list[Alert]:
    return [_BODIES.read(body) for body in tx.execute(chosen).scalars()]


def _words_of(alert: Alert) -> str:
    fields = alert.fields
    parts = [
        alert.id,
        alert.tiny_id,
        alert.alias,
        alert.title,
        alert.severity,
        alert.owner,
        fields.description,
        fields.account,
        fields.account_name,
        fields.region,
        fields.region_name,
        fields.alarm_name,
        fields.detection_id,
    ]
    for event in alert.events:
        parts += [event.name, event.actor, event.address, event.via, event.target]
    return "\n".join(part for part in parts if part).lower()


def _signed(text: str) -> int:
    number = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    return number - (1 << 32) if number >= 1 << 31 else number
