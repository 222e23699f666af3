"""The button of a muted alarm: it is heard again at once."""

from __future__ import annotations

from handlers.access import Role
from handlers.actions.action import Action
from handlers.blocks.mutes import END
from handlers.deps import Deps
from handlers.muting import end_mute
from handlers.request import Click, Reply
from trailwatch.store import mutes


def end(deps: Deps, click: Click) -> Reply:
    """Have it ended; the mute's own message shows it."""
    with deps.db.transaction() as tx:
        end_mute(deps, tx, click, mutes.get(tx, click.value, lock=True))
    return Reply()


ACTION = Action(END, Role.RESPONDER, "end mutes", end)
