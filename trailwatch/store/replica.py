"""Makes sure that one process alone goes by a name, so that it may free what it held before."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import threading
import time
import zlib
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from trailwatch.errors import ConfigError, ProviderError
from trailwatch.store import inbox, jobs, lanes
from trailwatch.store.database import Database, listen_arguments

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

_LOCK_CLASS = 1_952_541_818
_MOST = 32
_CHECK = 5.0


class Replica:
    """This process among those that share the database. Close it when the work has stopped."""

    def __init__(self, database: Database, name: str, lock: _Lock) -> None:
        self._database = database
        self.name = name
        self._lock = lock
        self._guard = threading.Lock()
        self._checked = time.monotonic()
        self._held = True

    def keep(self) -> bool:
        """Take the name's lock again where the database was restarted; whether it is held.

        May be called often: it looks every five seconds. Where another process has taken the
        name meanwhile, the claims' tokens still keep the two from writing over each other.
        """
        with self._guard:
            if time.monotonic() - self._checked < _CHECK:
                return self._held
            self._checked = time.monotonic()
            self._held = self._lock.keep()
            if not self._held:
                log.warning("the name %s is not locked by this process any more", self.name)
            return self._held

    def check_now(self) -> None:
        """Let the next `keep` look, whenever it looked last."""
        self._checked = 0.0

    def close(self) -> None:
        """Let go of the name; do it before the database is closed."""
        with self._guard:
            self._lock.close()

    def __enter__(self) -> Replica:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def claim_replica(database: Database, name: str, now: datetime) -> Replica:
    """Go by `name`, or by name-2, name-3, … where another living process has it.

    Whatever a dead process of that name held is freed, so that it is taken up at once and not
    after its leases. name: stable over restarts, e.g. the dyno's or the host's.
    Raises ConfigError where 32 processes share the name, ProviderError for a silent database.
    """
    for number in range(1, _MOST + 1):
        candidate = name if number == 1 else f"{name}-{number}"
        lock = _lock_of(database, candidate)
        if not lock.take():
            lock.close()
            continue
        with database.transaction() as tx:
            freed = (
                lanes.release(tx, candidate, now)
                + inbox.release(tx, candidate)
                + jobs.release(tx, candidate)
            )
        if freed:
            log.info("%s takes up %d things that it held when it died", candidate, freed)
        return Replica(database, candidate, lock)
    raise ConfigError(
        f"More than {_MOST} processes go by the name {name!r}.",
        "Each of them holds a lock in the database.",
        "Give the replicas different names.",
    )


class _FileLock:
    def __init__(self, database: Database, name: str) -> None:
        assert database.path is not None
        safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
        path = database.path.with_name(f"{database.path.name}.{safe}.lock")
        self._file: TextIO = path.open("a")

    def take(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def keep(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()


class _SessionLock:
    """PostgreSQL's advisory lock, held by a connection of its own for as long as it lives."""

    def __init__(self, database: Database, name: str) -> None:
        self._arguments = listen_arguments(database.engine.url)
        self._number = zlib.crc32(name.encode()) - (1 << 31)
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def take(self) -> bool:
        import psycopg  # who keeps to SQLite does without it

        try:
            self._connection = psycopg.connect(**self._arguments, autocommit=True)
            row = self._connection.execute(
                "SELECT pg_try_advisory_lock(%s, %s)", (_LOCK_CLASS, self._number)
            ).fetchone()
        except psycopg.Error as error:
            self.close()
            raise ProviderError(
                "The database does not answer.",
                " ".join(str(error).split()),
                "Check that it runs and that DATABASE_URL is right.",
                operation="lock",
                retryable=True,
            ) from error
        return row is not None and bool(row[0])

    def keep(self) -> bool:
        import psycopg

        if self._connection is not None:
            try:
                self._connection.execute("SELECT 1")
            except psycopg.Error:
                self.close()
            else:
                return True
        try:
            taken = self.take()
        except ProviderError:
            return False
        if not taken:
            self.close()
        return taken

    def close(self) -> None:
        if self._connection is None:
            return
        import psycopg

        # The server notices a connection's end in its own time; who comes next wants the name now.
        with contextlib.suppress(psycopg.Error):
            self._connection.execute("SELECT pg_advisory_unlock_all()")
        self._connection.close()
        self._connection = None


_Lock = _FileLock | _SessionLock


def _lock_of(database: Database, name: str) -> _Lock:
    if database.path is not None:
        return _FileLock(database, name)
    return _SessionLock(database, name)
