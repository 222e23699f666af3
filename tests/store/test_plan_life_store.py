"""A plan's stored life: approved once, cancelled, ended; and rows of before are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from trailwatch.store import plans
from trailwatch.store.database import Database, open_database
from trailwatch.store.migrate import SCRIPTS
from trailwatch.store.plans import PlanRow, PlanState

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROW = PlanRow("p1", "main", PlanState.PROPOSED, "U1", NOW, NOW + HOUR, "{}", "d", "C1", "k")


def test_a_plan_is_approved_by_one(db: Database) -> None:
    row = replace(ROW, why="an audit", created_name="alice", before={"pack": "cis"}, after={})
    with db.transaction() as tx:
        plans.save(tx, row)
        assert not plans.cancel(tx, "p1", "carol")
        assert plans.approve(tx, "p1", "U2", "bob", NOW + HOUR)
        assert not plans.approve(tx, "p1", "U3", "carol", NOW + HOUR)
        assert not plans.approve(tx, "none", "U3", "carol", NOW + HOUR)
    taken = replace(
        row,
        state=PlanState.APPLYING,
        approved_by="U2",
        approved_name="bob",
        approved_at=NOW + HOUR,
    )
    with db.transaction() as tx:
        assert plans.get(tx, "p1") == taken
        assert plans.carried_out(tx, "main") == []
        assert plans.cancel(tx, "p1", "carol")
        assert not plans.cancel(tx, "p1", "alice")
        outcome = [["alarm:a", "done", ""], ["alarm:b", "not tried", ""]]
        assert plans.end(tx, "p1", PlanState.CANCELLED, NOW + 2 * HOUR, outcome)
        assert not plans.end(tx, "p1", PlanState.APPLIED, NOW + 2 * HOUR, [])
    with db.reading() as tx:
        ended = replace(
            taken,
            state=PlanState.CANCELLED,
            cancelled_by="carol",
            ended_at=NOW + 2 * HOUR,
            outcome=outcome,
        )
        assert plans.carried_out(tx, "main") == [ended]
        assert plans.carried_out(tx, "other") == []


def test_the_last_applied_plan_comes_first(db: Database) -> None:
    with db.transaction() as tx:
        for number, state in enumerate([PlanState.APPLIED, PlanState.STALE, PlanState.FAILED]):
            row = replace(ROW, id=f"p{number}", created_at=NOW - number * HOUR)
            plans.save(tx, row)
            assert plans.approve(tx, row.id, "U2", "bob", NOW + number * HOUR)
            assert plans.end(tx, row.id, state, NOW + number * HOUR, None)
    with db.reading() as tx:
        assert [row.id for row in plans.carried_out(tx, "main")] == ["p2", "p0"]
        assert [row.id for row in plans.carried_out(tx, "main", 1)] == ["p2"]
        assert [row.id for row in plans.newest(tx, "main")] == ["p0", "p1", "p2"]


def test_a_plan_of_an_older_version_is_kept(empty_url: str) -> None:
    address = empty_url.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(address)
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO plan (id, site, state, created_by, created_at, expires_at, body, "
                "digest, channel, message_key, result) VALUES ('old', 'main', 'applied', 'U1', "
                "'2025-01-01 10:00:00.000000', '2025-01-01 11:00:00.000000', '{}', 'd', 'C1', "
                "'k', '{\"add\": [\"x\"]}')"
            )
        )
    engine.dispose()
    db = open_database(empty_url)
    with db.reading() as tx:
        row = plans.get(tx, "old")
    db.close()
    assert row is not None
    assert (row.result, row.why, row.approved_at, row.before) == ({"add": ["x"]}, "", None, None)
