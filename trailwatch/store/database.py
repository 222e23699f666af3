"""Opens the database that holds the state, and its transactions. Knows no table."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from trailwatch.errors import ConfigError, ProviderError
from trailwatch.store import wake
from trailwatch.store.migrate import migrate
from trailwatch.store.turns import Turns
from trailwatch.store.wake import Wake

_READ = "trailwatch_read"
_MIGRATION_LOCK = 7_248_310_501
"""A number of our own for PostgreSQL's advisory lock."""

# A replica that was stopped (SIGSTOP, a frozen virtual machine) inside a transaction must not
# hold its row locks for ever.
_PG_SETTINGS = "SET idle_in_transaction_session_timeout = 15000; SET lock_timeout = 10000"


class Database:
    """An open database. Threads share it; a thread has one transaction at a time."""

    def __init__(self, engine: Engine, path: Path | None) -> None:
        self.engine = engine
        self.path = path
        """SQLite's file; None on PostgreSQL."""
        self.wake = Wake(None if path else listen_arguments(engine.url))
        self._turns = Turns()
        self._held = threading.local()

    @property
    def kind(self) -> str:
        """ "sqlite" or "postgresql"."""
        return self.engine.dialect.name

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that is committed at the end and undone by an exception.

        Waiting threads are woken after the commit. Do nothing slow inside: on SQLite there is
        one writer at a time, and PostgreSQL ends a transaction that idles for 15 s.
        Raises ProviderError (retryable) where the database does not answer.
        """
        if getattr(self._held, "busy", False):
            raise RuntimeError("a transaction is open in this thread: pass its connection on")
        self._held.busy = True
        topics: set[str] = set()
        try:
            with _translated(self.engine.url), self._turn(), self.engine.begin() as tx:
                wake.touched(tx)
                yield tx
                topics = wake.touched(tx)
        finally:
            self._held.busy = False
        if topics:
            self.wake.tell(topics)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading only; sees one state of the database on SQLite."""
        with _translated(self.engine.url), self.engine.connect() as plain:
            yield plain.execution_options(**{_READ: True})

    @contextmanager
    def _turn(self) -> Iterator[None]:
        # SQLite's own waiting sleeps in steps of up to 0.1 s; turns in the process don't.
        if self.path is None:
            yield
            return
        with self._turns.turn():
            yield

    def hurried(self) -> AbstractContextManager[None]:
        """Within, this thread's transactions go before those that others wait to begin.

        For whoever is waited for: a webhook's 200, the answer to a click. On PostgreSQL, where
        several write at a time, it changes nothing.
        """
        return self._turns.hurried()

    def close(self) -> None:
        """Wake and let go everybody who waits, and close all connections."""
        told = False
        if self.wake.listening:
            self.wake._closed.set()
            try:
                with self.engine.begin() as tx:
                    tx.execute(select(func.pg_notify("trailwatch", "")))
                told = True
            except DBAPIError:
                told = False
        self.wake.close(told)
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Open, and create or upgrade, the database that `url` names.

    url: sqlite:///relative.db, sqlite:////absolute.db, postgresql://… or postgres://….
    Raises ConfigError for an address that cannot work or a database of a newer version, and
    ProviderError (retryable) where PostgreSQL does not answer.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        path = _file_of(parsed)
        database = Database(_sqlite_engine(path), path)
    else:
        database = Database(_postgres_engine(parsed), None)
    try:
        _prepare(database)
    except BaseException:
        database.close()
        raise
    return database


def listen_arguments(url: URL) -> dict[str, Any]:
    """psycopg's connect arguments for a connection beside the engine's."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return {
        "conninfo": plain,
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError(
            "DATABASE_URL is not a database's address.",
            "It has no scheme that could be read.",
            "Use sqlite:///trailwatch.db or postgresql://user:password@host/name.",
        ) from None
    if parsed.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        return parsed
    raise ConfigError(
        f"DATABASE_URL names {parsed.drivername!r}, which is not supported.",
        "The state is kept in SQLite or PostgreSQL.",
        "Use sqlite:///trailwatch.db or postgresql://user:password@host/name.",
    )


def _file_of(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise ConfigError(
            "DATABASE_URL names SQLite without a file.",
            "A state in memory is lost with the process.",
            "Use sqlite:///trailwatch.db.",
        )
    path = Path(url.database).absolute()
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise ConfigError(
            f"The database {path} cannot be written.",
            f"The folder {path.parent} is missing or not writable.",
            "Create the folder, or name another file in DATABASE_URL.",
        )
    return path


def _sqlite_engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": 30, "check_same_thread": False},
        pool_size=8,
        max_overflow=24,
    )

    @event.listens_for(engine, "connect")
    def _settle(connection: Any, _record: Any) -> None:
        # Transactions are begun below; pysqlite's own would begin too late.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=30000",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        read = connection.get_execution_options().get(_READ)
        connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")

    return engine


def _postgres_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        connect_args={"connect_timeout": 5},
        pool_size=8,
        max_overflow=24,
        pool_pre_ping=True,
    )

    @event.listens_for(engine, "connect")
    def _settle(connection: Any, _record: Any) -> None:
        # By SET, since poolers such as pgbouncer refuse options at the start.
        connection.autocommit = True
        connection.execute(_PG_SETTINGS)
        connection.autocommit = False

    return engine


def _prepare(database: Database) -> None:
    if database.path is None:
        with database.transaction() as tx:
            # Waiting for another replica's upgrade may take longer than a row's lock should.
            tx.execute(text("SET LOCAL lock_timeout = 0"))
            tx.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            migrate(tx)
        return
    try:
        with _file_lock(database.path), database.transaction() as tx:
            migrate(tx)
    except DatabaseError as error:
        raise ConfigError(
            f"The file {database.path} is not a database that can be used.",
            str(error.orig),
            "Name another file in DATABASE_URL, or restore a backup.",
        ) from error


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    """Held by one process at a time. The switch to WAL does not wait for another process."""
    with path.with_name(f"{path.name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _translated(url: URL) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        cause = getattr(error, "orig", None) or error
        raise ProviderError(
            f"The database {url.render_as_string(hide_password=True)} does not answer.",
            " ".join(str(cause).split()),
            "Check that it runs and that DATABASE_URL is right.",
            operation="database",
            code=type(cause).__name__,
            retryable=True,
        ) from error
