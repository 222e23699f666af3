"""The menu of an alert: a snooze, an acknowledgement taken back, the dialogs for what is seldom.

Links in it open by themselves.
"""

from __future__ import annotations

from dataclasses import replace

from handlers.access import Role
from handlers.actions.action import Action
from handlers.answering import ask_router
from handlers.blocks.alert_menu import read_choice
from handlers.deps import Deps
from handlers.request import Click, Reply
from handlers.starting import start_dialog
from trailwatch.clock import iso
from trailwatch.errors import NotFound, UsageError
from trailwatch.store import alerts


def choose(deps: Deps, click: Click) -> Reply:
    """Do what was chosen, or have its dialog opened; a link needs no answer."""
    choice = read_choice(click.selected)
    if choice is None:
        raise UsageError("This menu has changed since the message was posted.", fix="Open it anew.")
    if choice.dialog:
        return _open(deps, click, choice.alert_id, choice.dialog)
    if choice.action is None:
        return Reply()
    arguments = {"until": iso(deps.clock() + choice.lasts)} if choice.lasts else {}
    return ask_router(deps, replace(click, value=choice.alert_id), choice.action, **arguments)


def _open(deps: Deps, click: Click, alert_id: str, dialog: str) -> Reply:
    """A job opens it, since handlers call no network."""
    with deps.db.transaction() as tx:
        if alerts.get(tx, alert_id) is None:
            raise NotFound("This alert is no longer kept.", fix="See /trailwatch alerts.")
        start_dialog(deps, tx, click, "alert.open_dialog", alert_id=alert_id, dialog=dialog)
    return Reply()


def is_link(click: Click) -> bool:
    """Whether only an address was opened, which Slack does by itself."""
    choice = read_choice(click.selected)
    return choice is not None and choice.action is None and not choice.dialog


ACTION = Action("alert.more", Role.RESPONDER, "change alerts", choose, is_link)
