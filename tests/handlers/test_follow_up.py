"""While an alarm is on: each new pair of principal and event is told once, repeats only count."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from handlers.intake import show_new
from handlers.jobs.alert_events import find_events
from handlers.jobs.alert_own import note_table
from handlers.jobs.follow_up import follow
from handlers.jobs.job import Later
from trailwatch.alert import Alert, AlertFields, AlertState, Search
from trailwatch.clock import utc_now
from trailwatch.detections import load_catalogue
from trailwatch.errors import AwsError
from trailwatch.event import Event, parse_event
from trailwatch.follow_up import pair_of, principal_of
from trailwatch.pattern import parse
from trailwatch.search.logs import EventPage, EventQuery, NewestPage
from trailwatch.store import alerts, jobs
from trailwatch.store.tables import alert as alert_table
from trailwatch.store.tables import alert_follow, alert_pair, job, lane, message

NOW = utc_now().replace(microsecond=0)
PATTERN = '{ $.eventName = "*" }'


def event(number: int, actor: str, name: str, at: datetime, **more: str) -> Event:
    plain = Event(f"e-{number}", at, name, "iam.amazonaws.com", "us-east-1", "123456789012",
                  actor, "IAMUser", "", "203.0.113.7", "aws-cli", "", "", False)  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]


class Logs:
    """A log group: what arrived, by the time of its event."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.queries: list[EventQuery] = []
        self.page = 0
        """Events that one search gives, whatever its limit is; 0 for its limit."""
        self.down = False
        self.pattern = PATTERN
        self.on = False
        """Whether the alarm is on still."""

    def filter_pattern(self, name: str) -> str:
        return self.pattern

    def newest(self, query: EventQuery, *, want: int) -> NewestPage:
        hits = [one for one in self.events if query.start <= one.time <= query.end]
        found = sorted(hits, key=lambda one: one.time, reverse=True)[:want]
        return NewestPage(tuple(found), None)

    def alarm_is_on(self, arn: str) -> bool:
        return self.on

    def search(self, query: EventQuery, **more: Any) -> EventPage:
        if self.down:
            raise AwsError("AWS is away.")
        self.queries.append(query)
        hits = [
            one
            for one in self.events
            if query.start <= one.time <= query.end
            and (not one.raw or query.pattern.matches(one.raw))
        ]
        hits.sort(key=lambda one: one.time)
        size = self.page or int(more.get("limit", 1000))
        found = tuple(reversed(hits[:size]))
        return EventPage(found, len(found), complete=len(hits) <= size)


class World:
    def __init__(self, house: Any, now: datetime = NOW) -> None:
        self.logs = Logs()
        self.now = now
        self.house = house
        self.deps = replace(house.deps, logs=lambda config: self.logs, clock=lambda: self.now)
        self.args: dict[str, Any] = {"alert_id": "a1"}
        fields = AlertFields(account="123456789012", alarm_name="a")
        alert = Alert("a1", "arn", "r1", "T", "P3", AlertState.OPEN, fields, now, now)
        alert = replace(alert, site="main", search=Search.NOTHING)
        with self.deps.db.transaction() as tx:
            for table in (message, lane, alert_follow, alert_pair, job):
                tx.execute(delete(table))
            show_new(self.deps, tx, alert)

    def happen(self, number: int, actor: str, name: str, ago: float = 0, **more: str) -> None:
        at = self.now - timedelta(seconds=ago)
        self.logs.events.append(event(number, actor, name, at, **more))

    def context(self) -> Any:
        """One try of a job."""
        given = self.args

        class Context:
            id, kind, attempt, resumed = 1, "alert.follow_up", 1, False
            args = given

            def step(self, name: str, function: Callable[[], Any]) -> Any:
                return function()

            def beat(self) -> None: ...

        return Context()

    def look(self, **later: float) -> Later | None:
        """One run of the job, after a while."""
        self.now += timedelta(**later)
        again = follow(self.deps, self.context())
        self.args = dict(again.args or self.args) if again else self.args
        return again

    def told(self) -> list[str]:
        """The thread's messages, as text of their blocks."""
        with self.deps.db.reading() as tx:
            rows = tx.execute(
                select(message).where(message.c.key.contains(":pairs:")).order_by(message.c.seq)
            ).all()
        return [json.dumps(json.loads(row.body)["blocks"], ensure_ascii=False) for row in rows]

    def broadcast(self) -> list[bool]:
        """Whether the channel sees each of the thread's messages."""
        with self.deps.db.reading() as tx:
            rows = tx.execute(
                select(message).where(message.c.key.contains(":pairs:")).order_by(message.c.seq)
            ).all()
        return [bool(row.broadcast) for row in rows]

    @property
    def alert(self) -> Alert:
        with self.deps.db.reading() as tx:
            found = alerts.get(tx, "a1")
        assert found is not None
        return found

    def shown(self) -> str:
        with self.deps.db.reading() as tx:
            body = tx.execute(select(message.c.body).where(message.c.key == "alert:a1")).scalar()
        return json.dumps(json.loads(str(body)), ensure_ascii=False)

    def close(self) -> None:
        with self.deps.db.transaction() as tx:
            closed = replace(self.alert, state=AlertState.CLOSED, closed_at=self.now)
            alerts.save(tx, closed)


@pytest.fixture(scope="module")
def one_house(make_house: Callable[..., Any]) -> Any:
    return make_house()


@pytest.fixture
def world(one_house: Any) -> Iterator[World]:
    yield World(one_house)


def test_new_pairs_are_told_and_repeats_only_count(world: World) -> None:
    world.happen(1, "eve", "CreateUser")
    assert world.look(seconds=20) is not None
    assert world.told() == [] and world.alert.search is Search.FOUND  # it stands in the table
    for number in range(2, 40):
        world.happen(number, "eve", "CreateUser")
    world.look(minutes=6)
    assert world.told() == [] and "*39 events* so far by 1 principal" in world.shown()
    world.happen(50, "eve", "DeleteUser")
    world.happen(51, "bob", "CreateUser", via="SSO Admin")
    world.look(minutes=1)
    (first,) = world.told()
    assert "eve" in first and "DeleteUser" in first and "bob via SSO Admin" in first
    assert "*41 events* so far by 2 principals" in world.shown()


def test_telling_is_coalesced_at_growing_gaps(world: World) -> None:
    world.happen(0, "eve", "CreateUser")
    world.look(seconds=20)
    tellings = []
    for minute in range(1, 40):
        world.happen(minute, f"u{minute}", "CreateUser")
        before = len(world.told())
        world.look(minutes=1)
        if len(world.told()) > before:
            tellings.append(minute)
    assert tellings == [1, 2, 7, 22]
    text = "\n".join(world.told())
    assert all(f"*u{minute}*" in text for minute in range(1, 23))
    world.close()
    world.look(minutes=11)  # what waited is told when it is over
    assert all(f"*u{minute}*" in "\n".join(world.told()) for minute in range(1, 40))


def test_however_many_wait_at_the_end_all_are_told(world: World) -> None:
    """Not at once: a telling has its bounds."""
    world.happen(0, "eve", "CreateUser")
    world.look(seconds=20)
    for number in range(700):
        world.happen(1 + number, f"u{number}", "CreateUser", ago=1)
    world.close()
    looks = 1
    while world.look(minutes=11 if looks == 1 else 2) is not None:
        looks += 1
        assert looks < 20
    text = "".join(world.told())
    assert [number for number in range(700) if f"*u{number}*" not in text] == []
    assert "*701 events* in all" in world.shown()


def test_late_records_are_found_until_their_time_is_over(world: World) -> None:
    world.happen(1, "eve", "CreateUser")
    world.look(seconds=20)
    world.close()
    assert world.look(minutes=1) is not None
    world.happen(2, "late", "DeleteUser", ago=90)
    world.happen(3, "after", "DeleteUser")  # another alarm's
    assert world.look(minutes=8) is not None
    assert "late" in world.told()[-1] and "after" not in "".join(world.told())
    assert world.look(minutes=2) is None
    assert "*2 events* in all" in world.shown()


def test_an_alarm_that_stays_on_after_its_alert_was_closed_is_followed(world: World) -> None:
    """It tells of nothing more until it was OK, whatever somebody clicked meanwhile."""
    world.logs.on = True
    world.happen(1, "eve", "CreateUser")
    world.look(seconds=20)
    world.close()
    assert world.look(minutes=10) is not None
    assert world.look(minutes=5) is not None, "late records are all there, but it is on"
    world.happen(2, "mallory", "DeleteTrail")
    assert world.look(minutes=5) is not None
    (told,) = world.told()
    assert "mallory" in told and "*T*" in told, "in the channel, too, where it stands apart"
    assert world.broadcast() == [True]
    world.happen(3, "eve", "DeleteUser")
    world.logs.on = False
    assert world.look(minutes=5) is not None
    world.happen(4, "next", "DeleteUser", ago=-1)  # another alarm's
    while world.look(minutes=2) is not None:
        pass
    told = "".join(world.told())
    assert "DeleteUser" in told and "next" not in told
    assert "*3 events* in all" in world.shown()


def test_what_comes_first_after_the_close_is_told_too(world: World) -> None:
    world.logs.on = True
    world.look(seconds=20)
    world.close()
    world.look(minutes=1)
    world.happen(1, "mallory", "DeleteTrail")
    world.look(minutes=1)
    (told,) = world.told()
    assert "mallory" in told and world.broadcast() == [True]


def test_when_the_alarm_has_a_newer_alert_that_one_is_followed(world: World) -> None:
    world.logs.on = True
    world.happen(1, "eve", "CreateUser")
    world.look(seconds=20)
    world.close()
    world.look(minutes=1)
    newer = replace(world.alert, id="a2", router_id="r2", state=AlertState.OPEN,
                    first_seen=world.now + timedelta(minutes=20))  # fmt: skip
    with world.deps.db.transaction() as tx:
        alerts.save(tx, newer)
    world.happen(2, "mallory", "DeleteTrail")
    world.now += timedelta(minutes=21)
    world.happen(3, "next", "DeleteTrail")
    for _ in range(8):
        if world.look(minutes=2) is None:
            break
    else:
        pytest.fail("it is followed for ever")
    told = "".join(world.told())
    assert "mallory" in told and "next" not in told
    with world.deps.db.transaction() as tx:
        tx.execute(delete(alert_table).where(alert_table.c.id == "a2"))


def test_where_many_alarms_are_followed_each_is_looked_at_more_seldom(world: World) -> None:
    def waits() -> float:
        again = world.look(hours=5)
        assert again is not None
        return again.delay / timedelta(minutes=1)

    assert waits() == 1
    with world.deps.db.transaction() as tx:
        for number in range(20):
            jobs.add(tx, "alert.follow_up", {"alert_id": f"x{number}"}, world.now)
    assert waits() == 15


def test_an_outage_of_aws_loses_nothing(world: World) -> None:
    world.happen(1, "eve", "CreateUser")
    world.look(seconds=20)
    world.logs.down = True
    world.happen(2, "bob", "CreateUser")
    assert world.look(minutes=30) is not None and world.told() == []
    world.logs.down = False
    world.look(minutes=30)
    assert "bob" in world.told()[-1]


def test_more_than_a_page_is_gone_through(world: World) -> None:
    world.logs.page = 10
    for number in range(100):
        world.happen(number, f"u{number}", "CreateUser", ago=number)
    world.look(seconds=101)
    assert world.alert.extra["follow_total"] == "100"
    text = "".join(world.told()) + world.shown()
    assert all(f"u{number}" in text for number in range(100))
    world.look(minutes=1)
    assert world.alert.extra["follow_total"] == "100"


def test_more_than_a_page_of_one_second_stops_nothing(world: World) -> None:
    for number in range(2500):
        world.happen(number, f"u{number % 9}", "CreateUser", ago=30)
    world.happen(9999, "after", "DeleteUser", ago=10)
    world.look(seconds=20)
    assert world.alert.extra["follow_total"] == "2501"
    assert "after" in world.shown()


def test_a_search_that_was_cut_off_steps_over_nothing(world: World) -> None:
    world.logs.page = 10
    for number in range(45):
        world.happen(number, f"u{number}", "CreateUser", ago=30)
    world.look(seconds=20)
    world.logs.page = 0
    world.look(minutes=1)
    assert world.alert.extra["follow_total"] == "45"


def test_who_it_was_is_asked_where_the_first_search_came_too_early(world: World) -> None:
    world.happen(1, "eve", "CreateUser")
    world.look(seconds=20)
    with world.deps.db.reading() as tx:
        kinds = list(tx.execute(select(job.c.kind).where(job.c.state == "queued")).scalars())
    assert "alert.who" in kinds


def test_what_the_first_search_pushes_out_of_the_table_is_told(world: World) -> None:
    """It looks at the alarm's window only, and may come after who follows the alarm."""
    with world.deps.db.transaction() as tx:
        alerts.save(tx, replace(world.alert, search=Search.WAITING))
    for number in range(5):
        world.happen(number, f"early{number}", "CreateUser", ago=30)
        world.happen(10 + number, f"later{number}", "CreateUser", ago=-5)
    world.look(seconds=20)
    find_events(world.deps, world.context())
    world.look(minutes=2)
    world.look(minutes=6)
    text = "".join(world.told()) + world.shown()
    everybody = [f"{when}{number}" for when in ("early", "later") for number in range(5)]
    assert [one for one in everybody if one not in text] == []


def test_of_more_than_a_page_the_message_shows_the_newest(world: World) -> None:
    for number in range(1100):
        world.happen(number, "eve", "ListUsers", ago=600 - number / 2)
    world.happen(5000, "mallory", "DeleteTrail", ago=1)
    find_events(world.deps, world.context())
    assert world.alert.events[0].actor == "mallory"


def test_late_events_are_found_within_seconds_of_their_being_there(world: World) -> None:
    """CloudTrail's records come 200 s late at the median and 505 s at the 99th percentile."""
    looks = 0
    while world.now < NOW + timedelta(seconds=480):
        again = find_events(world.deps, world.context())
        assert again is not None and again.delay <= timedelta(seconds=10)
        world.args = dict(again.args or {})
        world.now += again.delay
        looks += 1
    assert looks < 60
    world.happen(1, "eve", "CreateUser", ago=600)
    assert find_events(world.deps, world.context()) is None
    assert world.alert.search is Search.FOUND and "eve" in world.shown()


def test_what_others_push_out_of_the_table_is_told(world: World) -> None:
    """An apply's events make room for strangers', who come first."""
    world.happen(1, "eve", "CreateUser")
    world.look(seconds=20)
    before = world.alert
    strange = event(2, "mallory", "DeleteUser", world.now)
    after = replace(before, events=(strange,))
    world.logs.events.append(strange)
    with world.deps.db.transaction() as tx:
        note_table(tx, before, after)
        alerts.save(tx, after)
    world.look(minutes=1)
    (told,) = world.told()
    assert "*eve*" in told, "no longer in the table"
    assert "mallory" not in told, "in the table now"
    assert world.alert.extra["follow_total"] == "2"


def test_hostile_names_stay_text(world: World) -> None:
    world.happen(1, "eve", "CreateUser")
    world.look(seconds=20)
    world.happen(2, "<!channel> *x* `y`\u202e" + "w" * 100_000, "<https://evil.example|ok>")
    world.look(minutes=1)
    (told,) = world.told()
    assert "<!channel>" not in told and "<https" not in told and "\u202e" not in told
    assert len(told) < 12_000


def test_of_a_real_attack_nothing_distinct_stays_hidden(one_house: Any, shared: Path) -> None:
    """An hour of an attacked account with pack cis: every pair is shown once, repeats are not."""
    text = gzip.decompress((shared / "data" / "invictus-ir_aws_dataset.jsonl.gz").read_bytes())
    events = [parse_event(line) for line in text.decode().splitlines()]
    matched = 0
    for detection in load_catalogue().pack("cis"):
        pattern = parse(detection.pattern)
        mine = sorted((e for e in events if pattern.matches(e.raw)), key=lambda one: one.time)
        if not mine:
            continue
        matched += len(mine)
        world = World(one_house, mine[0].time + timedelta(minutes=1))
        world.logs.events, world.logs.pattern = mine, detection.pattern
        while world.now < mine[-1].time:
            world.look(minutes=3)
        world.close()
        world.look(minutes=11)
        assert world.alert.extra["follow_total"] == str(len(mine))
        table = {pair_of(one).key for one in world.alert.events}
        told = "".join(world.told())
        for one in mine:
            there = f"*{principal_of(one)}* `{one.name}`" in told
            assert there or pair_of(one).key in table, (detection.id, one)
        assert told.count("\u2022 ") + len(table) >= len({pair_of(one).key for one in mine})
        assert told.count("\u2022 ") <= len({pair_of(one).key for one in mine})
    assert matched == 186


def test_a_line_in_the_thread_says_what_was_touched(house: Any) -> None:
    world = World(house)
    world.look(seconds=20)
    for number in range(6):
        world.happen(number, "old", f"List{number}")
    world.look(minutes=1)
    for number, target in enumerate(("eve", "mallory", "eve", "bob", "carol")):
        world.happen(100 + number, "kim", "CreateUser", 60 - number, target=target)
    world.look(minutes=2)

    (said,) = [one for one in world.told() if "kim" in one]
    assert "`CreateUser` 5 times → `eve`, `mallory`, `bob` and others" in said


def test_the_message_shows_the_newest_of_what_came_since(house: Any) -> None:
    world = World(house)
    world.happen(1, "kim", "CreateUser", target="eve")
    world.look(seconds=20)
    for number, (actor, target) in enumerate(
        [("kim", "eve"), ("kim", "mallory"), ("bob", "eve"), ("bob", "eve")]
    ):
        world.happen(10 + number, actor, "CreateUser", 10 - number, target=target)
    world.look(minutes=2)

    assert [(one.actor, one.target) for one in world.alert.recent] == [
        ("bob", "eve"),
        ("kim", "mallory"),
    ]
    with world.deps.db.reading() as tx:
        body = tx.execute(select(message.c.body).where(message.c.key == "alert:a1")).scalar_one()
    (table,) = [one for one in json.loads(body)["blocks"] if one["type"] == "table"]
    rows = [[cell["text"] for cell in row[1:3]] for row in table["rows"][1:]]
    assert rows == [
        ["bob", "CreateUser → eve"],
        ["kim", "CreateUser → mallory"],
        ["kim", "CreateUser → eve"],
    ]
    assert "the first 2 rows came later" in body

    before = world.alert
    for number in range(100):
        world.happen(100 + number, "bob", "CreateUser", target="eve")
    world.look(seconds=50)
    assert world.alert.recent == before.recent  # repeats only count
