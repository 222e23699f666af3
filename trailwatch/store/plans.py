"""Keeps plans from their proposal to their result. Never reads what is in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select, update

from trailwatch.store.tables import plan
from trailwatch.store.upsert import put


class PlanState(StrEnum):
    PROPOSED = "proposed"
    APPLYING = "applying"
    APPLIED = "applied"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"
    STALE = "stale"


CARRIED_OUT = (PlanState.APPLIED, PlanState.FAILED, PlanState.CANCELLED)
"""The states of plans that may have changed something."""


@dataclass(frozen=True)
class PlanRow:
    """A plan as it is stored. body: JSON text; digest: of its changes; result: JSON or None.

    created_by and approved_by are Slack user ids, the names beside them are for reading;
    cancelled_by is the name of whoever stopped it. before and after are the site's settings
    (JSON) that it was made from and brings; outcome is what became of each change (JSON).
    """

    id: str
    site: str
    state: PlanState
    created_by: str
    created_at: datetime
    expires_at: datetime
    body: str
    digest: str
    channel: str = ""
    message_key: str = ""
    result: Any = None
    why: str = ""
    created_name: str = ""
    approved_by: str = ""
    approved_name: str = ""
    approved_at: datetime | None = None
    cancelled_by: str = ""
    ended_at: datetime | None = None
    before: Any = None
    after: Any = None
    outcome: Any = None


def save(tx: Connection, row: PlanRow) -> None:
    """Store a plan, or overwrite the one of its id."""
    put(tx, plan, {name: getattr(row, name) for name in PlanRow.__dataclass_fields__})


def get(tx: Connection, plan_id: str) -> PlanRow | None:
    """A plan by its id."""
    row = tx.execute(select(plan).where(plan.c.id == plan_id)).one_or_none()
    return None if row is None else _row(row)


def newest(tx: Connection, site: str, limit: int = 10) -> list[PlanRow]:
    """A site's plans, newest first."""
    chosen = select(plan).where(plan.c.site == site).order_by(plan.c.created_at.desc())
    return [_row(row) for row in tx.execute(chosen.limit(limit))]


def carried_out(tx: Connection, site: str, limit: int = 10) -> list[PlanRow]:
    """A site's plans that were applied, wholly or in part, the last one first."""
    chosen = (
        select(plan)
        .where(plan.c.site == site, plan.c.state.in_(CARRIED_OUT), plan.c.approved_at.is_not(None))
        .order_by(plan.c.approved_at.desc(), plan.c.id)
    )
    return [_row(row) for row in tx.execute(chosen.limit(limit))]


def in_state(tx: Connection, state: PlanState) -> list[PlanRow]:
    """All plans in a state, oldest first."""
    chosen = select(plan).where(plan.c.state == state).order_by(plan.c.created_at)
    return [_row(row) for row in tx.execute(chosen)]


def set_state(
    tx: Connection, plan_id: str, old: PlanState, new: PlanState, result: Any = None
) -> bool:
    """Move a plan from `old` to `new`; False where it is not in `old` (any more).

    Of several who try PROPOSED to APPLYING one alone succeeds. result: JSON; None keeps what
    is stored.
    """
    values: dict[str, Any] = {"state": new}
    if result is not None:
        values["result"] = result
    changed = tx.execute(
        update(plan).where(plan.c.id == plan_id, plan.c.state == old).values(**values)
    )
    return changed.rowcount == 1


def approve(tx: Connection, plan_id: str, by: str, name: str, at: datetime) -> bool:
    """Take a proposed plan for applying; of several who try, one alone is told True.

    by: the approver's Slack user id; name: theirs, for reading.
    """
    values = {"state": PlanState.APPLYING, "approved_by": by, "approved_name": name}
    fits = (plan.c.id == plan_id) & (plan.c.state == PlanState.PROPOSED)
    changed = tx.execute(update(plan).where(fits).values(**values, approved_at=at))
    return changed.rowcount == 1


def cancel(tx: Connection, plan_id: str, name: str) -> bool:
    """Ask that a plan which is being applied stops; False where it isn't, or was asked before."""
    fits = (plan.c.id == plan_id) & (plan.c.state == PlanState.APPLYING)
    asked = update(plan).where(fits, plan.c.cancelled_by == "").values(cancelled_by=name)
    return tx.execute(asked).rowcount == 1


def end(tx: Connection, plan_id: str, state: PlanState, at: datetime, outcome: Any) -> bool:
    """Move a plan that was being applied to its last state, with what became of each change."""
    fits = (plan.c.id == plan_id) & (plan.c.state == PlanState.APPLYING)
    values = {"state": state, "ended_at": at, "outcome": outcome}
    return tx.execute(update(plan).where(fits).values(**values)).rowcount == 1


def _row(row: Row[Any]) -> PlanRow:
    values = {name: getattr(row, name) for name in PlanRow.__dataclass_fields__}
    return PlanRow(**{**values, "state": PlanState(row.state)})
