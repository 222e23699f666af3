"""Knows what a person asked in Slack and what they are answered. Sends nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from handlers.access import Person


@dataclass(frozen=True)
class Request:
    """A slash command or a click, with who, where and how to answer later."""

    person: Person
    channel: str
    response_url: str
    trigger_id: str
    key: str
    """The same for every delivery of the same command or click."""


@dataclass(frozen=True)
class Click(Request):
    """A click on a button or a choice in a menu.

    `value` is what the element carries: an opaque id, never state. `selected` is the chosen
    option of a menu. `message_ts` is the message that was clicked, "" in Home.
    """

    action_id: str = ""
    value: str = ""
    selected: str = ""
    message_ts: str = ""


@dataclass(frozen=True)
class Reply:
    """What only the asking person sees. Empty: nothing is said."""

    text: str = ""
    blocks: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
