"""Every button and menu that the bot shows."""

from __future__ import annotations

from handlers.access import check
from handlers.actions import acknowledge, close, events, more, plan
from handlers.actions.action import Action
from handlers.deps import Deps
from handlers.request import Click, Reply
from trailwatch.errors import UsageError

ACTIONS: tuple[Action, ...] = (
    acknowledge.ACTION,
    events.ACTION,
    close.ACTION,
    more.ACTION,
    plan.APPLY,
    plan.DISCARD,
)


def clicked(deps: Deps, click: Click) -> Reply:
    """Run what a click asks for; raises NotAllowed and whatever the action raises."""
    for action in ACTIONS:
        if action.id == click.action_id:
            check(click.person, action.role, action.wish)
            return action.run(deps, click)
    raise UsageError("This button is from an older version.", fix="Ask for the message anew.")
