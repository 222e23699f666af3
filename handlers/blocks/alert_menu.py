"""Knows what an alert's message offers in each state, and reads what was chosen. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from handlers.blocks import kit
from handlers.blocks.kit import Block, label
from trailwatch.alert import Alert, AlertAction, AlertState
from trailwatch.routers.router import title_of

ACKNOWLEDGE = "alert.acknowledge"
EVENTS = "alert.events"
CLOSE = "alert.close"
MORE = "alert.more"
ASK = "identity.ask"

NOTE, PAUSE, CHANGE = "note", "pause", "change"
"""The dialogs that the menu opens."""
_DIALOGS = {
    PAUSE: "Snooze or mute…",
    CHANGE: "Assign, escalate, priority…",
    NOTE: "Add a note…",
}
_SNOOZES = (("1h", 1), ("4h", 4), ("24h", 24))
"""Messages from before show the longer ones, too."""


@dataclass(frozen=True)
class AlertLinks:
    """Addresses that we built ourselves; "" where there is none."""

    alarm_url: str = ""
    router_url: str = ""
    trail_url: str = ""


@dataclass(frozen=True)
class Choice:
    """What somebody chose in the menu of an alert. `lasts` is set for a snooze alone."""

    alert_id: str
    action: AlertAction | None
    """None for the choices that only open an address or a dialog."""
    lasts: timedelta | None = None
    dialog: str = ""


def read_choice(value: str) -> Choice | None:
    """The choice that a menu's value stands for; None where it is none of ours."""
    verb, _, alert_id = value.partition(":")
    if not alert_id:
        return None
    if verb == "open":
        return Choice(alert_id, None)
    if verb in _DIALOGS:
        return Choice(alert_id, None, dialog=verb)
    if verb == AlertAction.UNACKNOWLEDGE:
        return Choice(alert_id, AlertAction.UNACKNOWLEDGE)
    hours = {f"snooze-{word}": hours for word, hours in _SNOOZES}.get(verb)
    return Choice(alert_id, AlertAction.SNOOZE, timedelta(hours=hours)) if hours else None


def is_acknowledged(alert: Alert) -> bool:
    """Whether somebody has taken the alert, also while it is snoozed."""
    if alert.state is AlertState.ACKNOWLEDGED:
        return True
    return alert.state is AlertState.SNOOZED and bool(alert.acknowledged_by)


def alert_buttons(alert: Alert, links: AlertLinks | None = None, *, ask: str = "") -> Block:
    """What can be done with an alert in its state. Every value names the alert and no more.

    `ask`: the name of who can be asked whether it was them, "" for nobody. While an action waits
    for the on-call service's answer nothing that changes is offered.
    """
    links = links or AlertLinks()
    over = alert.state is AlertState.CLOSED
    open_for_change = not over and not alert.pending
    take = None
    if open_for_change and not is_acknowledged(alert):
        take = kit.button("Acknowledge", ACKNOWLEDGE, alert.id, style="primary")
    close = None
    if open_for_change:
        service = title_of(alert.router_id)
        there = f", here and in {service}" if service else ""
        sure = kit.confirm(
            "Close this alert?",
            f"“{label(alert.title, 120)}” is closed for everybody{there}. "
            "If the alarm fires again, there is a new alert.",
            "Close it",
            "Keep it open",
            danger=True,
        )
        close = kit.button("Close", CLOSE, alert.id, style="danger", confirm=sure)
    show = kit.button("Show events", EVENTS, alert.id)
    question = _question(alert, ask) if open_for_change and ask else None
    return kit.actions(take, show, question, close, _menu(alert, links, open_for_change))


def _question(alert: Alert, ask: str) -> Block:
    sure = kit.confirm(
        "Ask whether it was them?",
        f"{label(ask, 100)} is asked in a direct message. No, or no answer in time, escalates.",
        "Ask",
        "Not now",
    )
    return kit.button("Ask “Was this you?”", ASK, alert.id, confirm=sure)


def _menu(alert: Alert, links: AlertLinks, open_for_change: bool) -> Block | None:
    """At most five lines, as Slack allows: what is seldom needed stands in dialogs."""
    options = []
    if open_for_change:
        options = [kit.option(text, f"{name}:{alert.id}") for name, text in _DIALOGS.items()]
        if is_acknowledged(alert):
            # The dialog snoozes as well: the address keeps its place.
            options.append(kit.option("Unacknowledge", f"unacknowledge:{alert.id}"))
        else:
            options.insert(0, kit.option("Snooze for 1 h", f"snooze-1h:{alert.id}"))
    for text, url in (
        ("Open in CloudWatch", links.alarm_url),
        (f"Open in {title_of(alert.router_id)}", links.router_url),
    ):
        target = kit.safe_url(url)
        if target and len(target) <= 3000:
            options.append(kit.option(text, f"open:{alert.id}", target))
    return kit.overflow(MORE, options)
