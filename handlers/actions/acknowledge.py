"""The button Acknowledge: tells the on-call service who is on it."""

from __future__ import annotations

from handlers.access import Role
from handlers.actions.action import Action
from handlers.answering import ask_router
from handlers.deps import Deps
from handlers.request import Click, Reply
from trailwatch.alert import AlertAction


def acknowledge(deps: Deps, click: Click) -> Reply:
    """Acknowledge under the name of whoever clicked."""
    return ask_router(deps, click, AlertAction.ACKNOWLEDGE)


ACTION = Action("alert.acknowledge", Role.RESPONDER, "acknowledge alerts", acknowledge)
