"""Keeps what drifted, since when and who did it. Decides nothing about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from trailwatch.event import Event
from trailwatch.store.bodies import Bodies
from trailwatch.store.tables import drift, drift_check
from trailwatch.store.upsert import insert_new, put


@dataclass(frozen=True)
class DriftRow:
    """One resource from the check that found it drifted to the one that found it well.

    `change` is the change that puts it back, as JSON; `message` names the Slack message that tells
    of it; it happened after `since`. `causes` are the events that may have done it, newest first,
    with their records; `looks` how often they were searched. `gone_how` says how it went, "" while
    it stands.
    """

    id: str
    site: str
    key: str
    message: str
    found_at: datetime
    since: datetime
    change: Mapping[str, Any]
    severity: str
    what: str
    fingerprint: str
    blocked: str = ""
    until: datetime | None = None
    option: str = ""
    ids: tuple[str, ...] = ()
    causes: tuple[Event, ...] = ()
    looks: int = 0
    ignored_until: datetime | None = None
    ignored_by: str = ""
    gone_at: datetime | None = None
    gone_how: str = ""


@dataclass(frozen=True)
class DriftCheck:
    """The newest look at a site: how many resources are as wanted, how many are not.

    `wanted`: the keys of all that was wanted then.
    """

    site: str
    at: datetime
    as_wanted: int
    drifted: int
    notes: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()


_ROWS, _CHECKS = Bodies(DriftRow), Bodies(DriftCheck)


def add(tx: Connection, row: DriftRow) -> bool:
    """Store a new one; False where the site has the same resource among its open ones."""
    return insert_new(tx, drift, _values(row))


def save(tx: Connection, row: DriftRow) -> None:
    """Overwrite one."""
    put(tx, drift, _values(row))


def get(tx: Connection, drift_id: str) -> DriftRow | None:
    """One by its id."""
    found = _rows(tx, drift.c.id == drift_id)
    return found[0] if found else None


def standing(tx: Connection, site: str) -> list[DriftRow]:
    """What drifted in a site and is not gone, oldest first."""
    return _rows(tx, drift.c.site == site, drift.c.gone_at.is_(None))


def of_message(tx: Connection, message: str) -> list[DriftRow]:
    """All that one message tells of."""
    return _rows(tx, drift.c.message == message)


def checked(tx: Connection, check: DriftCheck) -> None:
    """Note the newest look at a site."""
    body = _CHECKS.write(check)
    put(tx, drift_check, {"site": check.site, "at": check.at, "body": body})


def last_check(tx: Connection, site: str) -> DriftCheck | None:
    """The newest look at a site; None where there was none."""
    body = tx.execute(select(drift_check.c.body).where(drift_check.c.site == site)).scalar()
    return None if body is None else _CHECKS.read(body)


def _values(row: DriftRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "site": row.site,
        "key": row.key,
        "message": row.message,
        "found_at": row.found_at,
        "gone_at": row.gone_at,
        "body": _ROWS.write(row),
    }


def _rows(tx: Connection, *conditions: ColumnElement[bool]) -> list[DriftRow]:
    chosen = select(drift.c.body).where(*conditions).order_by(drift.c.found_at, drift.c.id)
    return [_ROWS.read(body) for body in tx.execute(chosen).scalars()]
