"""Which alerts a storm takes in, on both databases, also where two replicas are told at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from trailwatch.alert import Alert, AlertFields, AlertState
from trailwatch.store import alerts, storms
from trailwatch.store.database import Database
from trailwatch.store.retention import prune
from trailwatch.storm import PAGE, StormRules

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RULES = StormRules(limit=3)
CHANNEL = "C0ALERTS"


def keep(db: Database, name: str, at: datetime = NOW, state: AlertState = AlertState.OPEN) -> None:
    fields = AlertFields(account="123456789012", alarm_name=name)
    with db.transaction() as tx:
        alerts.save(tx, Alert(name, name, f"r-{name}", "Title", "P2", state, fields, at, at))


def arrive(db: Database, name: str, at: datetime = NOW, channel: str = CHANNEL) -> str:
    keep(db, name, at)
    with db.transaction() as tx:
        storm = storms.arrive(tx, channel, name, "Title", at, RULES)
    return storm.id if storm is not None else ""


def test_the_fourth_within_a_minute_begins_a_storm_and_later_ones_join_it(db: Database) -> None:
    places = [arrive(db, f"a{number}", NOW + timedelta(seconds=number)) for number in range(6)]
    assert places[:3] == ["", "", ""] and len(set(places[3:])) == 1
    assert arrive(db, "elsewhere", channel="C0OTHER") == ""
    with db.reading() as tx:
        found = storms.get(tx, places[3])
        assert found is not None and found.above_at == NOW + timedelta(seconds=5)
        assert storms.size(tx, found.id) == 3 and storms.newest_at(tx, found.id) == found.above_at
        assert storms.in_states(tx, found.id, {AlertState.OPEN}) == ["a3", "a4", "a5"]
        (kind,) = storms.kinds(tx, found.id)
        assert (kind.title, kind.account, kind.count) == ("Title", "123456789012", 3)
        assert storms.of_alert(tx, "a0") is None and storms.has_arrived(tx, "a0")


def test_slow_alerts_are_no_storm(db: Database) -> None:
    assert not any(arrive(db, f"s{n}", NOW + timedelta(seconds=25 * n)) for n in range(20))


def test_what_was_shown_is_stale_again_once_it_changes(db: Database) -> None:
    storm = [arrive(db, f"p{number:03}") for number in range(3 + PAGE + 1)][-1]
    with db.transaction() as tx:
        first = storms.stale(tx, storm, 1)
        assert len(first) == PAGE and {one.page for one in first} == {0}
        storms.changed(tx, first[0].alert)  # while it is being shown
        storms.shown(tx, first)
        assert {one.page for one in storms.stale(tx, storm, 1)} == {1}, "never shown before"
        assert [one.page for one in storms.stale(tx, storm, 9)] == [*[0] * PAGE, 1]
        storms.shown(tx, storms.stale(tx, storm, 9))
        assert storms.stale(tx, storm, 9) == [] and storms.unshown(tx) == []
        storms.changed(tx, first[0].alert)
        assert storms.unshown(tx) == [storm]


def test_two_at_once_never_begin_two_storms(db: Database) -> None:
    names = [f"t{number:02}" for number in range(24)]
    places: dict[str, str] = {}
    barrier = threading.Barrier(4)

    def come(mine: list[str]) -> None:
        barrier.wait(60)
        for name in mine:
            places[name] = arrive(db, name)

    threads = [threading.Thread(target=come, args=(names[number::4],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(places) == names
    assert list(places.values()).count("") == 3 and len(set(places.values())) == 2


def test_what_nobody_needs_any_more_is_forgotten(db: Database) -> None:
    storm = [arrive(db, f"o{number}") for number in range(5)][-1]
    with db.transaction() as tx:
        storms.end(tx, storm, NOW)
    for number in range(5):
        keep(db, f"o{number}", state=AlertState.CLOSED)
    with db.transaction() as tx:
        prune(tx, NOW + timedelta(days=401))
    with db.transaction() as tx:
        counts = prune(tx, NOW + timedelta(days=401))
        assert storms.get(tx, storm) is None and not storms.has_arrived(tx, "o4")
        assert counts["arrival"] == 0
