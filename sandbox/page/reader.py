"""Knows who looks at the page and by what names people and channels go. Never renders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.page.dates import ViewerClock


@dataclass(frozen=True)
class Reader:
    """Everything that decides how the same message looks to one person."""

    user_id: str
    clock: ViewerClock
    people: Mapping[str, str] = field(default_factory=dict)
    """Slack's user id to the name shown after @."""
    channels: Mapping[str, str] = field(default_factory=dict)
    """Slack's channel id to its name without #."""

    def person(self, user_id: str) -> str:
        return self.people.get(user_id, user_id)

    def channel(self, channel_id: str) -> str:
        return self.channels.get(channel_id, channel_id)
