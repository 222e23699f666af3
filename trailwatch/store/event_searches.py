"""Keeps what the button of a page of events stands for. Decides nothing, searches nothing."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from trailwatch.store.bodies import Bodies
from trailwatch.store.tables import event_search as table
from trailwatch.store.upsert import put


@dataclass(frozen=True)
class EventSearch:
    """One page of a search: what is looked for, and from where on it goes back.

    start, end: the window, UTC; the page begins at `end`, of which `skip` events with the time of
    the end were shown before; `shown` events came on pages before. `alert_id` is "" for a search
    of its own. `asked_by` is the only person who may page through what was answered in private, ""
    for what stands in `channel`, in the thread of the message of the key `thread_of`.
    """

    id: str
    site: str
    pattern: str
    start: datetime
    end: datetime
    first_end: datetime
    """Where the window of the first page ended."""
    skip: int = 0
    shown: int = 0
    alert_id: str = ""
    asked_by: str = ""
    channel: str = ""
    thread_of: str = ""
    place: str = ""
    """Where: "" for the log group, or "archive" for the bucket behind it."""


_BODIES = Bodies(EventSearch)


def new_id() -> str:
    """An id that nobody can guess."""
    return secrets.token_hex(10)


def keep(tx: Connection, search: EventSearch, at: datetime) -> None:
    """Keep a search under its id, which overwrites nothing but itself."""
    put(tx, table, {"id": search.id, "at": at, "body": msgspec.to_builtins(search)})


def get(tx: Connection, search_id: str) -> EventSearch | None:
    """The search of an id; None for one that is no longer kept."""
    body: Any = tx.execute(select(table.c.body).where(table.c.id == search_id)).scalar()
    return None if body is None else _BODIES.of(body)
