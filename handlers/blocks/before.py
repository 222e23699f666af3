"""Knows how an alert refers to the one before of the same alarm. Pure."""

from __future__ import annotations

from handlers.blocks import kit
from handlers.blocks.kit import Block, date, esc, link, utc
from trailwatch.alert import Alert
from trailwatch.clock import parse_time


def before_line(alert: Alert) -> list[Block]:
    """That the alarm went off before, when that was closed and by whom, with a link; else []."""
    if "before_closed" not in alert.extra:
        return []
    closed = f"closed {date(parse_time(alert.extra['before_closed']))}"
    by = alert.extra.get("before_by", "")
    words = f"{closed} by {esc(alert.shown(by), 80)}" if by else closed
    seen = link(alert.extra.get("before_url", ""), "went off before")
    return [kit.context(f":leftwards_arrow_with_hook: {seen}, {words}")]


def before_sentence(alert: Alert) -> str:
    """The same in plain words."""
    if "before_closed" not in alert.extra:
        return ""
    return f"It went off before, closed at {utc(parse_time(alert.extra['before_closed']))}."
