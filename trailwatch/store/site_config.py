"""Keeps what Slack may change of a site, in versions. Never reads what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, bindparam, func, select

from trailwatch.store.tables import site_config
from trailwatch.store.upsert import insert_new


@dataclass(frozen=True)
class StoredConfig:
    """One version of a site's configuration. body: JSON text."""

    name: str
    version: int
    body: str
    by: str
    at: datetime


# Made once, since each delivery and each job asks for it.
_NEWEST = (
    select(site_config)
    .where(site_config.c.name == bindparam("given"))
    .order_by(site_config.c.version.desc())
    .limit(1)
)


def latest(tx: Connection, name: str) -> StoredConfig | None:
    """The newest version; None where nothing was saved."""
    row = tx.execute(_NEWEST, {"given": name}).one_or_none()
    return None if row is None else _stored(row)


def history(tx: Connection, name: str, limit: int = 50) -> list[StoredConfig]:
    """The versions, newest first."""
    chosen = (
        select(site_config)
        .where(site_config.c.name == name)
        .order_by(site_config.c.version.desc())
        .limit(limit)
    )
    return [_stored(row) for row in tx.execute(chosen)]


def newest_before(tx: Connection, name: str, at: datetime) -> StoredConfig | None:
    """The version that held at a moment; None where nothing was saved by then."""
    chosen = (
        select(site_config)
        .where(site_config.c.name == name, site_config.c.at <= at)
        .order_by(site_config.c.version.desc())
    )
    row = tx.execute(chosen.limit(1)).one_or_none()
    return None if row is None else _stored(row)


def names(tx: Connection) -> list[str]:
    """The sites that have a configuration."""
    chosen = select(site_config.c.name).distinct().order_by(site_config.c.name)
    return list(tx.execute(chosen).scalars())


def save(
    tx: Connection, name: str, body: str, by: str, at: datetime, *, after: int | None = None
) -> StoredConfig | None:
    """Store a new version.

    after: the version that the change was made from; None is given, and nothing stored, where
    that is not the newest any more. Without it the change is made in any case.
    """
    while True:
        last = (
            tx.execute(
                select(func.max(site_config.c.version)).where(site_config.c.name == name)
            ).scalar()
            or 0
        )
        if after is not None and after != last:
            return None
        row = {"name": name, "version": last + 1, "body": body, "by": by, "at": at}
        if insert_new(tx, site_config, row):
            return StoredConfig(name, last + 1, body, by, at)


def _stored(row: Row[tuple[str, int, str, str, datetime]]) -> StoredConfig:
    return StoredConfig(row.name, row.version, row.body, row.by, row.at)
