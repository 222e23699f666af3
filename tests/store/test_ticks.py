"""Each due time is met once among all replicas, and what was missed is caught up once."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from bot.scheduler import Daily, Every, ScheduleEntry, Schedules
from trailwatch.clock import utc_now
from trailwatch.errors import ConfigError
from trailwatch.store import jobs, retention, ticks
from trailwatch.store.database import Database, open_database
from trailwatch.store.gauges import gauges
from trailwatch.store.retention import Keep

START = datetime(2025, 3, 29, 7, 30, tzinfo=UTC)
DIGEST = ScheduleEntry("digest", Daily(8, 0, "Europe/Zurich"), "digest.post", {"channel": "C1"})


class Hand:
    """A clock that is set by hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def added(db: Database) -> list[tuple[str, str]]:
    with db.transaction() as tx:
        found = []
        far = utc_now() + timedelta(days=9999)
        while (row := jobs.claim(tx, owner="x", now=far, lease=far)) is not None:
            jobs.done(tx, row, far)
            found.append((row.kind, str(row.args["due"])))
    return found


def test_a_day_s_time_follows_its_time_zone(db: Database) -> None:
    clock = Hand(START)
    schedules = Schedules(db, clock, [DIGEST])
    schedules.start()
    schedules.stop()
    assert schedules.next_times() == {"digest": datetime(2025, 3, 30, 6, tzinfo=UTC)}
    clock.now = datetime(2025, 3, 30, 5, 59, 59, tzinfo=UTC)
    assert schedules.run_due() == []
    clock.now = datetime(2025, 3, 30, 6, 0, 0, 100, tzinfo=UTC)
    assert schedules.run_due() == ["digest"]
    assert schedules.run_due() == []
    assert added(db) == [("digest.post", "2025-03-30T06:00:00+00:00")]


def test_after_a_downtime_the_newest_missed_time_is_met(db: Database) -> None:
    clock = Hand(START)
    first = Schedules(db, clock, [DIGEST])
    first.start()
    first.stop()
    clock.now = datetime(2025, 4, 5, 12, 0, tzinfo=UTC)
    second = Schedules(db, clock, [DIGEST])
    second.start()
    second.stop()
    assert added(db) == [("digest.post", "2025-04-05T06:00:00+00:00")]
    assert second.next_times() == {"digest": datetime(2025, 4, 6, 6, tzinfo=UTC)}
    clock.now = datetime(2026, 4, 5, 12, 0, tzinfo=UTC)
    assert second.run_due() == ["digest"]
    assert added(db) == [("digest.post", "2026-04-05T06:00:00+00:00")]


@pytest.mark.parametrize(
    ("begin", "times"),
    [
        # Clocks go back from 3:00 to 2:00 on the 26th, and on from 2:00 to 3:00 on the 30th.
        (datetime(2025, 10, 24, 12, tzinfo=UTC), ["25T00:30", "26T00:30", "27T01:30"]),
        (datetime(2025, 3, 28, 12, tzinfo=UTC), ["29T01:30", "30T01:30", "31T00:30"]),
    ],
)
def test_when_clocks_change_each_day_has_its_time_once(
    db: Database, begin: datetime, times: list[str]
) -> None:
    clock = Hand(begin)
    entry = ScheduleEntry("digest", Daily(2, 30, "Europe/Zurich"), "digest.post")
    schedules = Schedules(db, clock, [entry])
    schedules.start()
    schedules.stop()
    met = []
    while clock.now < begin + timedelta(days=3):
        clock.now += timedelta(minutes=10)
        schedules.run_due()
        met += [due[8:16] for _, due in added(db)]
    assert met == times


def test_a_changed_schedule_waits_for_its_new_time(db: Database) -> None:
    clock = Hand(START)
    for hour in (8, 23):
        entry = ScheduleEntry("digest", Daily(hour, 0, "UTC"), "digest.post")
        schedules = Schedules(db, clock, [entry])
        schedules.start()
        schedules.stop()
    assert schedules.next_times() == {"digest": START.replace(hour=23, minute=0)}
    assert added(db) == []


def test_two_replicas_meet_each_time_once(db: Database, url: str) -> None:
    clock = Hand(START)
    other = open_database(url)
    entry = ScheduleEntry("reconcile", Every(300), "reconcile")
    both = [Schedules(one, clock, [entry]) for one in (db, other)]
    for schedules in both:
        schedules.start()
        schedules.stop()
    for minute in range(61):
        clock.now = START + timedelta(minutes=minute)
        for schedules in both:
            schedules.run_due()
    other.close()
    assert len(added(db)) == 12
    with db.reading() as tx:
        met = ticks.met(tx, "reconcile", 50)
    assert len(met) == len(set(met)) == 12
    assert all(due.minute % 5 == 0 and due.second == 0 for due in met)


def test_the_clock_runs_by_itself(db: Database, url: str) -> None:
    other = open_database(url)
    entry = ScheduleEntry("often", Every(1), "often")
    both = [Schedules(one, utc_now, [entry]) for one in (db, other)]
    for schedules in both:
        schedules.start()
    deadline = utc_now() + timedelta(seconds=60)
    while True:
        with db.reading() as tx:
            met = ticks.met(tx, "often")
        if len(met) >= 2:
            break
        assert utc_now() < deadline
        time.sleep(0.05)
    for schedules in both:
        schedules.stop()
    numbers = sum(schedules.metrics().get("ticks_total", 0) for schedules in both)
    other.close()
    assert len(added(db)) == numbers


@pytest.mark.parametrize(
    "entries",
    [
        [ScheduleEntry("x", Daily(25), "k")],
        [ScheduleEntry("x", Daily(1, 0, "Mars/Olympus"), "k")],
        [ScheduleEntry("x", Every(0), "k")],
        [ScheduleEntry("x", Every(5), "k"), ScheduleEntry("x", Every(6), "k")],
    ],
)
def test_a_schedule_that_cannot_be_is_refused(db: Database, entries: list[ScheduleEntry]) -> None:
    with pytest.raises(ConfigError):
        Schedules(db, utc_now, entries)


def test_what_is_old_and_done_is_deleted(db: Database) -> None:
    with db.transaction() as tx:
        jobs.add(tx, "done", {}, START)
        jobs.add(tx, "waiting", {}, START)
        row = jobs.claim(tx, owner="x", now=START, lease=START)
        assert row is not None
        jobs.begin_step(tx, row, "s", START)
        jobs.end_step(tx, row, "s", None, START)
        jobs.done(tx, row, START)
    with db.transaction() as tx:
        assert sum(retention.prune(tx, START).values()) == 0
        assert gauges(tx, START + timedelta(seconds=5))["job_oldest_seconds"] == 5.0
        counts = retention.prune(tx, START + timedelta(days=30), Keep())
        assert counts["job"] == 1
        assert gauges(tx, START)["job_queued"] == 1.0
