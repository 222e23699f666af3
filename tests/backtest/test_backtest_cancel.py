"""A backtest asked for in Slack shows how far it is, and ends when somebody cancels it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from handlers.access import Person, Role
from handlers.actions.table import clicked
from handlers.blocks.backtest import backtest_running
from handlers.deps import Deps
from handlers.jobs.backtest import run_backtest
from handlers.request import Click
from trailwatch.backtest import Piece
from trailwatch.detections import load_catalogue
from trailwatch.errors import NotAllowed
from trailwatch.site import Site, SiteConfig
from trailwatch.store import audit, jobs, outbox
from trailwatch.store.database import Database, open_database

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LOGIN = {
    "eventName": "ConsoleLogin",
    "eventTime": "2026-11-23T11:00:00Z",
    "userIdentity": {"type": "Root"},
}


@pytest.fixture
def database(new_database: str) -> Iterator[Database]:
    opened = open_database(new_database)
    yield opened
    opened.close()


class OneSite:
    several = False

    def config(self, site: str = "") -> SiteConfig:
        return SiteConfig(Site("default", "123456789012", "us-east-1"))


@dataclass
class Surroundings:
    """What the job and the button use of Deps."""

    db: Database
    archive: Any
    sites: OneSite = field(default_factory=OneSite)
    catalogue: Any = field(default_factory=load_catalogue)

    def clock(self) -> datetime:
        return NOW


@dataclass
class Running:
    """One try of the job."""

    id: int
    args: dict[str, Any]
    kind: str = "backtest.run"
    attempt: int = 1
    resumed: bool = False

    def beat(self) -> None:
        pass


def click(value: str, role: Role = Role.RESPONDER) -> Click:
    person = Person("U1", "bob", role=role)
    return Click(person, "C1", "", "", "click-1", "backtest.cancel", value)


def started(deps: Surroundings) -> Running:
    args = {
        "pack": "walkthrough", "detections": "", "seconds": 86_400, "channel": "C1",
        "name": "alice", "key": "k1", "response_url": "",
    }  # fmt: skip
    with deps.db.transaction() as tx:
        return Running(jobs.add(tx, "backtest.run", args, NOW), args)


def shown(database: Database) -> str:
    with database.reading() as tx:
        found = outbox.find(tx, "backtest:k1")
    assert found is not None
    return found.text


def test_cancel_ends_it_with_what_was_found_so_far(database: Database) -> None:
    seen: list[str] = []

    def archive(config: SiteConfig, since: datetime) -> Iterator[Piece]:
        for number in itertools.count(1):
            if number == 3:
                seen.append(shown(database))
                assert clicked(cast(Deps, deps), click(str(job.id))).text == ""
                assert clicked(cast(Deps, deps), click(str(job.id))).text == ""
            assert number < 10, "it was cancelled before"
            record = json.dumps({**LOGIN, "eventID": f"id-{number}"}).encode()
            yield Piece(f"file-{number}", data=record)

    deps = Surroundings(database, archive)
    job = started(deps)
    run_backtest(cast(Deps, deps), cast(Any, job), look_every=0)
    assert seen == ["Backtest of pack walkthrough: 0 records read, 0 match."]
    assert "3 records in 3 files" in shown(database)
    assert "Cancelled by bob: this is a part." in shown(database)
    with database.reading() as tx:
        (entry, *_) = audit.recent(tx, 5)
    assert (entry.action, entry.actor_name) == ("backtest.cancel", "bob")


def test_a_backtest_that_has_ended_cannot_be_cancelled(database: Database) -> None:
    deps = cast(Deps, Surroundings(database, None))
    for value in ("7", "", "x", "²"):
        assert clicked(deps, click(value)).text == "This backtest has ended already."
    with pytest.raises(NotAllowed):
        clicked(deps, click("7", Role.VIEWER))


def test_the_button_carries_the_job() -> None:
    message = backtest_running("pack cis", 1, 1, 7)
    assert message.text == "Backtest of pack cis: 1 record read, 1 matches."
    (button,) = cast(Any, message.blocks[1])["elements"]
    assert (button["action_id"], button["value"]) == ("backtest.cancel", "7")
