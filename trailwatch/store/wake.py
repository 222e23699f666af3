"""Knows who waits for new work, and wakes them after a commit. Never looks at the work."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

INBOX = "inbox"
OUTBOX = "outbox"
JOBS = "jobs"

_CHANNEL = "trailwatch"
_TOPICS = "trailwatch_topics"


def touch(tx: Connection, topic: str) -> None:
    """Remember that this transaction brings work for `topic`; told when it has been committed."""
    topics: set[str] = tx.info.setdefault(_TOPICS, set())
    if topic in topics:
        return
    topics.add(topic)
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_notify(_CHANNEL, topic)))


def touched(tx: Connection) -> set[str]:
    """The topics of this transaction, forgotten by being asked for."""
    topics: set[str] = tx.info.pop(_TOPICS, set())
    return topics


class Wake:
    """Lets threads sleep until work of a topic has been committed, here or in another replica.

    Take a ticket, look for work, and wait with the ticket: news in between is not missed.
    """

    def __init__(self, listener: dict[str, Any] | None = None) -> None:
        """`listener`: psycopg's connect arguments for LISTEN on PostgreSQL; None without it."""
        self._news = threading.Condition()
        self._counts: Counter[str] = Counter()
        self._arguments = listener
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def ticket(self, topic: str) -> int:
        """A number that changes with each piece of news of `topic`."""
        with self._news:
            if self._arguments is not None and self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._listen, name="wake", daemon=True)
                self._thread.start()
            return self._counts[topic]

    def wait(self, topic: str, ticket: int, timeout: float) -> bool:
        """Sleep until there is news since `ticket`, or `timeout` seconds; whether there was."""
        with self._news:
            return self._news.wait_for(
                lambda: self._counts[topic] != ticket or self._closed.is_set(), timeout
            )

    def notify(self, *topics: str) -> None:
        """Wake this process's threads that wait for one of the topics."""
        self.tell(topics)

    def tell(self, topics: Iterable[str]) -> None:
        with self._news:
            self._counts.update(topics)
            self._news.notify_all()

    def close(self, unblock: bool = False) -> None:
        """Wake everybody for the last time. `unblock`: the listener has been sent a last notice."""
        self._closed.set()
        self.tell((INBOX, OUTBOX, JOBS))
        if self._thread is not None:
            self._thread.join(10 if unblock else 3)

    @property
    def listening(self) -> bool:
        return self._thread is not None

    def _listen(self) -> None:
        import psycopg  # who keeps to SQLite does without it

        while not self._closed.is_set():
            try:
                with psycopg.Connection[tuple[Any, ...]].connect(
                    **(self._arguments or {}), autocommit=True
                ) as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    # What was committed while nobody listened.
                    self.tell((INBOX, OUTBOX, JOBS))
                    self._pass_on(connection)
            except psycopg.Error as error:
                log.warning("not listening to PostgreSQL, polling instead: %s", error)
                self._closed.wait(1)

    def _pass_on(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        while not self._closed.is_set():
            for notice in connection.notifies(timeout=2, stop_after=1):
                if notice.payload:
                    self.tell((notice.payload,))
