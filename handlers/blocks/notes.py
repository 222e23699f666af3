"""Knows how an alert shows the newest note on it; all of them are in its thread. Pure."""

from __future__ import annotations

from dataclasses import replace

from handlers.blocks import kit
from handlers.blocks.kit import Block, count, esc
from trailwatch.alert import Alert

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
