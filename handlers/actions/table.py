"""Every button and menu that the bot shows."""

from __future__ import annotations

from handlers.access import Role, check
from handlers.actions import (
    acknowledge,
    backtest,
    close,
    drift,
    events,
    identity,
    imports,
    more,
    mute,
    plan,
    resend,
    storm,
)
from handlers.actions.action import Action
from handlers.audit import note
from handlers.deps import Deps
from handlers.request import Click, Reply
from trailwatch.errors import NotAllowed, UsageError

ACTIONS: tuple[Action, ...] = (
    acknowledge.ACTION,
    *events.ACTIONS,
    close.ACTION,
    more.ACTION,
    mute.ACTION,
    *identity.ACTIONS,
    plan.APPLY,
    plan.DISCARD,
    *drift.ACTIONS,
    plan.DESTROY,
    plan.CANCEL,
    plan.AGAIN,
    plan.ROLLBACK,
    imports.ACTION,
    backtest.ACTION,
    resend.ACTION,
    *storm.ACTIONS,
)


def clicked(deps: Deps, click: Click) -> Reply:
    """Run what a click asks for; raises NotAllowed and whatever the action raises."""
    for action in ACTIONS:
        if action.id == click.action_id:
            try:
                needed = Role.VIEWER if action.only_looks(click) else action.role
                check(click.person, needed, action.wish)
            except NotAllowed:
                with deps.db.transaction() as tx:
                    note(deps, tx, click, action.id, click.value or click.selected, "refused")
                raise
            return action.run(deps, click)
    raise UsageError("This button is from an older version.", fix="Ask for the message anew.")
