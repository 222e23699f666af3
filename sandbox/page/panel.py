"""Knows what the page offers beside the channel: hints and faults. Never the product's code."""

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

FAULTS: Sequence[FaultButton] = (
    FaultButton(
        "Slack says 429, three times",
        {"target": "slack", "match": "chat.", "status": 429, "count": 3, "retry_after": 1},
    ),
    FaultButton(
        "Slack says 500, three times",
        {"target": "slack", "match": "chat.", "status": 500, "count": 3},
    ),
    FaultButton(
        "Opsgenie says 429, five times",
        {"target": "opsgenie", "match": "", "status": 429, "count": 5, "retry_after": 1},
    ),
    FaultButton(
        "Opsgenie answers nothing, once",
        {"target": "opsgenie", "match": "", "status": "reset", "count": 1},
    ),
    FaultButton(
        "Opsgenie’s webhook is lost, once",
        {"target": "webhook", "match": "", "status": "reset", "count": 1},
    ),
    FaultButton(
        "AWS says 500, three times",
        {"target": "aws", "match": "", "status": 500, "count": 3},
    ),
)
