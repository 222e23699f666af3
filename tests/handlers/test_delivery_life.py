"""Where alerts go, what stands in for a channel that is lost, and what becomes of dead letters."""

from __future__ import annotations

import json
import random
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from slack_sdk import WebClient
from sqlalchemy import delete, update

from bot.sender import Sender
from handlers.intake import show_new
from handlers.troubles import message_failed, work_failed
from sandbox.faults import Faults
from sandbox.slack import SlackStandIn
from sandbox.wire import CallLog
from trailwatch.alert import Alert, AlertFields, AlertState, Search
from trailwatch.clock import utc_now
from trailwatch.errors import NotFound, SlackError
from trailwatch.letter import Letter
from trailwatch.routes import Route
from trailwatch.store import alerts, inbox, jobs, letters, outbox
from trailwatch.store.lanes import Rules
from trailwatch.store.outbox import Outgoing
from trailwatch.store.replica import claim_replica
from trailwatch.store.tables import alert as alert_table
from trailwatch.store.tables import inbox as inbox_table
from trailwatch.store.tables import job as job_table
from trailwatch.store.tables import lane, lost_channel, message

ACCOUNT = "123456789012"
QUICK = Rules(post_interval=timedelta(0), edit_interval=timedelta(0))


def alert_of(id_: str, severity: str = "P1", **more: Any) -> Alert:
    now = utc_now()
    fields = AlertFields(account=ACCOUNT, alarm_name="a", detection_id="root-usage")
    arn = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:a"
    plain = Alert(id_, arn, f"r-{id_}", "Root", severity, AlertState.OPEN, fields, now, now)
    return replace(plain, site="main", search=Search.NOTHING, **more)


class World:
    """A house, Slack, and the sender between them."""

    def __init__(self, house: Any, slack: SlackStandIn) -> None:
        self.house = house
        self.slack = slack
        self.replica = claim_replica(house.deps.db, "life", utc_now())
        self.sender = Sender(
            house.deps.db,
            WebClient(slack.bot_token, base_url=slack.api_url),
            utc_now,
            replica=self.replica,
            rules=QUICK,
            timeout=10,
            on_trouble=lambda sent: message_failed(house.deps, sent),
        )
        self.sender.start()

    def show(self, alert: Alert) -> None:
        with self.house.deps.db.transaction() as tx:
            show_new(self.house.deps, tx, alert)

    def texts(self, channel: str) -> list[str]:
        return [str(one["text"]) for one in self.slack.messages(channel) if one["metadata"]]

    def told(self) -> list[dict[str, Any]]:
        """What the admin was told in private."""
        with self.house.deps.db.reading() as tx:
            rows = tx.execute(message.select().where(message.c.key.startswith("trouble:"))).all()
        return [{"key": row.key, **json.loads(row.body)} for row in rows]

    def close(self) -> None:
        self.sender.stop()
        self.replica.close()


@pytest.fixture
def world(make_house_once: Any) -> Iterator[World]:
    house = make_house_once
    with house.deps.db.transaction() as tx:
        # An alert that is left would be compared with Opsgenie, and be news again.
        for table in (message, lane, lost_channel, inbox_table, job_table, alert_table):
            tx.execute(delete(table))
    slack = SlackStandIn(calls=CallLog(), faults=Faults(random.Random(1).random))
    slack.start()
    before = house.deps
    admin = next(iter(slack.space.people))
    roles = {admin: next(iter(before.people.roles().values()))}
    people = type(before.people)(_Nobody(), utc_now, roles, dict)
    sites = before.sites
    sites._first = replace(sites._first, channel=slack.channel)
    sites._wanted = {sites._first.name: sites._first}
    house.deps = replace(before, channel=slack.channel, people=people)
    found = World(house, slack)
    yield found
    found.close()
    slack.stop()
    house.deps = before


class _Nobody:
    def user(self, user_id: str) -> dict[str, Any]:
        return {"id": user_id}

    def user_by_email(self, email: str) -> dict[str, Any]:
        raise SlackError("Nobody.", code="users_not_found")

    def group_members(self, group_id: str) -> list[str]:
        return []

    def team_id(self) -> str:
        return "T0"


@pytest.fixture(scope="module")
def make_house_once(make_house: Callable[..., Any]) -> Any:
    return make_house()


def other_channel(slack: SlackStandIn) -> str:
    return next(
        id_
        for id_, one in slack.space.channels.items()
        if id_ != slack.channel and not one.im_with and not one.is_private
    )


def test_a_route_takes_the_alert_and_calls_for_p1(world: World, until: Any) -> None:
    other = other_channel(world.slack)
    world.slack.invite_bot(other)
    route = Route(channel=other, detections=("root-*",), mentions=("S0ONCALL", "here"))
    world.house.deps = replace(world.house.deps, routes=(route,))
    world.show(alert_of("loud"))
    world.show(alert_of("quiet", "P2"))
    until(lambda: len(world.texts(other)) == 2)
    loud, quiet = world.texts(other)
    assert loud.startswith("<!subteam^S0ONCALL> <!here> P1 FIRING: ")
    assert quiet.startswith("P2 FIRING: ") and world.texts(world.slack.channel) == []
    shown = json.dumps(world.house.command("routes").blocks)
    assert other in shown and "root-*" in shown and "@S0ONCALL" in shown
    way = world.house.command("routes root-usage --severity p1").text
    assert other in way and "route 1" in way and "<!here>" not in way
    assert "no route" in world.house.command("routes cloudtrail-changes").text


@pytest.mark.parametrize("loss", ["archive", "kick_bot"])
def test_a_lost_channel_falls_back_and_an_admin_is_told_once(
    world: World, until: Any, loss: str
) -> None:
    other = other_channel(world.slack)
    world.slack.invite_bot(other)
    world.house.deps = replace(world.house.deps, routes=(Route(channel=other),))
    deps = world.house.deps
    standing = alert_of(f"standing-{loss}")
    world.show(standing)
    until(lambda: len(world.texts(other)) == 1)
    getattr(world.slack, loss)(other)
    for number in range(3):
        world.show(alert_of(f"{loss}-{number}"))
    with deps.db.transaction() as tx:  # in the thread of a message that stands there
        parent = f"alert:{standing.id}"
        outbox.say(tx, Outgoing(f"{parent}:x", other, "more", thread_of=parent), utc_now())
    until(lambda: len(world.texts(world.slack.channel)) == 5)
    with deps.db.reading() as tx:
        assert letters.dead(tx) == []
    told = world.told()
    assert len(told) == 1 and other in told[0]["text"], told
    assert "takes nothing" in json.dumps(world.house.command("status").blocks)
    assert "takes nothing" in json.dumps(world.house.command("routes").blocks)

    with deps.db.transaction() as tx:  # somebody put it right: it is tried again
        an_hour_ago = utc_now() - timedelta(hours=1)
        tx.execute(update(lost_channel).values(seen_at=an_hour_ago))
    if loss == "archive":
        world.slack.unarchive(other)
    world.slack.invite_bot(other)
    world.show(alert_of(f"{loss}-mended"))
    until(lambda: len(world.texts(other)) == 2)


def test_what_nobody_moved_in_time_is_moved_by_the_next_comparison(
    world: World, until: Any
) -> None:
    """The process may be killed between a refusal and what follows from it."""
    other = other_channel(world.slack)
    world.slack.kick_bot(other)
    world.house.deps = replace(world.house.deps, routes=(Route(channel=other),))
    world.sender._on_trouble = None
    world.show(alert_of("forgotten"))
    deps = world.house.deps

    def dead() -> list[Letter]:
        with deps.db.reading() as tx:
            return letters.dead(tx)

    until(dead)

    def compared() -> list[str]:
        world.house.job("alert.reconcile")
        return world.texts(world.slack.channel)

    until(compared)
    assert dead() == [] and len(world.told()) == 1


def test_the_default_channel_has_no_stand_in(world: World, until: Any) -> None:
    world.slack.archive(world.slack.channel)
    world.show(alert_of("nowhere"))
    until(lambda: len(world.told()) == 2)
    told = {one["key"].split(":")[1]: one["text"] for one in world.told()}
    assert "1 thing could not be delivered" in told["letters"] and "channel" in told
    world.show(alert_of("nowhere-2"))
    until(lambda: any("2 things" in one["text"] for one in world.told()))
    assert len(world.told()) == 2  # the same message, kept up to date
    world.slack.unarchive(world.slack.channel)
    assert "2 dead letters will be tried again" in world.house.click("letters.resend", "all").text
    until(lambda: len(world.texts(world.slack.channel)) == 2)
    assert "no dead letter" in world.house.command("resend all").text


def test_each_kind_of_dead_letter_is_shown_and_sent_again(world: World, until: Any) -> None:
    deps, now = world.house.deps, utc_now()
    lease = now + timedelta(minutes=1)
    with deps.db.transaction() as tx:
        inbox.put_dead(tx, key="odd", source="opsgenie", body="{}", at=now, error="`alert` missing")
        jobs.add(tx, "nothing.known", {}, now)
        row = jobs.claim(tx, owner="t", now=now, lease=lease)
        assert row is not None and jobs.bury(tx, row, error="no handler", at=now)
        say = Outgoing("plan:odd", world.slack.channel, "x", blocks=[{"type": "nonsense"}])
        outbox.say(tx, say, now)
    work_failed(deps)
    until(lambda: any("3 things" in one["text"] for one in world.told()))
    status = json.dumps(world.house.command("status").blocks)
    with deps.db.reading() as tx:
        dead = letters.dead(tx)
    assert {str(one.kind) for one in dead} == {"delivery", "job", "message"}
    assert all(one.id in status for one in dead) and "Send again" in status
    assert "letters.resend" not in json.dumps(world.house.command("status", user="U0CAROL").blocks)
    for one in dead:
        if one.kind != "job":
            assert "1 dead letter" in world.house.command(f"resend {one.id}").text
    with deps.db.transaction() as tx:
        assert letters.send_again(tx, next(one for one in dead if one.kind == "job"), now)
        assert not letters.send_again(tx, next(one for one in dead if one.kind == "job"), now)
        tx.execute(delete(job_table))
    with pytest.raises(NotFound):
        world.house.command("resend 00000000")


def test_a_re_fire_links_to_the_message_before(world: World, until: Any) -> None:
    deps = world.house.deps
    client = WebClient(world.slack.bot_token, base_url=world.slack.api_url)
    link = lambda channel, ts: str(  # noqa: E731
        client.chat_getPermalink(channel=channel, message_ts=ts)["permalink"]
    )
    world.house.deps = replace(deps, permalink=link)
    first = alert_of("fire-1")
    world.show(first)
    until(lambda: len(world.texts(world.slack.channel)) == 1)
    with deps.db.transaction() as tx:
        closed = replace(first, state=AlertState.CLOSED, closed_by="bob", closed_at=utc_now())
        alerts.save(tx, closed)
    world.show(replace(alert_of("fire-2"), first_seen=utc_now()))
    (before,) = [one for one in world.slack.messages(world.slack.channel) if one["metadata"]]
    world.house.work()
    address = f"/archives/{world.slack.channel}/p{before['ts'].replace('.', '')}|went off before>"
    until(lambda: address in json.dumps(world.slack.messages(world.slack.channel)[-1]["blocks"]))
    assert "went off before" in world.texts(world.slack.channel)[-1]
    assert "by bob" in json.dumps(world.slack.messages(world.slack.channel)[-1]["blocks"])


def test_a_re_fire_that_is_told_before_the_close_links_all_the_same(world: World) -> None:
    """Webhooks come in any order; a service has one open alert of an alias at a time."""
    house, arn = world.house, "arn:reordered"
    house.deps = replace(house.deps, permalink=lambda channel, ts: "https://example.com/before")
    ids = []
    for number in range(2):
        id_ = house.opsgenie.create({"message": "m", "alias": arn, "priority": "P3"})
        ids.append(id_)
        if number == 0:
            world.show(alert_of("re-1", alias=arn, router_id=id_))
            house.opsgenie.act(id_, "close", {"user": "bob@example.com"})
    world.show(alert_of("re-2", alias=arn, router_id=ids[1]))
    house.work()
    with house.deps.db.reading() as tx:
        first, second = alerts.get(tx, "re-1"), alerts.get(tx, "re-2")
    assert first is not None and second is not None and ids[0] != ids[1]
    assert first.state is AlertState.CLOSED and second.state is AlertState.OPEN
    assert second.extra["before_by"] == "bob@example.com"


def test_a_second_alarm_while_the_alert_is_open_is_noticed(world: World, until: Any) -> None:
    """It raises the on-call service's count and sends no webhook."""
    house = world.house
    _raise(house)

    def compared() -> list[str]:
        house.job("alert.reconcile")
        return world.texts(world.slack.channel)

    until(compared)
    for _ in range(3):
        _raise(house)
    until(lambda: any(", 4 times." in text for text in compared()))
    shown = [one for one in world.slack.messages(world.slack.channel) if one["metadata"]]
    assert len(shown) == 1 and "*4 times*" in json.dumps(shown[0]["blocks"])


def _raise(house: Any) -> None:
    """An alarm's alert, as the integration of SNS makes it."""
    key = house.opsgenie.alert_key
    request = urllib.request.Request(
        f"{house.opsgenie.url}/v2/alerts",
        json.dumps(
            {"message": "ALARM: a", "alias": "arn:twice", "tags": ["trailwatch"], "priority": "P2"}
        ).encode(),
        {"Content-Type": "application/json", "Authorization": f"GenieKey {key}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 202
