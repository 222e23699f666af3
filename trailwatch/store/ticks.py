"""Keeps when a schedule is due next, and each due time that was met. Knows no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from trailwatch.store import jobs
from trailwatch.store.tables import schedule, tick
from trailwatch.store.upsert import insert_new


def ensure(tx: Connection, name: str, spec: str, next_due: datetime) -> None:
    """Note a schedule that is new or whose `spec` has changed: due next at `next_due`."""
    if insert_new(tx, schedule, {"name": name, "spec": spec, "next_due": next_due}):
        return
    tx.execute(
        update(schedule)
        .where(schedule.c.name == name, schedule.c.spec != spec)
        .values(spec=spec, next_due=next_due)
    )


def meet(
    tx: Connection,
    name: str,
    now: datetime,
    newest: Callable[[datetime, datetime], tuple[datetime, datetime]],
    *,
    kind: str,
    args: Mapping[str, Any],
) -> datetime | None:
    """Where the schedule is due, add its job, once among all replicas; gives the due time met.

    newest: from the due time that is stored and `now`, the newest due time up to now and the
    first one after it. Due times between are left out: what was missed is caught up once.
    The job's args carry "due" (ISO 8601) besides.
    """
    due = tx.execute(
        select(schedule.c.next_due).where(schedule.c.name == name).with_for_update()
    ).scalar()
    if due is None or due > now:
        return None
    met, following = newest(due, now)
    tx.execute(update(schedule).where(schedule.c.name == name).values(next_due=following))
    key = f"{name}@{met.isoformat()}"
    if not insert_new(tx, tick, {"key": key, "schedule": name, "due": met, "at": now}):
        return None
    job = jobs.add(tx, kind, {**args, "due": met.isoformat()}, now, key=key)
    tx.execute(update(tick).where(tick.c.key == key).values(job=job))
    return met


def next_due(tx: Connection, name: str) -> datetime | None:
    """When the schedule is due next; None for one that was never noted."""
    return tx.execute(select(schedule.c.next_due).where(schedule.c.name == name)).scalar()


def met(tx: Connection, name: str, limit: int = 20) -> list[datetime]:
    """The due times that were met, newest first."""
    chosen = select(tick.c.due).where(tick.c.schedule == name).order_by(tick.c.due.desc())
    return list(tx.execute(chosen.limit(limit)).scalars())
