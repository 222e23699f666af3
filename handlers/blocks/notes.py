"""Knows how an alert shows its newest note, and that its service has none of it. Pure."""

from __future__ import annotations

from dataclasses import replace

from handlers.blocks import kit
from handlers.blocks.kit import Block, count, esc
from trailwatch.alert import Alert, AlertState
from trailwatch.routers.router import title_of

_GONE, _NEVER = "gone", "never there"
LONGEST = 300
"""Characters that are kept of a note; its thread has more."""


def with_note(alert: Alert, by: str, text: str) -> Alert:
    """The alert with one more note, which it shows from now on."""
    number = int(alert.extra.get("notes", "0")) + 1
    kept = {"note_by": by, "note": " ".join(text.split())[:LONGEST], "notes": str(number)}
    return replace(alert, extra={**alert.extra, **kept})


def note_line(alert: Alert) -> list[Block]:
    """The newest note, who wrote it, and how many there are; else []."""
    if "note" not in alert.extra:
        return []
    words = f":memo: {esc(alert.shown(alert.extra['note_by']), 80)}: {esc(_text(alert), 220)}"
    return [kit.context(f"{words}{_more(alert)}")]


def gone(alert: Alert) -> Alert:
    """The alert as one that its on-call service does not show any more."""
    return alert if _GONE in alert.extra else replace(alert, extra={**alert.extra, _GONE: "yes"})


def never_there(alert: Alert) -> Alert:
    """The alert as one of which only a webhook told, and that the service itself never showed."""
    return replace(alert, extra={**alert.extra, _GONE: _NEVER})


def found(alert: Alert) -> Alert:
    """The alert as one that its on-call service shows."""
    return replace(alert, extra={k: v for k, v in alert.extra.items() if k != _GONE})


def gone_line(alert: Alert) -> list[Block]:
    """That the service has the alert no more, and what to do; else []."""
    return [kit.context(f":warning: {words}")] if (words := gone_sentence(alert)) else []


def gone_sentence(alert: Alert) -> str:
    """The same in plain words; whether somebody deleted it, the service doesn't tell."""
    if _GONE not in alert.extra or alert.state is AlertState.CLOSED:
        return ""
    if alert.extra[_GONE] == _NEVER:
        return (
            f"{title_of(alert.router_id)} has no such alert: its webhook may be forged, somebody "
            "may have deleted it at once, or the bot’s key does not show it."
        )
    return (
        f"This alert is not in {title_of(alert.router_id)} any more: somebody deleted it there, or "
        "the bot’s key does not show it. Close it here when it is dealt with."
    )


def note_sentence(alert: Alert) -> str:
    """The same in plain words."""
    if "note" not in alert.extra:
        return ""
    return f"Note of {esc(alert.shown(alert.extra['note_by']), 80)}: {esc(_text(alert), 220)}"


def _text(alert: Alert) -> str:
    return alert.extra["note"]


def _more(alert: Alert) -> str:
    more = int(alert.extra.get("notes", "1")) - 1
    return f" (and {count(more, 'note')} before, in the thread)" if more else ""
