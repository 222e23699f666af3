"""Knows one delivery to the bot, whoever sent it. Pure: parses, never answers or stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Notification:
    """What a webhook said about one alert of the on-call service.

    `key` is the same for every delivery of the same news and for no other. `action` is the
    service's own word ("Create", "Acknowledge", ...), unknown ones included. `updated_at` is the
    service's time of the change. `details` are the alert's extra properties; with `description`
    they are there only where the service sends them (Opsgenie: on Create).
    """

    key: str
    source: str
    action: str
    alert_id: str
    updated_at: datetime
    alias: str = ""
    tiny_id: str = ""
    message: str = ""
    priority: str = ""
    by: str = ""
    owner: str = ""
    note: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    snoozed_until: datetime | None = None
