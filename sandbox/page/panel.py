"""Knows what the page offers beside the channel: hints, first steps, faults. Does none of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Hint:
    """One line of the list that opens when a slash is typed."""

    text: str
    what: str
    usage: str = ""


@dataclass(frozen=True)
class FaultButton:
    """A button whose `body` goes to POST /api/faults as it is."""

    title: str
    body: Mapping[str, Any] = field(default_factory=dict)


HINTS: Sequence[Hint] = (
    Hint("/trailwatch help", "All commands, or one in full", "[COMMAND]"),
    Hint("/trailwatch setup plan", "Show what would be made; nothing is touched", "[--pack cis]"),
    Hint("/trailwatch setup apply", "Build what a plan shows", "PLAN"),
    Hint("/trailwatch setup status", "What stands, what differs, how to mend it"),
    Hint("/trailwatch setup destroy", "Show what taking it down would remove"),
    Hint("/trailwatch status", "How the bot is"),
    Hint("/trailwatch alerts", "The open alerts, or all of a while", "[--since 24h]"),
    Hint("/trailwatch digest now", "What fired, who was on it, what is open"),
    Hint("/trailwatch detections", "What can be detected", "[PACK|ID]"),
    Hint("/trailwatch pattern check", "Whether CloudWatch takes a filter pattern", "PATTERN"),
    Hint("/trailwatch sites", "Which accounts are watched, and whether each can be reached"),
    Hint("/trailwatch access list", "Who has which role"),
    Hint("/trailwatch audit", "Who did what, newest first", "[--since 7d]"),
)

SERVICES: Mapping[str, str] = {
    "opsgenie": "Opsgenie",
    "jsm": "Jira Service Management",
    "direct": "",
}
"""What the on-call service is called, by the sandbox's --router; "" where there is none."""


@dataclass(frozen=True)
class Step:
    """One line of "What to try first". `words`: text, and in turn what is typed or clicked."""

    words: Sequence[str]
    button: str = ""
    does: str = ""
    """What the button does, as the page's script knows it."""


def first_steps(router: str) -> tuple[Step, ...]:
    """What to try first, as it is with this on-call service."""
    service = SERVICES[router]
    shows, makes = {
        "opsgenie": (
            ": it shows what would be built in AWS and Opsgenie.",
            " in the message: trail, filters, alarms, topic and integrations are made.",
        ),
        "jsm": (
            ": it shows what would be built in AWS. The integrations of Jira Service Management "
            "are there already, as if made by hand.",
            " in the message: trail, filters, alarms, topic and its subscription are made.",
        ),
        "direct": (
            ": it shows what would be built in AWS.",
            " in the message: trail, filters, alarms and the topic that tells the bot are made.",
        ),
    }[router]
    steps = [
        Step(("Type ", "/trailwatch setup plan", shows), "Type it for me", "plan"),
        Step(("Click ", "Apply", makes)),
        Step(
            (
                "Sign in as root: the alarm, who did it and from where appear here. Then ",
                "Acknowledge",
                " it.",
            ),
            "Sign in as root",
            "root",
        ),
    ]
    if service:
        answer = f"Answer an alert in {service}, in the panel, as a colleague would: it shows here."
        steps.append(Step((answer,)))
    return tuple(steps)


def faults(router: str) -> tuple[FaultButton, ...]:
    """What can be broken, by the names of what is there."""
    service = SERVICES[router]
    there = (
        FaultButton(
            f"{service} says 429, five times",
            {"target": "opsgenie", "match": "", "status": 429, "count": 5, "retry_after": 1},
        ),
        FaultButton(
            f"{service} answers nothing, once",
            {"target": "opsgenie", "match": "", "status": "reset", "count": 1},
        ),
        FaultButton(
            f"{service}’s webhook is lost, once",
            {"target": "webhook", "match": "", "status": "reset", "count": 1},
        ),
    )
    sns = FaultButton(
        "SNS does not reach the bot, once",
        {"target": "sns", "match": "", "status": "reset", "count": 1},
    )
    return (*_SLACK, *(there if service else (sns,)), *_AWS)


_SLACK: Sequence[FaultButton] = (
    FaultButton(
        "Slack says 429, three times",
        {"target": "slack", "match": "chat.", "status": 429, "count": 3, "retry_after": 1},
    ),
    FaultButton(
        "Slack says 500, three times",
        {"target": "slack", "match": "chat.", "status": 500, "count": 3},
    ),
)
_AWS: Sequence[FaultButton] = (
    FaultButton(
        "AWS says 500, three times",
        {"target": "aws", "match": "", "status": 500, "count": 3},
    ),
)
