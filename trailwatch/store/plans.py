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
    DISCARDED = "discarded"
    STALE = "stale"


@dataclass(frozen=True)
class PlanRow:
    """A plan as it is stored. body: JSON text; digest: of its changes; result: JSON or None."""

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


def _row(row: Row[Any]) -> PlanRow:
    values = {name: getattr(row, name) for name in PlanRow.__dataclass_fields__}
    return PlanRow(**{**values, "state": PlanState(row.state)})
