"""The profile of principals and the searches that are paged through, in the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from trailwatch.profile import Deed, Kind, news
from trailwatch.profile import sightings as seen_in
from trailwatch.store import event_searches, sightings
from trailwatch.store.database import Database, open_database
from trailwatch.store.event_searches import EventSearch
from trailwatch.store.retention import prune

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
JANE = "arn:aws:iam::123456789012:user/jane"


@pytest.fixture
def db(new_database: str) -> Iterator[Database]:
    opened = open_database(new_database)
    yield opened
    opened.close()


def deed(minutes: int, address: str = "203.0.113.9", region: str = "eu-west-1") -> Deed:
    return Deed(JANE, NOW + timedelta(minutes=minutes), address, region)


def test_new_is_what_was_not_seen_before(db: Database) -> None:
    first, later = deed(0), deed(60, "198.51.100.23", "us-east-1")
    with db.transaction() as tx:
        assert news(first, sightings.known(tx, [JANE]), first.at) == (Kind.ITSELF,)
        sightings.learn(tx, seen_in([first]))
        assert news(first, sightings.known(tx, [JANE]), first.at) == (Kind.ITSELF,), "asked again"
        for _ in range(2):
            known = sightings.known(tx, [JANE, "somebody"])
            assert news(later, known, later.at) == (Kind.ADDRESS, Kind.REGION)
            assert news(deed(61), known, later.at) == ()
            sightings.learn(tx, seen_in([later]))
        after = sightings.known(tx, [JANE])
        assert news(deed(90, "198.51.100.23", "us-east-1"), after, deed(90).at) == ()


def test_the_first_time_moves_back_when_older_events_come_late(db: Database) -> None:
    with db.transaction() as tx:
        sightings.learn(tx, seen_in([deed(60)]))
        sightings.learn(tx, seen_in([deed(0)]))
        assert news(deed(30), sightings.known(tx, [JANE]), deed(30).at) == ()


def test_a_profile_is_bounded_and_rolls_on(db: Database) -> None:
    with db.transaction() as tx:
        sightings.learn(tx, seen_in([deed(n, f"198.51.100.{n}") for n in range(250)]))
        known = sightings.known(tx, [JANE])
        addresses = {value for _, kind, value in known if kind == "address"}
        assert len(addresses) == sightings.MOST_VALUES
        assert "198.51.100.249" in addresses
        assert prune(tx, NOW + timedelta(days=91))["sighting"] > 0
        assert not [k for k in sightings.known(tx, [JANE]) if k[2] == "198.51.100.150"]


def test_a_search_is_kept_for_a_while(db: Database) -> None:
    search = EventSearch(event_searches.new_id(), "main", "{ $.a = 1 }", NOW, NOW, NOW, skip=3)
    with db.transaction() as tx:
        event_searches.keep(tx, search, NOW)
        assert event_searches.get(tx, search.id) == search
        assert event_searches.get(tx, "guessed") is None
        prune(tx, NOW + timedelta(days=31))
        assert event_searches.get(tx, search.id) is None
