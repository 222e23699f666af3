"""Mutes, questions and roles in one channel, as they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from trailwatch.store import grants, mutes, questions
from trailwatch.store.database import Database, open_database
from trailwatch.store.mutes import Mute, Way
from trailwatch.store.questions import Question, Said

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SOON = NOW + timedelta(hours=1)


@pytest.fixture
def db(new_database: str) -> Iterator[Database]:
    found = open_database(new_database)
    yield found
    found.close()


def test_a_mute(db: Database) -> None:
    mute = Mute("m1", "arn:1", "alarm", "main", "noise", "alice", NOW, SOON)
    with db.transaction() as tx:
        assert mutes.add(tx, mute)
        assert not mutes.add(tx, Mute("m2", "arn:1", "alarm", "main", "", "bob", NOW, SOON))
        mutes.stands(tx, "m1", Way.BOT)
    with db.transaction() as tx:
        found = mutes.standing(tx, "arn:1")
        assert found is not None
        assert found.way is Way.BOT
        assert mutes.list_standing(tx) == [found]
        assert mutes.end(tx, "m1", "bob", SOON, 1)
        assert not mutes.end(tx, "m1", "bob", SOON)
        assert mutes.standing(tx, "arn:1") is None
        ended = mutes.get(tx, "m1", lock=True)
        assert ended is not None
        assert (ended.ended_by, ended.held) == ("bob", 1)
        assert mutes.add(tx, Mute("m2", "arn:1", "alarm", "main", "", "bob", SOON, SOON))


def test_a_question_has_one_answer(db: Database) -> None:
    question = Question("q1", "a1", "U1", "alice", "bob", NOW, SOON)
    with db.transaction() as tx:
        assert questions.add(tx, question)
        assert not questions.add(tx, Question("q2", "a1", "U2", "carol", "bob", NOW, SOON))
        said = questions.answered(tx, "q1", Said.YES, "a change", NOW)
        assert said is not None
        assert (said.answer, said.reason) == (Said.YES, "a change")
        assert questions.answered(tx, "q1", Said.NO, "", NOW) is None
        assert questions.of_alert(tx, "a1") == said
        assert questions.of_alert(tx, "a2") is None


def test_a_role_in_one_channel(db: Database) -> None:
    with db.transaction() as tx:
        grants.grant_in(tx, "C1", "U1", "viewer", "U0", NOW)
        grants.grant_in(tx, "C1", "U1", "responder", "U0", NOW)
        assert [one.role for one in grants.in_channel(tx, "C1")] == ["responder"]
        assert grants.in_channel(tx, "C2") == []
        assert not grants.revoke_in(tx, "C2", "U1")
        assert grants.revoke_in(tx, "C1", "U1")
        assert grants.in_channel(tx, "C1") == []
