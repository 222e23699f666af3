"""Keeps who was asked whether an alert was their doing, and what they said. Asks nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select, update

from trailwatch.store.tables import question as table
from trailwatch.store.upsert import insert_new


class Said(StrEnum):
    """What came of a question."""

    WAITING = ""
    YES = "yes"
    NO = "no"
    NOTHING = "nothing"
    """No answer in time."""
    UNASKED = "unasked"
    """Slack did not take the question."""


@dataclass(frozen=True)
class Question:
    """One alert, one person (Slack's id and name) and the time until which an answer counts."""

    id: str
    alert: str
    person: str
    name: str
    asked_by: str
    at: datetime
    until: datetime
    answer: Said = Said.WAITING
    reason: str = ""
    answered_at: datetime | None = None


def add(tx: Connection, question: Question) -> bool:
    """Store a new question; False where the alert has one already: nobody is asked twice."""
    return insert_new(tx, table, {**vars(question)})


def get(tx: Connection, question_id: str) -> Question | None:
    """The question of an id."""
    return _question(tx.execute(select(table).where(table.c.id == question_id)).one_or_none())


def of_alert(tx: Connection, alert_id: str) -> Question | None:
    """The question about an alert."""
    return _question(tx.execute(select(table).where(table.c.alert == alert_id)).one_or_none())


def answered(
    tx: Connection, question_id: str, said: Said, reason: str, at: datetime
) -> Question | None:
    """Write an answer down, once; None where there was one before, else the question with it."""
    chosen = update(table).where(table.c.id == question_id, table.c.answer == Said.WAITING.value)
    values = {"answer": said.value, "reason": reason, "answered_at": at}
    if tx.execute(chosen.values(values)).rowcount != 1:
        return None
    return get(tx, question_id)


def _question(row: Any) -> Question | None:
    if row is None:
        return None
    fields: dict[str, Any] = dict(row._mapping)
    return Question(**{**fields, "answer": Said(fields["answer"])})
