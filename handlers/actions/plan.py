"""The buttons of a plan: Apply builds what it shows, Discard throws it away."""

from __future__ import annotations

from handlers.access import Role
from handlers.actions.action import Action
from handlers.deps import Deps
from handlers.planning import discard_plan, start_apply
from handlers.request import Click, Reply


def apply_plan(deps: Deps, click: Click) -> Reply:
    """Start the apply; its progress shows in the plan's own message."""
    start_apply(deps, click, click.value)
    return Reply()


def discard(deps: Deps, click: Click) -> Reply:
    """Throw the plan away; its message says so."""
    discard_plan(deps, click, click.value)
    return Reply()


APPLY = Action("plan.apply", Role.ADMIN, "change the pipeline", apply_plan)
DISCARD = Action("plan.discard", Role.ADMIN, "discard a plan", discard)
