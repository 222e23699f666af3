"""/trailwatch setup history, rollback and cancel: what was applied, and the way back."""

from __future__ import annotations

from handlers.access import Role
from handlers.answering import whisper
from handlers.audit import note
from handlers.blocks.change_list import all_changes
from handlers.blocks.changes import leaves_out
from handlers.blocks.history import PlanEntry, history_message, plan_entry
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation
from handlers.deps import Deps
from handlers.history import MOST, any_plan, applied, way_back
from handlers.planning import cancel_apply
from handlers.request import Reply, Request
from handlers.starting import start_job
from setup.plan import Plan
from trailwatch.errors import UsageError
from trailwatch.store import plans
from trailwatch.store.plans import PlanRow

SHOWN = 10
ANSWERS = 4
"""Slack takes five answers to a command ("Handling user interaction", Slack)."""


def history(deps: Deps, request: Request, call: Invocation) -> Reply:
    """The applied plans of a site, or one plan in full."""
    word = call.words[0] if call.words else str(SHOWN)
    with deps.db.reading() as tx:
        row = None if word.isdigit() else any_plan(tx, word)
    if row is not None:
        return _in_full(deps, request, entry_of(row))
    with deps.db.reading() as tx:
        site = deps.sites.chosen(call.options.get("site"), request.channel)
        if not 1 <= int(word) <= MOST:
            raise UsageError(f"{word} plans cannot be listed.", fix=f"Ask for 1 to {MOST}.")
        rows = plans.carried_out(tx, site, int(word))
    message = history_message([entry_of(row) for row in rows], site)
    return Reply(message.text, message.blocks)


def _in_full(deps: Deps, request: Request, entry: PlanEntry) -> Reply:
    """One plan; where its changes don't fit into one message, they come in a few more."""
    states = {key: state for key, (state, _) in (entry.outcome or {}).items()}
    if leaves_out(entry.plan.changes):
        pages = all_changes(entry.plan.changes, states, most=ANSWERS)
        with deps.db.transaction() as tx:
            for page in pages:
                whisper(deps, tx, request.response_url, Reply(page.text, page.blocks))
    message = plan_entry(entry)
    return Reply(message.text, message.blocks)


def rollback(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Start a plan that leads back to the settings before an applied one."""
    site = deps.sites.chosen(call.options.get("site"), request.channel)
    with deps.db.reading() as tx:
        row = applied(tx, site, call.words[0])
    way_back(deps, row)
    with deps.db.transaction() as tx:
        why = call.options.get("why", "")
        job = start_job(deps, tx, request, "setup.plan_back", plan_id=row.id, why=why)
        note(deps, tx, request, "setup.plan_back", f"plan {row.id}", "started", job=job)
    return Reply(
        f"Reading what stands; a plan that leads back before plan {row.id} comes into this channel."
    )


def cancel(deps: Deps, request: Request, call: Invocation) -> Reply:
    """The same as the button of a plan that is being applied."""
    cancel_apply(deps, request, call.words[0].lower())
    return Reply(f"Plan {call.words[0]} stops after the change in hand.")


def entry_of(row: PlanRow) -> PlanEntry:
    """A stored plan as it is shown; one that cannot be read raises UsageError."""
    try:
        plan = Plan.from_json(row.body)
    except (KeyError, ValueError) as error:
        raise UsageError(f"Plan {row.id} cannot be read any more.") from error
    outcome = None
    if isinstance(row.outcome, dict):
        outcome = {key: (str(state), str(why)) for key, (state, why) in row.outcome.items()}
    return PlanEntry(
        plan=plan,
        ended=row.state.value,
        proposed_by=row.created_name or row.created_by,
        approved_by=row.approved_name or row.approved_by,
        approved_at=row.approved_at,
        cancelled_by=row.cancelled_by,
        why=row.why,
        outcome=outcome,
    )


COMMANDS = (
    Command(
        "setup history", "setup history [N|PLAN] [--site SITE]", "setup history",
        "The plans that were applied: who, when, why; or one plan in full", Role.VIEWER,
        history, most=1, options=("site",),
    ),
    Command(
        "setup rollback", "setup rollback N|PLAN [--why TEXT] [--site SITE]", "setup rollback 1",
        "Plan the way back to before a plan: 1 is the last one that was applied", Role.ADMIN,
        rollback, least=1, most=1, options=("why", "site"), sentences=("why",),
    ),
    Command(
        "setup cancel", "setup cancel PLAN", "setup cancel k3v9x2ma",
        "Stop a plan that is being applied; the same as its button", Role.ADMIN, cancel,
        least=1, most=1,
    ),
)  # fmt: skip
