"""Which notes of an on-call service are news: ours never, nobody else's twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from trailwatch.routers.router import Remark
from trailwatch.store import alert_notes
from trailwatch.store.alert_notes import Note
from trailwatch.store.database import Database, open_database

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
OURS = Note("sent:1", "a", "r", "alice", "looked at it", NOW, ours=True)


@pytest.fixture
def db(new_database: str) -> Iterator[Database]:
    found = open_database(new_database)
    yield found
    found.close()


def there(number: int, text: str, **later: float) -> Remark:
    return Remark(f"n{number}", text, "eve@example.com", NOW + timedelta(**later))


def test_somebody_elses_is_news_once(db: Database) -> None:
    with db.transaction() as tx:
        assert alert_notes.take(tx, "a", "r", there(1, "mine is the same"))
        assert not alert_notes.take(tx, "a", "r", there(1, "mine is the same"))
        assert alert_notes.take(tx, "a", "r", there(2, "mine is the same", minutes=1))
        assert [one.by for one in alert_notes.of_alert(tx, "a")] == ["eve@example.com"] * 2


def test_ours_is_known_by_its_words_as_often_as_it_was_written(db: Database) -> None:
    with db.transaction() as tx:
        alert_notes.keep_ours(tx, OURS)
        alert_notes.keep_ours(tx, OURS)
        assert not alert_notes.is_there(tx, "sent:1")
        assert not alert_notes.take(tx, "a", "r", there(1, " looked\r\n at it ", seconds=-3))
        assert alert_notes.is_there(tx, "sent:1")
        assert not alert_notes.take(tx, "a", "r", there(1, "looked at it"))
        assert alert_notes.take(tx, "a", "r", there(2, "looked at it", minutes=1))


def test_what_was_there_before_is_not_ours(db: Database) -> None:
    with db.transaction() as tx:
        alert_notes.keep_ours(tx, OURS)
        assert alert_notes.take(tx, "a", "r", there(1, "looked at it", hours=-2))
        assert alert_notes.take(tx, "a", "jsm:r", there(1, "looked at it"))
        alert_notes.forget(tx, "sent:1")
        assert alert_notes.take(tx, "a", "r", there(2, "looked at it"))
        assert not alert_notes.is_there(tx, "sent:1")
        alert_notes.keep_ours(tx, replace(OURS, key="sent:2"))
        assert len(alert_notes.of_alert(tx, "a")) == 4
