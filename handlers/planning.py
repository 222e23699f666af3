"""Knows a plan's life in Slack: proposed, approved or discarded once. Never touches AWS itself."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from handlers.audit import note
from handlers.blocks.change_list import all_changes
from handlers.blocks.changes import leaves_out
from handlers.blocks.kit import Message
from handlers.blocks.plan import plan_discarded, plan_expired, plan_message
from handlers.deps import Deps
from handlers.request import Request
from handlers.site_hints import named, named_in
from setup.plan import Plan, Purpose
from trailwatch.errors import NotAllowed, NotFound, StalePlan, TrailwatchError, UsageError
from trailwatch.site import SiteConfig
from trailwatch.site_options import differing, kept
from trailwatch.store import jobs, outbox, plans
from trailwatch.store.outbox import Outgoing
from trailwatch.store.plans import PlanRow, PlanState

ENDED = {
    "proposed": "was not applied",
    "applying": "is being applied",
    "applied": "was applied already",
    "failed": "was applied and failed",
    "cancelled": "was cancelled while it was applied",
    "discarded": "was discarded",
    "stale": "no longer fits what stands",
}


def message_key(plan_id: str) -> str:
    """The outbox key of a plan's message."""
    return f"plan:{plan_id}"


def offer(
    deps: Deps, plan: Plan, config: SiteConfig, job: Mapping[str, str], why: str = ""
) -> None:
    """Keep a plan that was just made and post it with its buttons.

    config: the settings that it brings; job: user_id, name and channel of whoever proposes it,
    an empty user_id for the bot itself; why: their reason.
    """
    by = job["name"]
    row = PlanRow(
        id=plan.id,
        site=plan.site,
        state=PlanState.PROPOSED,
        created_by=job["user_id"],
        created_name=by,
        created_at=plan.created_at,
        expires_at=plan.expires_at,
        body=plan.to_json(),
        digest=plan.digest,
        channel=job["channel"],
        message_key=message_key(plan.id),
        why=why,
        before=kept(deps.sites.config_or_blank(plan.site)),
        after=kept(config),
    )
    second = deps.second_person and bool(row.created_by)
    chosen = () if plan.purpose is Purpose.DESTROY else differing(row.before, row.after)
    if not deps.sites.was_applied(plan.site):
        # What the settings say without a choice never stood anywhere.
        chosen = tuple((name, "", new) for name, _, new in chosen)
    message = plan_message(plan, by, why=why, second_person=second, chosen=chosen)
    with deps.db.transaction() as tx:
        plans.save(tx, row)
        show(deps, tx, row, message)
        _show_all(deps, tx, row, plan)


def start_apply(deps: Deps, request: Request, plan_id: str, typed: str = "") -> None:
    """Approve a proposed plan, exactly once, and begin to apply it.

    `typed`: the site's name as the person typed it, which a plan that destroys asks for. Raises
    NotFound, NotAllowed for who may not approve it, UsageError for a name that isn't the site's,
    StalePlan for a plan that was used or has expired.
    """
    with deps.db.transaction() as tx:
        row = proposed(tx, plan_id)
        refusal = _refusal(deps, request, row, typed)
        if refusal is not None:
            note(deps, tx, request, "setup.apply", f"plan {row.id}", "refused", why=refusal.what)
        elif row.expires_at > deps.clock():
            _approve(deps, tx, request, row)
            return
        else:
            plans.set_state(tx, row.id, PlanState.PROPOSED, PlanState.STALE)
            show(deps, tx, row, plan_expired(Plan.from_json(row.body)))
            note(deps, tx, request, "setup.apply", f"plan {row.id}", "expired")
            refusal = StalePlan(
                f"Plan {row.id} has expired.",
                "A plan holds for a while only, since the world moves.",
                "Make a new one: /trailwatch setup plan",
            )
    raise refusal


def _approve(deps: Deps, tx: Connection, request: Request, row: PlanRow) -> None:
    person = request.person
    if not plans.approve(tx, row.id, person.id, person.name, deps.clock()):
        raise StalePlan(f"Plan {row.id} was taken a moment ago.")
    arguments = {"plan_id": row.id, "user_id": person.id, "name": person.name}
    jobs.add(tx, "setup.apply", arguments, deps.clock(), key=f"apply:{row.id}")
    told = {"proposed_by": row.created_name or row.created_by, "why": row.why}
    note(deps, tx, request, "setup.apply", f"plan {row.id}", "started",
         **{name: text for name, text in told.items() if text})  # fmt: skip


def _refusal(deps: Deps, request: Request, row: PlanRow, typed: str) -> TrailwatchError | None:
    """Why this person may not approve the plan like this; None where they may."""
    refusal = not_by_proposer(deps, request, row)
    if refusal is not None:
        return refusal
    if destroys(row) and typed.strip() != row.site:
        return UsageError(
            f"The name of the site is {row.site}, and it has to be typed as it is."
            if typed
            else f"Plan {row.id} takes {row.site} down: the site's name has to be typed.",
            # Who typed a name has the dialog or the command before them.
            fix=""
            if typed
            else f"Press Destroy… on the plan, or: /trailwatch setup apply {row.id} --confirm NAME",
        )
    return None


def not_by_proposer(deps: Deps, request: Request, row: PlanRow) -> NotAllowed | None:
    """The refusal for whoever proposed the plan, where a second person has to approve it."""
    if not deps.second_person or row.created_by != request.person.id:
        return None
    return NotAllowed(
        f"You proposed plan {row.id}: another admin has to approve it.",
        "admin",
        "A second person is asked for (TRAILWATCH_SECOND_PERSON).",
        "Ask another admin to look at it and to press the button.",
    )


def destroys(row: PlanRow) -> bool:
    """Whether the plan takes the pipeline down. One that cannot be read fails when applied."""
    try:
        return Plan.from_json(row.body).purpose is Purpose.DESTROY
    except (KeyError, ValueError):
        return False


def cancel_apply(deps: Deps, request: Request, plan_id: str) -> None:
    """Ask that a plan which is being applied stops after the change in hand.

    Raises NotFound, and StalePlan for a plan that isn't being applied or was asked to stop.
    """
    with deps.db.transaction() as tx:
        row = _known(tx, plan_id)
        if row.state is not PlanState.APPLYING:
            raise StalePlan(f"Plan {row.id} {ENDED.get(row.state, row.state)}.")
        if not plans.cancel(tx, row.id, request.person.name):
            raise StalePlan(f"{row.cancelled_by} asked for it already; it stops in a moment.")
        note(deps, tx, request, "setup.cancel", f"plan {row.id}", "asked")


def discard_plan(deps: Deps, request: Request, plan_id: str) -> None:
    """Discard a proposed plan; raises StalePlan or NotFound."""
    with deps.db.transaction() as tx:
        row = proposed(tx, plan_id)
        if not plans.set_state(tx, row.id, PlanState.PROPOSED, PlanState.DISCARDED):
            raise StalePlan(f"Plan {row.id} was taken a moment ago.")
        message = plan_discarded(Plan.from_json(row.body), request.person.name, deps.clock())
        show(deps, tx, row, message)
        note(deps, tx, request, "setup.discard", f"plan {row.id}", "done")


def show(deps: Deps, tx: Connection, row: PlanRow, message: Message) -> None:
    """Make the plan's one message show this."""
    text, blocks = message.text, message.blocks
    if deps.sites.several:
        text, blocks = named(text, row.site), named_in(blocks, row.site)
    outgoing = Outgoing(
        key=message_key(row.id),
        lane=row.channel,
        text=text,
        blocks=blocks,
        metadata={"plan_id": row.id},
    )
    outbox.say(tx, outgoing, deps.clock())


def _show_all(deps: Deps, tx: Connection, row: PlanRow, plan: Plan) -> None:
    """Put every change with its fields into the message's thread, where it shows less."""
    if not leaves_out(plan.changes):
        return
    for number, message in enumerate(all_changes(plan.changes)):
        outgoing = Outgoing(
            key=f"{message_key(row.id)}:{number}",
            lane=row.channel,
            text=message.text,
            blocks=message.blocks,
            metadata={"changes_of": row.id},
            thread_of=message_key(row.id),
        )
        outbox.say(tx, outgoing, deps.clock())


def proposed(tx: Connection, plan_id: str) -> PlanRow:
    """A plan that can still be approved; raises NotFound, and StalePlan for any other."""
    row = _known(tx, plan_id)
    if row.state is not PlanState.PROPOSED:
        raise StalePlan(
            f"Plan {row.id} {ENDED.get(row.state, row.state)}.",
            fix="Make a new one: /trailwatch setup plan",
        )
    return row


def _known(tx: Connection, plan_id: str) -> PlanRow:
    row = plans.get(tx, plan_id)
    if row is None:
        raise NotFound(f"There is no plan {plan_id!r}.", fix="Make one: /trailwatch setup plan")
    return row
