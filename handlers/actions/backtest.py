"""The button Cancel of a backtest: it ends early and shows what it has found so far."""

from __future__ import annotations

from handlers.access import Role
from handlers.actions.action import Action
from handlers.audit import note
from handlers.blocks.backtest import CANCEL
from handlers.deps import Deps
from handlers.request import Click, Reply
from trailwatch.store import jobs


def cancel(deps: Deps, click: Click) -> Reply:
    """Ask the job to stop; its message then shows the part that it has read."""
    number = int(click.value) if click.value.isascii() and click.value.isdigit() else 0
    with deps.db.transaction() as tx:
        if not jobs.ask_to_stop(tx, number, "backtest.run", click.person.name, deps.clock()):
            return Reply("This backtest has ended already.")
        note(deps, tx, click, CANCEL, "", "asked")
    return Reply()


ACTION = Action(CANCEL, Role.RESPONDER, "cancel a backtest", cancel)
