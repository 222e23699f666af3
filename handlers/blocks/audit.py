"""Knows how the audit log looks. Never writes or reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from handlers.blocks import kit
from handlers.blocks.kit import Block, Message, count, esc, plain, utc

_MOST_ROWS = 40


@dataclass(frozen=True)
class AuditRow:
    """Who did what to what, and what came of it."""

    at: datetime
    who: str
    what: str
    target: str = ""
    outcome: str = ""


def audit_message(rows: Sequence[AuditRow], total: int = 0) -> Message:
    """The newest rows, newest first; `total` says how many there are in all."""
    if not rows:
        return kit.message(
            "The audit log has no entries yet.",
            [kit.section(":clipboard: The audit log has no entries yet.")],
        )
    shown = rows[:_MOST_ROWS]
    more = max(total, len(rows)) - len(shown)
    blocks = [
        kit.section(f":clipboard: *Audit log*, newest {count(len(shown), 'entry', 'entries')}")
    ]
    blocks.append(audit_table(shown))
    if more > 0:
        blocks.append(kit.context(f"… {count(more, 'older entry', 'older entries')}"))
    newest = shown[0]
    what = f"{newest.what} {newest.target}".strip()
    text = (
        f"Audit log, {count(max(total, len(rows)), 'entry', 'entries')}. Newest: "
        f"{utc(newest.at)} {esc(newest.who, 80)}: {esc(what, 200)} {esc(newest.outcome, 100)}."
    )
    return kit.message(text, blocks)


def audit_table(rows: Sequence[AuditRow]) -> Block:
    """Audit rows as a table; times in UTC."""
    cells = [
        [
            f"{row.at.astimezone(UTC):%b %-d %H:%M:%S}",
            plain(row.who, 40),
            plain(row.what, 60),
            plain(row.target, 80),
            plain(row.outcome, 60),
        ]
        for row in rows
    ]
    return kit.table(["Time (UTC)", "Who", "What", "Of what", "Outcome"], cells, wrap=(2, 3, 4))
