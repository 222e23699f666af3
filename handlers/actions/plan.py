"""The buttons of a plan: apply it, stop, discard it, make another like it or the way back."""

from __future__ import annotations

from handlers.access import Role
from handlers.actions.action import Action
from handlers.answering import said
from handlers.audit import note
from handlers.blocks.applying import AGAIN as PLAN_AGAIN
from handlers.blocks.applying import CANCEL as CANCEL_APPLY
from handlers.blocks.applying import ROLLBACK as PLAN_BACK
from handlers.deps import Deps
from handlers.history import any_plan
from handlers.planning import cancel_apply, discard_plan, not_by_proposer, proposed, start_apply
from handlers.request import Click, Reply
from handlers.starting import start_dialog, start_job


def apply_plan(deps: Deps, click: Click) -> Reply:
    """Start the apply; its progress shows in the plan's own message."""
    start_apply(deps, click, click.value)
    return Reply()


def discard(deps: Deps, click: Click) -> Reply:
    """Throw the plan away; its message says so."""
    discard_plan(deps, click, click.value)
    return Reply()


def cancel(deps: Deps, click: Click) -> Reply:
    """Ask that the apply stops; its message says when it has."""
    cancel_apply(deps, click, click.value)
    return said("It stops after the change in hand.", "The plan's message shows what is done.")


def ask_name(deps: Deps, click: Click) -> Reply:
    """Open the dialog that asks for the site's name; nothing is approved yet."""
    with deps.db.transaction() as tx:
        row = proposed(tx, click.value)
        refusal = not_by_proposer(deps, click, row)
        if refusal is None:
            start_dialog(deps, tx, click, "setup.open_destroy", plan_id=row.id)
            return Reply()
        note(deps, tx, click, "setup.apply", f"plan {row.id}", "refused", why=refusal.what)
    raise refusal


def plan_again(deps: Deps, click: Click) -> Reply:
    """Have a plan made that brings what this one was to bring."""
    return _new(deps, click, "setup.plan_again")


def plan_back(deps: Deps, click: Click) -> Reply:
    """Have a plan made that leads back to the settings before this one."""
    return _new(deps, click, "setup.plan_back")


def _new(deps: Deps, click: Click, kind: str) -> Reply:
    with deps.db.transaction() as tx:
        row = any_plan(tx, click.value)
        channel = click.channel or row.channel
        job = start_job(deps, tx, click, kind, channel=channel, plan_id=row.id)
        note(deps, tx, click, kind, f"plan {row.id}", "started", job=job)
    return said("Reading what stands; the new plan comes into this channel.")


_WISH = "change the pipeline"
APPLY = Action("plan.apply", Role.ADMIN, _WISH, apply_plan)
DISCARD = Action("plan.discard", Role.ADMIN, "discard a plan", discard)
DESTROY = Action("plan.destroy", Role.ADMIN, "take the pipeline down", ask_name)
CANCEL = Action(CANCEL_APPLY, Role.ADMIN, _WISH, cancel)
AGAIN = Action(PLAN_AGAIN, Role.ADMIN, _WISH, plan_again)
ROLLBACK = Action(PLAN_BACK, Role.ADMIN, _WISH, plan_back)
