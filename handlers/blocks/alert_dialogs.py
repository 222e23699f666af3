"""Knows the dialogs behind an alert's menu: a pause, a change, a note. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from handlers.blocks import kit
from handlers.blocks.alert_menu import CHANGE, NOTE, PAUSE
from handlers.blocks.kit import Block, label
from trailwatch.alert import Alert, AlertState
from trailwatch.snooze import HOURS, MONDAY

CALLBACKS = {NOTE: "alert.note", PAUSE: "alert.pause", CHANGE: "alert.change"}
HOW, WHY, OWNER, PRIORITY, ESCALATE = "how", "why", "owner", "priority", "escalate"
MUTES = ("1h", "4h", "24h", "7d")
LONGEST = 2000
"""Characters of a note or a reason."""


def dialog(
    name: str, alert: Alert, *, channel: str, response_url: str, escalation: str = ""
) -> Block:
    """The dialog of a name. `escalation`: what an alert is passed on to, "" for its priority."""
    if name == CHANGE:
        blocks = _change(alert, escalation)
    else:
        blocks = _pause(alert) if name == PAUSE else _note()
    title, submit = {
        NOTE: ("Add a note", "Add"),
        PAUSE: ("Snooze or mute", "Do it"),
        CHANGE: ("Change the alert", "Change"),
    }[name]
    opened = {
        "about": alert.id,
        "channel": channel,
        "response_url": response_url if len(response_url) < 2000 else "",
    }
    about = kit.context(
        kit.plain_text(f"{label(alert.severity, 20)} {label(alert.title, 150)}", 200)
    )
    return {
        "type": "modal",
        "callback_id": CALLBACKS[name],
        "title": kit.plain_text(title, 24),
        "submit": kit.plain_text(submit, 24),
        "close": kit.plain_text("Not now", 24),
        "private_metadata": json.dumps(opened),
        "blocks": [about, *blocks],
    }


def reason_dialog(question_id: str, what: str) -> Block:
    """The dialog that asks for the reason after "Yes, it was me"."""
    return {
        "type": "modal",
        "callback_id": "identity.yes",
        "title": kit.plain_text("It was me", 24),
        "submit": kit.plain_text("Say so", 24),
        "close": kit.plain_text("Not now", 24),
        "private_metadata": json.dumps({"about": question_id}),
        "blocks": [
            kit.context(kit.plain_text(label(what, 200), 220)),
            _text(WHY, "What was it for?", "a change, a ticket, a test"),
        ],
    }


def _note() -> list[Block]:
    return [_text(WHY, "Note", "what is known, what is done about it", several=True)]


def _pause(alert: Alert) -> list[Block]:
    snoozes = [(f"Snooze the alert for {hours} h", f"snooze-{hours}h") for hours in HOURS]
    snoozes.append(("Snooze the alert until Monday, 9:00", f"snooze-{MONDAY}"))
    words = {"1h": "an hour", "4h": "4 hours", "24h": "24 hours", "7d": "7 days"}
    mutes = [(f"Mute the alarm for {words[word]}", f"mute-{word}") for word in MUTES]
    chosen = mutes if alert.state is AlertState.CLOSED else [*snoozes, *mutes]
    return [
        _select(HOW, "What and for how long", chosen),
        _text(WHY, "Why", "is told in the thread; of a mute, in the channel", optional=True),
        kit.context(
            kit.plain_text(
                "A snoozed alert comes back by itself. A muted alarm tells nobody of anything: "
                "that is announced in the channel.",
                200,
            )
        ),
    ]


def _change(alert: Alert, escalation: str) -> list[Block]:
    priorities = [
        (f"{word}{' (as it is)' if word == alert.severity else ''}", word)
        for word in ("P1", "P2", "P3", "P4", "P5")
    ]
    where = f"Escalate: {label(escalation, 50)}" if escalation else "Escalate: P1, and tell all"
    owner = label(alert.shown(alert.owner), 100) if alert.owner else "nobody"
    return [
        {
            "type": "input",
            "block_id": OWNER,
            "optional": True,
            "label": kit.plain_text("Assign to", 150),
            "hint": kit.plain_text(f"Now it is {owner}.", 150),
            "element": {
                "type": "users_select",
                "action_id": OWNER,
                "placeholder": kit.plain_text("you or somebody else", 100),
            },
        },
        _select(PRIORITY, "Priority", priorities, optional=True),
        {
            "type": "input",
            "block_id": ESCALATE,
            "optional": True,
            "label": kit.plain_text("Pass it on", 150),
            "element": {
                "type": "checkboxes",
                "action_id": ESCALATE,
                "options": [{"text": kit.plain_text(where, 75), "value": "yes"}],
            },
        },
        _text(WHY, "Why", "goes into the alert’s log", optional=True),
    ]


def _select(
    name: str, text: str, choices: Sequence[tuple[str, str]], *, optional: bool = False
) -> Block:
    return {
        "type": "input",
        "block_id": name,
        "optional": optional,
        "label": kit.plain_text(text, 150),
        "element": {
            "type": "static_select",
            "action_id": name,
            "options": [
                {"text": kit.plain_text(words, 75), "value": value} for words, value in choices
            ],
        },
    }


def _text(
    name: str, text: str, hint: str, *, several: bool = False, optional: bool = False
) -> Block:
    return {
        "type": "input",
        "block_id": name,
        "optional": optional,
        "label": kit.plain_text(text, 150),
        "element": {
            "type": "plain_text_input",
            "action_id": name,
            "multiline": several,
            "max_length": LONGEST,
            "placeholder": kit.plain_text(hint, 100),
        },
    }
