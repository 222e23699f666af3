"""Keeps work that must be done once begun, and what its steps gave. Does none of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Integer, Row, bindparam, delete, func, or_, select, update

from trailwatch.store import wake
from trailwatch.store.columns import Moment
from trailwatch.store.tables import job, job_step
from trailwatch.store.upsert import change, insert_new, put


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


@dataclass(frozen=True)
class JobRow:
    """A job. `attempts` counts the present one, `failures` those that a bug or an error of ours
    ended; `resumed`: an earlier one began and did not come to its end."""

    id: int
    kind: str
    key: str | None
    args: dict[str, Any]
    state: JobState
    attempts: int
    resumed: bool
    at: datetime
    next_at: datetime
    token: str
    error: str
    failures: int = 0
    finished_at: datetime | None = None


@dataclass(frozen=True)
class Step:
    """What is known of a step: begun by an earlier attempt, or done with a result."""

    done: bool
    result: Any


def add(
    tx: Connection,
    kind: str,
    args: Mapping[str, Any],
    at: datetime,
    *,
    key: str | None = None,
    delay: timedelta = timedelta(0),
) -> int:
    """Want a job done, `delay` after `at` at the earliest; gives its id.

    kind: a name of the worker's table. args: JSON. key: while a job of this key is not finished,
    none is added and the id of that one is given.
    """
    values = {
        "kind": kind,
        "key": key,
        "args": dict(args),
        "state": JobState.QUEUED,
        "attempts": 0,
        "failures": 0,
        "resumed": False,
        "at": at,
        "next_at": at + delay,
        "error": "",
    }
    if key is None:
        inserted = tx.execute(job.insert().values(**values)).inserted_primary_key
        wake.touch(tx, wake.JOBS)
        assert inserted is not None
        return int(inserted[0])
    while True:
        fresh = insert_new(tx, job, values)
        found = tx.execute(
            select(job.c.id).where(
                job.c.key == key, job.c.state.in_((JobState.QUEUED, JobState.RUNNING))
            )
        ).scalar()
        if fresh:
            wake.touch(tx, wake.JOBS)
        if found is not None:
            return int(found)


def hurry(tx: Connection, key: str, at: datetime) -> bool:
    """Let a job of this key that waits for a later moment be done at `at`; whether one did."""
    waits = job.c.key == key, job.c.state == JobState.QUEUED, job.c.next_at > at
    changed = tx.execute(update(job).where(*waits).values(next_at=at))
    if changed.rowcount:
        wake.touch(tx, wake.JOBS)
    return changed.rowcount == 1


def get(tx: Connection, job_id: int) -> JobRow | None:
    """A job by its id."""
    row = tx.execute(select(job).where(job.c.id == job_id)).one_or_none()
    return None if row is None else _row(row)


def newer_is_due(tx: Connection, kind: str, than: int, now: datetime) -> bool:
    """Whether a job of this kind that was added after job `than` is under way or due."""
    under_way = (job.c.state == JobState.RUNNING) | (
        (job.c.state == JobState.QUEUED) & (job.c.next_at <= now)
    )
    chosen = select(job.c.id).where(job.c.kind == kind, job.c.id > than, under_way).limit(1)
    return tx.execute(chosen).first() is not None


# Made once, as those of `claim` are: to make such statements anew costs more than to run them.
_NOW = bindparam("now", type_=Moment())
_AFTER_SO_MANY = (
    select(job.c.id)
    .where(
        job.c.kind == bindparam("of_kind"), job.c.state == JobState.QUEUED, job.c.next_at <= _NOW
    )
    .offset(bindparam("before", type_=Integer()))
    .limit(1)
)


def many_due(tx: Connection, kind: str, now: datetime, number: int) -> bool:
    """Whether at least `number` jobs of a kind are due and not yet under way."""
    last = {"of_kind": kind, "now": now, "before": number - 1}
    return tx.execute(_AFTER_SO_MANY, last).first() is not None


def lately(tx: Connection, kind: str, since: datetime) -> list[JobRow]:
    """The jobs of a kind that are not finished, or were not before `since`; oldest first."""
    open_ = job.c.state.in_((JobState.QUEUED, JobState.RUNNING))
    chosen = select(job).where(job.c.kind == kind, open_ | (job.c.finished_at >= since))
    return [_row(row) for row in tx.execute(chosen.order_by(job.c.id))]


# Two of them, since one with an "or" sorts all that waits for each that is taken.
_LEFT = (
    select(job)
    .where(job.c.state == JobState.RUNNING, or_(job.c.lease.is_(None), job.c.lease <= _NOW))
    .order_by(job.c.next_at, job.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_NEXT = (
    select(job)
    .where(job.c.state == JobState.QUEUED, job.c.next_at <= _NOW)
    .order_by(job.c.next_at, job.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_TAKE = (
    update(job)
    .where(job.c.id == bindparam("at_id"))
    .values(
        state=JobState.RUNNING,
        owner=bindparam("owner"),
        token=bindparam("token"),
        lease=bindparam("lease"),
        resumed=bindparam("resumed"),
        attempts=job.c.attempts + 1,
    )
)


def claim(tx: Connection, *, owner: str, now: datetime, lease: datetime) -> JobRow | None:
    """Take the job that waits longest, until `lease`; None where none is due."""
    row = tx.execute(_LEFT, {"now": now}).first() or tx.execute(_NEXT, {"now": now}).first()
    if row is None:
        return None
    taken: dict[str, Any] = {
        "owner": owner,
        "token": secrets.token_hex(8),
        "lease": lease,
        "resumed": row.resumed or row.state == JobState.RUNNING,
    }
    tx.execute(_TAKE, {"at_id": row.id, **taken})
    return replace(
        _row(row),
        state=JobState.RUNNING,
        attempts=row.attempts + 1,
        token=taken["token"],
        resumed=taken["resumed"],
    )


_DUE = select(
    select(func.min(job.c.next_at)).where(job.c.state == JobState.QUEUED).scalar_subquery(),
    select(func.min(job.c.lease)).where(job.c.state == JobState.RUNNING).scalar_subquery(),
)


def next_due(tx: Connection) -> datetime | None:
    """When the next job may be taken; None where none waits."""
    return min((moment for moment in tx.execute(_DUE).one() if moment is not None), default=None)


def extend(tx: Connection, row: JobRow, lease: datetime) -> bool:
    """Keep the claim until `lease`; False where it has been lost."""
    return _change(tx, row, lease=lease)


def done(tx: Connection, row: JobRow, at: datetime) -> bool:
    """Finished. False where the claim has been lost to another replica."""
    return _change(tx, row, state=JobState.DONE, finished_at=at, error="", resumed=False)


def again(
    tx: Connection, row: JobRow, *, at: datetime, args: Mapping[str, Any] | None = None
) -> bool:
    """Finished for now: do it again at `at`, with other args where given, and new steps."""
    kept = row.args if args is None else dict(args)
    fresh = {"attempts": 0, "failures": 0, "resumed": False, "error": "", "args": kept}
    if not _change(tx, row, state=JobState.QUEUED, next_at=at, **fresh):
        return False
    tx.execute(delete(job_step).where(job_step.c.job == row.id))
    return True


def retry(tx: Connection, row: JobRow, *, at: datetime, error: str, failed: bool = False) -> bool:
    """Try again at `at`; done steps are remembered. False: the claim was lost.

    failed: counts as a failure of ours, not as an absence of somebody else's.
    """
    failures = row.failures + (1 if failed else 0)
    return _change(
        tx, row, state=JobState.QUEUED, next_at=at, error=error, resumed=True, failures=failures
    )


def bury(tx: Connection, row: JobRow, *, error: str, at: datetime) -> bool:
    """Give up and keep it as a dead letter. False: the claim was lost."""
    return _change(tx, row, state=JobState.DEAD, finished_at=at, error=error)


def dead(tx: Connection, limit: int = 100) -> list[JobRow]:
    """The dead letters, newest first."""
    rows = tx.execute(
        select(job).where(job.c.state == JobState.DEAD).order_by(job.c.id.desc()).limit(limit)
    )
    return [_row(row) for row in rows]


def revive(tx: Connection, job_id: int, at: datetime) -> bool:
    """Try a dead job again; False where there is none, or another of its key is under way."""
    row = tx.execute(select(job).where(job.c.id == job_id).with_for_update()).one_or_none()
    if row is None or row.state != JobState.DEAD:
        return False
    if row.key is not None:
        busy = select(job.c.id).where(
            job.c.key == row.key, job.c.state.in_((JobState.QUEUED, JobState.RUNNING))
        )
        if tx.execute(busy).first() is not None:
            return False
    tx.execute(
        update(job)
        .where(job.c.id == job_id)
        .values(state=JobState.QUEUED, next_at=at, attempts=0, failures=0, finished_at=None)
    )
    wake.touch(tx, wake.JOBS)
    return True


def begin_step(tx: Connection, row: JobRow, name: str, at: datetime) -> Step | None:
    """What is known of a step, None for a new one, which is noted as begun.

    Locks the job's row; raises LostClaim where another replica has the job now.
    """
    _hold(tx, row)
    found = tx.execute(
        select(job_step.c.state, job_step.c.result).where(
            job_step.c.job == row.id, job_step.c.name == name
        )
    ).one_or_none()
    if found is not None:
        return Step(found.state == JobState.DONE, found.result)
    insert_new(tx, job_step, {"job": row.id, "name": name, "state": JobState.RUNNING, "at": at})
    return None


def end_step(tx: Connection, row: JobRow, name: str, result: Any, at: datetime) -> None:
    """Remember a step's result (JSON). Raises LostClaim as begin_step does."""
    _hold(tx, row)
    put(
        tx,
        job_step,
        {"job": row.id, "name": name, "state": JobState.DONE, "result": result, "at": at},
    )


def has_begun(tx: Connection, row: JobRow, name: str) -> bool:
    """Whether a step was begun, and not ended, by an earlier attempt."""
    state = tx.execute(
        select(job_step.c.state).where(job_step.c.job == row.id, job_step.c.name == name)
    ).scalar()
    return state == JobState.RUNNING


_STOP = "stop"


def ask_to_stop(tx: Connection, job_id: int, kind: str, by: str, at: datetime) -> bool:
    """Ask a job that is not finished to stop where it is; False where there is none."""
    wanted = job.c.id == job_id, job.c.kind == kind
    open_ = job.c.state.in_((JobState.QUEUED, JobState.RUNNING))
    if tx.execute(select(job.c.id).where(*wanted, open_).with_for_update()).first() is None:
        return False
    insert_new(
        tx,
        job_step,
        {"job": job_id, "name": _STOP, "state": JobState.DONE, "result": by, "at": at},
    )
    return True


def asked_to_stop(tx: Connection, job_id: int) -> str:
    """Who asked first that a job stops; "" where nobody did."""
    found = tx.execute(
        select(job_step.c.result).where(job_step.c.job == job_id, job_step.c.name == _STOP)
    ).scalar()
    return str(found or "")


class LostClaim(Exception):
    """Another replica has taken over what this one was doing; stop without a trace."""


def release(tx: Connection, owner: str) -> int:
    """Free what `owner` held when it died; the number of jobs."""
    freed = tx.execute(
        update(job)
        .where(job.c.state == JobState.RUNNING, job.c.owner == owner)
        .values(lease=None, token=None)
    )
    return freed.rowcount


def _hold(tx: Connection, row: JobRow) -> None:
    held = tx.execute(
        select(job.c.id)
        .where(job.c.id == row.id, job.c.state == JobState.RUNNING, job.c.token == row.token)
        .with_for_update()
    ).first()
    if held is None:
        raise LostClaim(f"job {row.id}")


def _change(tx: Connection, row: JobRow, **values: Any) -> bool:
    if "lease" not in values:
        values = {**values, "lease": None, "owner": None, "token": None}
    held = {"id": row.id, "state": JobState.RUNNING, "token": row.token}
    return change(tx, job, held, values) == 1


def _row(row: Row[Any]) -> JobRow:
    return JobRow(
        id=row.id,
        kind=row.kind,
        key=row.key,
        args=row.args,
        state=JobState(row.state),
        attempts=row.attempts,
        resumed=row.resumed,
        at=row.at,
        next_at=row.next_at,
        token=row.token or "",
        error=row.error,
        failures=row.failures,
        finished_at=row.finished_at,
    )
