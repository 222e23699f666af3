"""Knows a plan's life in Slack: proposed, applied or discarded once. Never touches AWS itself."""

from __future__ import annotations

from sqlalchemy import Connection

from handlers.audit import note
from handlers.blocks.kit import Message
from handlers.blocks.plan import plan_discarded, plan_expired
from handlers.deps import Deps
from handlers.request import Request
from setup.plan import Plan
from trailwatch.errors import NotFound, StalePlan
from trailwatch.store import jobs, outbox, plans
from trailwatch.store.outbox import Outgoing
from trailwatch.store.plans import PlanRow, PlanState

ENDED = {
    "applying": "is being applied",
    "applied": "was applied already",
    "failed": "was applied and failed",
    "discarded": "was discarded",
    "stale": "no longer fits what stands",
}


def message_key(plan_id: str) -> str:
    """The outbox key of a plan's message."""
    return f"plan:{plan_id}"


def start_apply(deps: Deps, request: Request, plan_id: str) -> None:
    """Take a proposed plan for applying, exactly once; raises StalePlan or NotFound."""
    with deps.db.transaction() as tx:
        row = _proposed(deps, tx, plan_id)
        if row.expires_at > deps.clock():
            if not plans.set_state(tx, row.id, PlanState.PROPOSED, PlanState.APPLYING):
                raise StalePlan(f"Plan {row.id} was taken a moment ago.")
            arguments = {
                "plan_id": row.id,
                "user_id": request.person.id,
                "name": request.person.name,
            }
            jobs.add(tx, "setup.apply", arguments, deps.clock(), key=f"apply:{row.id}")
            note(deps, tx, request, "setup.apply", f"plan {row.id}", "started")
            return
        plans.set_state(tx, row.id, PlanState.PROPOSED, PlanState.STALE)
        show(deps, tx, row, plan_expired(Plan.from_json(row.body)))
        note(deps, tx, request, "setup.apply", f"plan {row.id}", "expired")
    raise StalePlan(
        f"Plan {row.id} has expired.",
        "A plan holds for a while only, since the world moves.",
        "Make a new one: /trailwatch setup plan",
    )


def discard_plan(deps: Deps, request: Request, plan_id: str) -> None:
    """Discard a proposed plan; raises StalePlan or NotFound."""
    with deps.db.transaction() as tx:
        row = _proposed(deps, tx, plan_id)
        if not plans.set_state(tx, row.id, PlanState.PROPOSED, PlanState.DISCARDED):
            raise StalePlan(f"Plan {row.id} was taken a moment ago.")
        message = plan_discarded(Plan.from_json(row.body), request.person.name, deps.clock())
        show(deps, tx, row, message)
        note(deps, tx, request, "setup.discard", f"plan {row.id}", "done")


def show(deps: Deps, tx: Connection, row: PlanRow, message: Message) -> None:
    """Make the plan's one message show this."""
    outgoing = Outgoing(
        key=message_key(row.id),
        lane=row.channel,
        text=message.text,
        blocks=message.blocks,
        metadata={"plan_id": row.id},
    )
    outbox.say(tx, outgoing, deps.clock())


def _proposed(deps: Deps, tx: Connection, plan_id: str) -> PlanRow:
    row = plans.get(tx, plan_id)
    if row is None:
        raise NotFound(f"There is no plan {plan_id!r}.", fix="Make one: /trailwatch setup plan")
    if row.state is not PlanState.PROPOSED:
        raise StalePlan(
            f"Plan {row.id} {ENDED.get(row.state, row.state)}.",
            fix="Make a new one: /trailwatch setup plan",
        )
    return row
