"""The button Close: ends the alert in the on-call service; the button itself asks first."""

from __future__ import annotations

from handlers.access import Role
from handlers.actions.action import Action
from handlers.answering import ask_router
from handlers.deps import Deps
from handlers.request import Click, Reply
from trailwatch.alert import AlertAction


def close(deps: Deps, click: Click) -> Reply:
    """Close under the name of whoever clicked."""
    return ask_router(deps, click, AlertAction.CLOSE)


ACTION = Action("alert.close", Role.RESPONDER, "close alerts", close)
