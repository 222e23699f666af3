"""The buttons of a storm: acknowledge or close all of it, and show one alert whole."""

from __future__ import annotations

from handlers.access import Role
from handlers.actions.action import Action
from handlers.audit import note
from handlers.blocks.storm import ACKNOWLEDGE, CLOSE, OPEN
from handlers.deps import Deps
from handlers.intake import say_whole
from handlers.jobs.alert_who import start as find_who
from handlers.request import Click, Reply
from handlers.storms import acted_on, show_soon
from trailwatch.alert import AlertAction
from trailwatch.errors import NotFound
from trailwatch.store import alerts, jobs, storms

_TOO_LATE = {
    AlertAction.ACKNOWLEDGE: "None of these is firing any more.",
    AlertAction.CLOSE: "All of these are closed already.",
}


def acknowledge(deps: Deps, click: Click) -> Reply:
    """Acknowledge all that is firing under the name of whoever clicked."""
    return _act(deps, click, AlertAction.ACKNOWLEDGE)


def close(deps: Deps, click: Click) -> Reply:
    """Close all that is not closed."""
    return _act(deps, click, AlertAction.CLOSE)


def _act(deps: Deps, click: Click, action: AlertAction) -> Reply:
    storm_id, _, number = click.value.partition(":")
    page = int(number) if number.isdigit() else None
    with deps.db.transaction() as tx:
        storm = storms.get(tx, storm_id, lock=True)
        if storm is None:
            raise NotFound("This storm is no longer kept.", fix="See /trailwatch alerts.")
        left = storms.in_states(tx, storm_id, acted_on(action), page)
        if not left:
            return Reply(_TOO_LATE[action])
        arguments = {
            "storm": storm_id,
            "page": page,
            "action": action.value,
            "user_id": click.person.id,
            "name": click.person.name,
            "email": click.person.email,
            "channel": click.channel,
            "key": click.key,
            "alerts": f"{len(left)} alerts",
        }
        jobs.add(tx, "storm.act", arguments, deps.clock(), key=f"storm-act:{click.key}")
        if page is None and action is AlertAction.ACKNOWLEDGE:
            storms.asked(tx, storm_id, click.person.name, deps.clock())
        show_soon(deps, tx, storm_id)
        of = f"storm:{click.key}"
        note(deps, tx, click, f"storm.{action.value}", f"{len(left)} alerts", "asked", of=of)
    return Reply()


def show_whole(deps: Deps, click: Click) -> Reply:
    """Post the chosen alert's own message into the storm's thread."""
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, click.selected, lock=True)
        if alert is None:
            raise NotFound("This alert is no longer kept.", fix="See /trailwatch alerts.")
        say_whole(deps, tx, alert)
    if alert.events:
        find_who(deps, alert.id)
    return Reply()


ACTIONS = (
    Action(ACKNOWLEDGE, Role.RESPONDER, "acknowledge alerts", acknowledge),
    Action(CLOSE, Role.RESPONDER, "close alerts", close),
    Action(OPEN, Role.VIEWER, "see alerts", show_whole),
)
