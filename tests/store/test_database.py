"""Opening, upgrading, transactions and waking, on both databases."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from trailwatch.clock import utc_now
from trailwatch.errors import ConfigError, ProviderError
from trailwatch.store import audit, jobs, wake
from trailwatch.store.audit import AuditEntry
from trailwatch.store.database import Database, open_database
from trailwatch.store.migrate import HEAD, SCRIPTS, version
from trailwatch.store.replica import claim_replica
from trailwatch.store.tables import metadata

ROOT = Path(__file__).resolve().parents[2]


def test_the_migrations_make_the_tables_that_the_code_knows(empty_url: str) -> None:
    db = open_database(empty_url)
    with db.transaction() as tx:
        assert version(tx) == HEAD
        found = compare_metadata(MigrationContext.configure(tx), metadata)
    db.close()
    assert found == []
    assert ScriptDirectory(str(SCRIPTS)).get_current_head() == HEAD


def test_a_newer_database_is_left_alone(empty_url: str) -> None:
    db = open_database(empty_url)
    with db.transaction() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    db.close()
    with pytest.raises(ConfigError, match="9999"):
        open_database(empty_url)


def test_processes_may_start_together(empty_url: str) -> None:
    code = (
        "import sys; from trailwatch.store.database import open_database; "
        "open_database(sys.argv[1]).close()"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code, empty_url], cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for child in children:
        _, errors = child.communicate(timeout=90)
        assert (child.returncode, errors) == (0, b"")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "not a database's address"),
        ("mysql://u:p@h/d", "mysql"),
        ("sqlite://", "without a file"),
        ("sqlite:////nowhere/at/all.db", "missing"),
    ],
)
def test_an_address_that_cannot_work_is_refused(url: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        open_database(url)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("no database " * 500)
    with pytest.raises(ConfigError, match="not a database"):
        open_database(f"sqlite:///{tmp_path}/x.db")


def test_a_silent_server_is_told_without_its_password() -> None:
    with pytest.raises(ProviderError, match="does not answer") as caught:
        open_database("postgres://user:hunter2@127.0.0.1:1/trailwatch")
    assert caught.value.retryable
    assert "hunter2" not in str(caught.value)


def test_a_transaction_is_undone_by_an_exception(db: Database) -> None:
    entry = AuditEntry(utc_now(), "U1", "alice", "C1", "x", "y", "done")
    with pytest.raises(ZeroDivisionError), db.transaction() as tx:
        audit.add(tx, entry)
        _ = 1 / 0
    in_vain = pytest.raises(RuntimeError, match="is open in this thread")
    with db.transaction(), in_vain, db.transaction():
        pass
    with db.reading() as tx:
        assert audit.recent(tx) == []


def test_threads_write_one_after_the_other(db: Database) -> None:
    def write(number: int) -> None:
        for _ in range(20):
            with db.transaction() as tx:
                jobs.add(tx, "k", {"n": number}, utc_now())

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with db.reading() as tx:
        assert tx.execute(text("SELECT count(*) FROM job")).scalar() == 120


def test_sqlite_is_durable(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path}/x.db")
    with db.reading() as tx:
        assert tx.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert tx.execute(text("PRAGMA synchronous")).scalar() == 2
        assert tx.execute(text("PRAGMA foreign_keys")).scalar() == 1
    db.close()


def test_waiting_ends_with_the_commit(db: Database) -> None:
    ticket = db.wake.ticket(wake.JOBS)
    with db.transaction() as tx:
        jobs.add(tx, "k", {}, utc_now())
        if db.kind == "sqlite":
            # On PostgreSQL the first news is that the listener listens.
            assert not db.wake.wait(wake.JOBS, ticket, 0.05)
    assert db.wake.wait(wake.JOBS, ticket, 60)
    assert db.wake.ticket(wake.JOBS) > ticket


@pytest.mark.postgres
@pytest.mark.parametrize("url", ["postgres"], indirect=True)
def test_another_process_is_told_by_postgres(db: Database, url: str) -> None:
    other = open_database(url)
    try:
        deadline = time.monotonic() + 60
        while True:
            # The listener may still be connecting: then its first news is that it listens.
            ticket = other.wake.ticket(wake.JOBS)
            with db.transaction() as tx:
                jobs.add(tx, "k", {}, utc_now())
            began = time.monotonic()
            if other.wake.wait(wake.JOBS, ticket, 1) and time.monotonic() - began < 0.5:
                break
            assert time.monotonic() < deadline
    finally:
        other.close()


@pytest.mark.postgres
@pytest.mark.parametrize("url", ["postgres"], indirect=True)
def test_connections_that_the_server_ended_are_made_anew(db: Database, url: str) -> None:
    replica = claim_replica(db, "one", utc_now())
    db.wake.ticket(wake.JOBS)
    ending = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with db.transaction() as tx:
        tx.execute(ending)
    with db.transaction() as tx:
        jobs.add(tx, "k", {}, utc_now())
    replica.check_now()
    assert replica.keep()
    other = claim_replica(db, "one", utc_now())
    assert (replica.name, other.name) == ("one", "one-2")
    other.close()
    replica.close()


def test_a_name_is_held_by_one_process(db: Database, url: str) -> None:
    other = open_database(url)
    first = claim_replica(db, "web.1", utc_now())
    second = claim_replica(other, "web.1", utc_now())
    assert (first.name, second.name) == ("web.1", "web.1-2")
    assert first.keep()
    first.close()
    with claim_replica(other, "web.1", utc_now()) as third:
        assert third.name == "web.1"
    second.close()
    other.close()
