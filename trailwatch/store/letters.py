"""Knows the dead letters of all tables under one kind of id. Gives none up, decides nothing.

A dead letter is a delivery that was not understood, a job that failed for good, or a message
that Slack refused or whose fate a person must find out.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from trailwatch.letter import Letter, LetterKind, letter_id
from trailwatch.store import inbox, jobs, outbox
from trailwatch.store.outbox import MessageState

MOST = 1000
"""Dead letters of a table that are looked at."""


def dead(tx: Connection, limit: int = MOST) -> list[Letter]:
    """All dead letters, of each table the newest first."""
    found = [
        _letter(LetterKind.DELIVERY, row.key, row.source, row.error)
        for row in inbox.dead(tx, limit)
    ]
    found += [
        _letter(LetterKind.JOB, str(row.id), row.kind, row.error) for row in jobs.dead(tx, limit)
    ]
    found += [
        _letter(LetterKind.MESSAGE, row.key, row.key, row.error, row.state is MessageState.UNKNOWN)
        for row in outbox.dead(tx, limit)
    ]
    return found


def send_again(tx: Connection, letter: Letter, now: datetime) -> bool:
    """Let it be tried anew; False where it is no longer dead, or is under way again."""
    if letter.kind is LetterKind.DELIVERY:
        return inbox.revive(tx, letter.key, now)
    if letter.kind is LetterKind.JOB:
        return jobs.revive(tx, int(letter.key), now)
    return outbox.resend(tx, letter.key, now)


def _letter(kind: LetterKind, key: str, what: str, error: str, unsure: bool = False) -> Letter:
    return Letter(letter_id(kind, key), kind, key, what, error, unsure)
