"""The menu of an alert: snooze, take an acknowledgement back. Links in it open by themselves."""

from __future__ import annotations

from dataclasses import replace

from handlers.access import Role
from handlers.actions.action import Action
from handlers.answering import ask_router
from handlers.blocks.alert import read_choice
from handlers.deps import Deps
from handlers.request import Click, Reply
from trailwatch.clock import iso
from trailwatch.errors import UsageError


def choose(deps: Deps, click: Click) -> Reply:
    """Do what was chosen; a link needs no answer."""
    choice = read_choice(click.selected)
    if choice is None:
        raise UsageError("This menu has changed since the message was posted.", fix="Open it anew.")
    if choice.action is None:
        return Reply()
    arguments = {"until": iso(deps.clock() + choice.lasts)} if choice.lasts else {}
    return ask_router(deps, replace(click, value=choice.alert_id), choice.action, **arguments)


ACTION = Action("alert.more", Role.RESPONDER, "change alerts", choose)
