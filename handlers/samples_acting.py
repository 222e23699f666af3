"""Knows one example of each message and dialog about acting on an alert, of invented facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handlers.blocks.alert_dialogs import dialog, reason_dialog
from handlers.blocks.alert_menu import CHANGE, NOTE, PAUSE
from handlers.blocks.identity import answered_message, question_message
from handlers.blocks.kit import Block, Message
from handlers.blocks.mutes import end_message, failure_message, mute_message, mutes_message
from handlers.samples_plans import NOW
from trailwatch.alert import Alert
from trailwatch.store.mutes import Mute, Way

MUTE = Mute(
    id="m1",
    alarm="arn:aws:cloudwatch:eu-west-1:123456789012:alarm:trailwatch-root-usage",
    name="trailwatch-root-usage",
    site="prod",
    why="the yearly audit uses root",
    by="alice",
    at=NOW,
    until=NOW + timedelta(hours=4),
    way=Way.CLOUDWATCH,
)


def messages(alert: Alert) -> dict[str, Message]:
    """Every message by a name of its own. `alert` has events."""
    quiet = replace(MUTE, way=Way.BOT)
    over = replace(quiet, ended_at=NOW + timedelta(hours=1), ended_by="bob", held=2)
    until = NOW + timedelta(minutes=30)
    return {
        "mute": mute_message(MUTE, ("Opsgenie",)),
        "mute-bot": mute_message(quiet, ("Opsgenie",)),
        "mute-direct": mute_message(quiet),
        "mute-over": mute_message(over),
        "mute-end": end_message(over),
        "mute-failed": failure_message(MUTE, "AWS refused DeleteAlarmMuteRule: access denied."),
        "mutes": mutes_message([MUTE, quiet], {"prod": ("Opsgenie",)}),
        "mutes-none": mutes_message([]),
        "question": question_message(alert, "q1", "bob", until),
        "question-yes": answered_message(alert.title, "yes", "a planned change"),
        "question-over": answered_message(alert.title, "nothing", ""),
    }


def views(alert: Alert) -> dict[str, Block]:
    """Every dialog by a name of its own."""
    url = "https://hooks.slack.com/actions/T0/1/a"
    made = {
        f"dialog-{name}": dialog(
            name, alert, channel="C0ALERTS", response_url=url, escalation="security_escalation"
        )
        for name in (NOTE, PAUSE, CHANGE)
    }
    return {**made, "dialog-reason": reason_dialog("q1", alert.title)}
