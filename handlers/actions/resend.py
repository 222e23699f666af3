"""The button Send again: tries all dead letters anew."""

from __future__ import annotations

from handlers.access import Role
from handlers.actions.action import Action
from handlers.blocks.troubles import RESEND
from handlers.deps import Deps
from handlers.request import Click, Reply
from handlers.resending import send_again


def resend(deps: Deps, click: Click) -> Reply:
    """Try again what the button names: an id, or all."""
    return send_again(deps, click, click.value)


ACTION = Action(RESEND, Role.ADMIN, "send dead letters again", resend)
