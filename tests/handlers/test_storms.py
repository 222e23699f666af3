"""Many alerts at once: one message with counts, each listed in its thread, and back again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete

from handlers.intake import say, show_new
from handlers.jobs.alert_who import start as find_who
from handlers.jobs.storm import act_on_all, show
from handlers.news import take_notes
from handlers.storms import sweep
from handlers.threads import say_in_thread
from sandbox.slack.blocks import message_problems
from trailwatch.alert import Alert, AlertFields, AlertState, Search
from trailwatch.clock import utc_now
from trailwatch.event import Event
from trailwatch.follow_up import pair_of
from trailwatch.routers.router import Remark
from trailwatch.routes import Route
from trailwatch.store import alerts, follows, mutes, storms
from trailwatch.store.mutes import Mute, Way
from trailwatch.store.tables import alert as alert_table
from trailwatch.store.tables import arrival, job, lane, message
from trailwatch.store.tables import storm as storm_table
from trailwatch.storm import (
    PAGE,
    Kind,
    Storm,
    StormRules,
    after_arrival,
    by_account,
    by_alarm,
    is_over,
)

ACCOUNTS = ("123456789012", "111122223333")
RULES = StormRules(limit=10)


def event_of(actor: str, name: str) -> Event:
    return Event(f"{actor}-{name}", utc_now(), name, "iam.amazonaws.com", "us-east-1", ACCOUNTS[0],
                 actor, "IAMUser", "", "203.0.113.7", "aws-cli", "", "", False)  # fmt: skip


def alert_of(number: int, prefix: str = "a", severity: str = "P2", **more: Any) -> Alert:
    now = utc_now()
    account = ACCOUNTS[number % 2]
    fields = AlertFields(account=account, alarm_name="root", region="us-east-1")
    arn = f"arn:aws:cloudwatch:us-east-1:{account}:alarm:{prefix}{number}"
    plain = Alert(f"{prefix}{number:04}", arn, f"r{prefix}{number}", f"Alarm {number % 3}",
                  severity, AlertState.OPEN, fields, now, now)  # fmt: skip
    return replace(plain, site="main", search=Search.NOTHING, **more)


class Job:
    """One try of a job, as the worker gives it."""

    id, kind, attempt, resumed = 1, "storm", 1, False

    def __init__(self, **args: Any) -> None:
        self.args = args

    def step(self, name: str, function: Callable[[], Any]) -> Any:
        return function()

    def beat(self) -> None: ...


class World:
    """A house where more than ten alerts a minute share a message."""

    def __init__(self, house: Any) -> None:
        self.house = house

    @property
    def deps(self) -> Any:
        return self.house.deps

    def come(self, *coming: Alert) -> None:
        for one in coming:
            with self.deps.db.transaction() as tx:
                show_new(self.deps, tx, one)

    def change(self, changed: Alert) -> None:
        with self.deps.db.transaction() as tx:
            alerts.save(tx, changed)
            say(self.deps, tx, changed)

    def storm(self) -> Storm:
        with self.deps.db.reading() as tx:
            newest = storm_table.select().order_by(storm_table.c.began_at.desc())
            found = tx.execute(newest).first()
        assert found is not None
        return Storm(**found._mapping)

    def look(self) -> bool:
        """One look of the storm's job; whether it wants another."""
        return show(self.deps, Job(storm=self.storm().id)) is not None  # type: ignore[arg-type]

    def catch_up(self) -> int:
        """Looks until all of the storm is shown; how many it took."""
        for number in range(60):
            self.look()
            with self.deps.db.reading() as tx:
                if not storms.unshown(tx):
                    return number + 1
        raise AssertionError("the storm never came to rest")

    def rows(self, part: str = "") -> list[Any]:
        with self.deps.db.reading() as tx:
            found = tx.execute(message.select().order_by(message.c.created_at, message.c.seq)).all()
        return [row for row in found if part in row.key]

    def top(self) -> list[str]:
        """The keys of what stands in the channel itself, in order."""
        return [row.key for row in self.rows() if row.thread_of is None]

    def shown(self, key: str) -> str:
        """A message as JSON, which Slack would take."""
        (row,) = [row for row in self.rows() if row.key == key]
        body = json.loads(row.body)
        problems = list(message_problems({"text": body["text"], "blocks": body["blocks"]}))
        assert not problems, problems
        return json.dumps(body, ensure_ascii=False)

    def rollup(self) -> str:
        return self.shown(f"storm:{self.storm().id}")

    def listed(self) -> str:
        """All pages of the storm's thread."""
        key = f"storm:{self.storm().id}:"
        pages = [row.key for row in self.rows(key) if row.key.removeprefix(key).isdigit()]
        return "\n".join(self.shown(page) for page in pages)

    def waiting(self, kind: str) -> list[dict[str, Any]]:
        with self.deps.db.reading() as tx:
            return [row.args for row in tx.execute(job.select().where(job.c.kind == kind))]


@pytest.fixture(scope="module")
def house_of_storms(make_house: Callable[..., Any]) -> Any:
    return make_house(TRAILWATCH_ROLLUP="10")


@pytest.fixture
def world(house_of_storms: Any) -> Iterator[World]:
    house = house_of_storms
    with house.deps.db.transaction() as tx:
        for table in (message, lane, job, arrival, storm_table, alert_table):
            tx.execute(delete(table))
    house._ahead = timedelta(0)
    before = house.deps
    yield World(house)
    house.deps = before


def test_ten_alerts_have_a_message_each_and_what_follows_shares_one(world: World) -> None:
    world.come(*(alert_of(number) for number in range(10)))
    assert world.top() == [f"alert:a{number:04}" for number in range(10)]
    world.come(*(alert_of(number) for number in range(10, 60)))
    storm = world.storm()
    world.catch_up()
    assert world.top() == [*(f"alert:a{number:04}" for number in range(10)), f"storm:{storm.id}"]
    told = world.rollup()
    assert "A storm in <#C0ALERTS>" in world.house.command("status").blocks[0]["text"]["text"]
    assert "50 alerts and counting" in told and "50 FIRING" in told
    assert "Alarm 0" in told and "Alarm 2" in told
    assert ACCOUNTS[0] in told and ACCOUNTS[1] in told and "25 alerts, 25 firing" in told
    pages = world.listed()
    for number in range(10, 60):
        assert f"a{number:04}" in pages, "each can be chosen"
    assert pages.count('"type": "rich_text_list"') == -(-50 // PAGE)
    assert {row.thread_of for row in world.rows("storm:") if row.thread_of} == {f"storm:{storm.id}"}


def test_the_message_is_there_with_the_first_alert_of_the_storm(world: World) -> None:
    world.come(*(alert_of(number) for number in range(11)))
    (args,) = world.waiting("storm.show")
    world.look()
    assert args == {"storm": world.storm().id} and "1 alert and counting" in world.rollup()


def test_what_becomes_of_an_alert_is_shown_in_its_row_and_in_the_counts(world: World) -> None:
    world.come(*(alert_of(number) for number in range(40)))
    world.catch_up()
    taken = alert_of(
        15, state=AlertState.ACKNOWLEDGED, acknowledged_by="bob@example.com",
        events=(event_of("mallory", "StopLogging"),), events_total=3,
    )  # fmt: skip
    world.change(taken)
    assert world.catch_up() == 1
    assert "acknowledged by bob@example.com" in world.listed()
    assert "mallory: StopLogging from 203.0.113.7; +2 events" in world.listed()
    assert "29 FIRING" in world.rollup() and "1 acknowledged" in world.rollup()


def test_it_ends_after_five_calm_minutes_and_alerts_stand_alone_again(world: World) -> None:
    world.come(*(alert_of(number) for number in range(20)))
    world.catch_up()
    world.house.pass_time(minutes=4.9)
    assert world.look() and "and counting" in world.rollup()
    world.come(alert_of(20))
    world.house.pass_time(minutes=0.2)
    assert world.look(), "it looks once more after the end"
    assert not world.look()
    assert "11 alerts in one go" in world.rollup() and "It is over" in world.rollup()
    world.come(alert_of(21))
    assert world.top()[-1] == "alert:a0021"

    world.change(alert_of(13, state=AlertState.CLOSED))
    (late,) = world.waiting("storm.show")[1:]
    assert late == {"storm": world.storm().id}, "what changes afterwards is shown, too"
    assert world.look() and not world.look()
    assert "1 closed" in world.rollup()


def test_a_storm_that_nobody_ended_takes_nothing_in_after_its_time(world: World) -> None:
    world.come(*(alert_of(number) for number in range(12)))
    first = world.storm()
    world.house.pass_time(minutes=6)
    world.come(alert_of(12))
    assert world.top()[-1] == "alert:a0012" and world.storm().ended_at is not None
    world.come(*(alert_of(number) for number in range(13, 25)))
    assert world.storm().id != first.id


def test_each_channel_has_storms_of_its_own(world: World) -> None:
    loud = Route(channel="C0LOUD", severities=("P1",))
    world.house.deps = replace(world.deps, routes=(loud,))
    world.come(*(alert_of(number, severity="P1") for number in range(9)))
    world.come(*(alert_of(number, "b") for number in range(9)))
    assert len(world.top()) == 18
    world.come(*(alert_of(number, severity="P1") for number in range(9, 14)))
    world.come(alert_of(9, "b"))
    assert world.storm().channel == "C0LOUD" and world.top()[-1] == "alert:b0009"


def test_a_p1_in_a_storm_still_calls_once(world: World) -> None:
    call = Route(severities=("P1",), mentions=("S0ONCALL",))
    world.house.deps = replace(world.deps, routes=(call,))
    world.come(*(alert_of(number) for number in range(12)))
    world.come(*(alert_of(number, severity="P1") for number in range(12, 16)))
    (row,) = world.rows(":called:")
    assert row.broadcast and "<!subteam^S0ONCALL>" in world.shown(row.key)
    assert row.thread_of == f"storm:{world.storm().id}"


def test_everything_is_acknowledged_in_one_go(world: World) -> None:
    world.come(*(alert_of(number) for number in range(60)))
    world.change(alert_of(30, state=AlertState.ACKNOWLEDGED))
    world.catch_up()
    storm = world.storm()
    assert "Acknowledge all 49" in world.rollup()
    with world.deps.db.transaction() as tx:
        tx.execute(delete(job).where(job.c.kind != "storm.show"))
    world.house.work = lambda: None
    assert world.house.click("storm.acknowledge", storm.id).text == ""
    del world.house.work
    (asked,) = world.waiting("storm.act")
    act_on_all(world.deps, Job(**asked))  # type: ignore[arg-type]
    promised = {one["alert_id"] for one in world.waiting("alert.act")}
    assert len(promised) == 49 and "a0030" not in promised and "a0005" not in promised
    act_on_all(world.deps, Job(**asked))  # type: ignore[arg-type]
    assert len(world.waiting("alert.act")) == 49, "once each, however often the job runs"
    world.catch_up()
    assert "acknowledged all that fired" in world.rollup() and "firing…" in world.listed()


def test_one_page_is_acknowledged_alone_and_late_clicks_are_answered(world: World) -> None:
    world.come(*(alert_of(number) for number in range(10 + PAGE + 5)))
    world.catch_up()
    storm = world.storm()
    world.house.work = lambda: None
    world.house.click("storm.acknowledge", f"{storm.id}:1")
    (asked,) = world.waiting("storm.act")
    act_on_all(world.deps, Job(**asked))  # type: ignore[arg-type]
    assert len(world.waiting("alert.act")) == 5
    for number in range(10, 10 + PAGE + 5):
        world.change(alert_of(number, state=AlertState.CLOSED))
    assert "None of these" in world.house.click("storm.acknowledge", storm.id).text
    assert "closed already" in world.house.click("storm.close", storm.id).text
    del world.house.work
    world.catch_up()
    assert "Acknowledge all" not in world.rollup() and "Close all" not in world.rollup()


def test_a_viewer_may_look_and_not_acknowledge(world: World) -> None:
    world.come(*(alert_of(number) for number in range(12)))
    with pytest.raises(Exception, match="responder"):
        world.house.click("storm.acknowledge", world.storm().id, user="U0CAROL")


def test_one_alert_is_shown_whole_on_demand_and_kept_up_to_date(world: World) -> None:
    world.come(*(alert_of(number) for number in range(14)))
    world.catch_up()
    world.change(alert_of(12, events=(event_of("mallory", "StopLogging"),)))
    find_who(world.deps, "a0012")
    assert not world.waiting("alert.who"), "not for a thousand that nobody looks at"
    world.house.work = lambda: None
    world.house.click("storm.open", selected="a0012")
    del world.house.work
    assert len(world.waiting("alert.who")) == 1
    (row,) = world.rows("alert:a0012")
    assert row.thread_of == f"storm:{world.storm().id}"
    assert "alert.acknowledge" in world.shown("alert:a0012")
    world.change(alert_of(12, state=AlertState.CLOSED, closed_by="bob"))
    assert "CLOSED" in world.shown("alert:a0012")
    world.catch_up()
    assert "closed by bob" in world.listed()


def test_what_is_said_of_an_alert_stands_in_the_storms_thread_and_names_it(world: World) -> None:
    world.come(*(alert_of(number) for number in range(12)))
    with world.deps.db.transaction() as tx:
        say_in_thread(world.deps, tx, alert_of(11), "x", "Something happened")
        say_in_thread(world.deps, tx, alert_of(3), "x", "Something else")
    (row,) = world.rows("alert:a0011:x")
    assert row.thread_of == f"storm:{world.storm().id}"
    assert "Alarm 2" in world.shown(row.key) and "Something happened" in world.shown(row.key)
    (single,) = world.rows("alert:a0003:x")
    assert single.thread_of == "alert:a0003" and "Alarm 0" not in world.shown(single.key)


def test_muted_alerts_make_no_storm_until_the_mute_is_over(world: World) -> None:
    quiet = alert_of(0, "m")
    mute = Mute("m1", quiet.fields.alarm_arn or "", "root", "main", "", "alice", utc_now(),
                utc_now() + timedelta(hours=1), Way.BOT)  # fmt: skip
    with world.deps.db.transaction() as tx:
        assert mutes.add(tx, mute)
    world.come(*(alert_of(number, "m") for number in range(15)))
    assert world.rows() == []
    with world.deps.db.transaction() as tx:
        mutes.end(tx, "m1", "alice", utc_now(), 15)
        for number in range(15):
            say(world.deps, tx, alert_of(number, "m"))
    assert len(world.top()) == 10 and len(world.waiting("storm.show")) == 1


def test_automatic_words_stay_out_of_a_storms_thread_and_peoples_notes_dont(world: World) -> None:
    world.come(*(alert_of(number) for number in range(12)))
    by_hand = Remark("1", "Looks like the migration", "bob@example.com", utc_now())
    itself = Remark("2", "The alarm went back to OK.", "trailwatch", utc_now())
    with world.deps.db.transaction() as tx:
        for shown in (alert_of(11), alert_of(3)):
            take_notes(world.deps, tx, shown, shown.router_id, [by_hand, itself])
    assert len(world.rows("alert:a0011:note:")) == 1 and len(world.rows("alert:a0003:note:")) == 2


def test_what_nobody_showed_at_a_storms_end_is_shown_by_the_next_comparison(world: World) -> None:
    world.come(*(alert_of(number) for number in range(12)))
    world.catch_up()
    with world.deps.db.transaction() as tx:
        storms.end(tx, world.storm().id, utc_now())
        alerts.save(tx, alert_of(11, state=AlertState.CLOSED))
        storms.changed(tx, "a0011")
        tx.execute(delete(job))
    sweep(world.deps)
    assert world.waiting("storm.show") == [{"storm": world.storm().id}]


def test_zero_means_never(world: World) -> None:
    world.house.deps = replace(world.deps, storms=StormRules(limit=0))
    world.come(*(alert_of(number) for number in range(30)))
    assert len(world.top()) == 30 and not world.waiting("storm.show")


def marked_up(value: Any) -> Iterator[str]:
    """Every text in which Slack reads markup."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn" or "blocks" in value:
            yield str(value["text"])
        for inner in value.values():
            yield from marked_up(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from marked_up(inner)


def test_hostile_names_do_nothing_in_a_storm(world: World) -> None:
    bad = "<!channel> *x* \u202e\x07 <https://example.com|safe> `code` " * 40
    fields = AlertFields(account=bad, account_name=bad, region=bad, alarm_name=bad)
    hostile = [
        replace(alert_of(number), title=bad, fields=fields, acknowledged_by=bad,
                state=AlertState.ACKNOWLEDGED, events=(event_of(bad, bad),) * 5)
        for number in range(PAGE)
    ]  # fmt: skip
    world.come(*(alert_of(number, "b") for number in range(10)), *hostile)
    world.catch_up()
    texts = [world.rollup(), *world.listed().split("\n")]
    assert len(texts) == 2
    for text in texts:
        assert "\u202e" not in text and not re.search(r"(?<!\\)\\u0007", text)
        for marked in marked_up(json.loads(text)):
            assert "<!channel>" not in marked and "<https://example.com|" not in marked
    assert world.listed().count('"value": "a') == PAGE, "none is cut off"
    (listing,) = json.loads(world.listed())["blocks"][0]["elements"]
    assert len(listing["elements"]) == PAGE


RECENT = st.integers(0, 40)


@given(st.lists(st.tuples(st.integers(0, 400), RECENT), min_size=1, max_size=30))
def test_a_storm_lasts_from_too_many_until_five_calm_minutes(steps: list[tuple[int, int]]) -> None:
    now = utc_now()
    standing: Storm | None = None
    above = None
    for seconds, recent in steps:
        now += timedelta(seconds=seconds)
        if standing is not None and is_over(standing, now, RULES):
            assert above is not None and now - above >= RULES.calm
            standing = None
        standing = after_arrival(standing, recent, now, RULES)
        if recent > RULES.limit:
            above = now
            assert standing is not None and standing.above_at == now
        elif standing is not None:
            assert above is not None and now - above < RULES.calm


def test_the_worst_alarm_comes_first_and_the_fullest_account() -> None:
    open_, closed = AlertState.OPEN, AlertState.CLOSED
    kinds = [
        Kind("Quiet", "1", "P3", open_, 90),
        Kind("Loud", "1", "P1", open_, 1),
        Kind("Loud", "2", "P1", closed, 4),
    ]
    alarms = [(one.name, one.alerts, one.open, one.others) for one in by_alarm(kinds)]
    assert alarms == [("Loud", 5, 1, 2), ("Quiet", 90, 90, 1)]
    accounts = [(one.name, one.alerts, one.severity) for one in by_account(kinds)]
    assert accounts == [("1", 91, "P1"), ("2", 4, "P1")]


def test_what_the_channel_sees_apart_from_its_message_names_the_alert(world: World) -> None:
    world.come(alert_of(1))
    with world.deps.db.transaction() as tx:
        say_in_thread(world.deps, tx, alert_of(1), "loud", "bob escalated this", loud=True)
        say_in_thread(world.deps, tx, alert_of(1), "low", "bob added a note")
    assert "Alarm 1" in world.shown("alert:a0001:loud")
    assert "Alarm 1" not in world.shown("alert:a0001:low")


def test_the_worst_and_newest_of_a_page_stand_first(world: World) -> None:
    world.come(*(alert_of(number) for number in range(12)), alert_of(12, severity="P1"))
    world.catch_up()
    page = world.shown(f"storm:{world.storm().id}:0")
    ids = re.findall(r'"value": "(a00\d\d)"', page)
    assert ids == ["a0012", "a0011", "a0010"]


def test_the_message_says_who_is_behind_most_of_it(world: World) -> None:
    world.come(*(alert_of(number) for number in range(16)))
    pairs = [pair_of(event_of("*eve*", "CreateUser")), pair_of(event_of("*eve*", "StopLogging"))]
    with world.deps.db.transaction() as tx:
        for number in range(11, 15):
            follows.count(tx, f"a{number:04}", pairs)
        for number, name in enumerate(("bob", "kim", "tom", "ann")):
            follows.count(tx, f"a{11 + number:04}", [pair_of(event_of(name, "CreateUser"))])
    world.look()
    assert "*∗eve∗*: 4 alerts; *ann*: 1 alert; *bob*: 1 alert; and 2 others" in world.rollup()
    assert "Who: ∗eve∗: 4 alerts; " in world.rollup()


def test_a_storm_of_which_all_is_closed_counts_no_more(world: World) -> None:
    world.come(*(alert_of(number) for number in range(15)))
    world.look()
    assert "5 alerts and counting" in world.rollup()
    for number in range(10, 15):
        world.change(alert_of(number, state=AlertState.CLOSED))
    world.look()
    assert "5 alerts that came at once, all closed" in world.rollup()
