"""Muting an alarm: by CloudWatch, else by the bot; and its end, whoever brings it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.access import Person, Role
from handlers.jobs.end import end_of_job
from handlers.jobs.mute import announced, lasting
from setup.change import Action, Change
from setup.drift import Drifted, Severity
from tests.handlers.acting_desk import (
    HOSTILE,
    made_desk,
    new_alert,
    parsed,
    submit,
)
from trailwatch.alert import Alert, AlertState
from trailwatch.errors import NotAllowed, NotFound, UsageError
from trailwatch.store import alerts, audit, mutes
from trailwatch.store.mutes import Mute, Way


@pytest.fixture(scope="module")
def desk(make_house: Callable[..., Any]) -> Any:
    return made_desk(make_house)


@pytest.fixture
def alert(desk: Any) -> Alert:
    """An alert that Opsgenie has, too."""
    return new_alert(desk)


def test_an_alarm_is_muted_by_cloudwatch_announced_listed_and_heard_again(
    desk: Any, alert: Alert
) -> None:
    submit(desk, "alert.pause", alert.id, {"why": HOSTILE}, how="mute-1h")
    with desk.deps.db.reading() as tx:
        mute = mutes.standing(tx, alert.alias)
    assert mute is not None
    assert mute.way is Way.CLOUDWATCH
    listed = desk.client("cloudwatch").list_alarm_mute_rules(AlarmName=mute.name)
    assert len(listed["AlarmMuteRuleSummaries"]) == 1
    said = desk.messages(f"mute:{mute.id}")[0]
    assert "alice" in said["text"]
    assert "<!channel>" not in "".join(parsed(said))
    assert mute.name in desk.command("mutes").text
    with pytest.raises(UsageError, match="muted already"):
        submit(desk, "alert.pause", alert.id, how="mute-1h")
    with pytest.raises(NotAllowed, match="responder"):
        desk.click("mute.end", mute.id, user="U0CAROL")
    desk.click("mute.end", mute.id)
    listed = desk.client("cloudwatch").list_alarm_mute_rules(AlarmName=mute.name)
    assert listed["AlarmMuteRuleSummaries"] == []
    over = desk.messages(f"mute:{mute.id}:end")[0]
    assert "no longer muted: alice ended it" in over["text"]
    assert desk.command("mutes").text == "No alarm is muted."
    with pytest.raises(NotFound):
        desk.click("mute.end", mute.id)


def test_a_role_in_one_channel_ends_no_mute_of_another(desk: Any, alert: Alert) -> None:
    submit(desk, "alert.pause", alert.id, how="mute-1h")
    with desk.deps.db.reading() as tx:
        mute = mutes.standing(tx, alert.alias)
    assert mute is not None
    find = desk.deps.people.find

    def find_there(user_id: str, channel: str = "") -> Person:
        found: Person = find(user_id)
        return replace(found, role=Role.VIEWER if channel == "C0ALERTS" else Role.RESPONDER)

    desk.deps.people.find = find_there
    with pytest.raises(NotAllowed, match="role responder"):
        desk.command(f"mutes end {mute.name}")
    desk.deps.people.find = find
    with desk.deps.db.reading() as tx:
        assert mutes.standing(tx, alert.alias) is not None
        (line, *_) = audit.recent(tx, limit=1)
    assert (line.action, line.outcome) == ("alarm.unmute", "refused")
    desk.command(f"mutes end {mute.name}")


def test_a_mute_ends_by_itself(desk: Any, alert: Alert) -> None:
    submit(desk, "alert.pause", alert.id, how="mute-1h")
    with desk.deps.db.reading() as tx:
        mute = mutes.standing(tx, alert.alias)
    assert mute is not None
    end_of_job(desk.deps, "alarm.unmute", {"mute_id": mute.id}, "AWS refused it.")
    assert "is still muted: AWS refused it." in desk.messages(f"mute:{mute.id}:failed")[0]["text"]
    desk.pass_time(minutes=61)
    desk.work()
    assert "its time is over" in desk.messages(f"mute:{mute.id}:end")[0]["text"]


def test_a_mute_of_ours_is_no_drift_and_one_that_does_more_is() -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    mute = Mute("m1", "arn", "a", "main", "", "alice", now, now + timedelta(hours=1))

    def drifted(name: str, alarms: list[str], hours: int | None) -> Drifted:
        until = None if hours is None else now + timedelta(hours=hours)
        change = Change(Action.DELETE, "mute_rule", name, {"mutes": alarms}, None)
        return Drifted(change, Severity.LOUD, "silences", until=until)

    assert announced(drifted("trailwatch-mute-m1", ["a"], 1), [mute])
    assert not announced(drifted("trailwatch-mute-m1", ["a"], 9), [mute])
    assert not announced(drifted("trailwatch-mute-m1", ["a"], None), [mute])
    assert not announced(drifted("trailwatch-mute-m1", ["a", "b"], 1), [mute])
    assert not announced(drifted("trailwatch-mute-m2", ["a"], 1), [mute])
    assert not announced(drifted("trailwatch-mute-m1", ["a"], 1), [])


@pytest.mark.parametrize(("minutes", "text"), [(60, "PT1H"), (61, "PT1H1M"), (1440, "P1D"),
                                               (1501, "P1DT1H1M"), (10_080, "P7D")])  # fmt: skip
def test_how_long_a_rule_lasts(minutes: int, text: str) -> None:
    assert lasting(minutes) == text


class PastIsOver:
    """CloudWatch as it may be: a rule that begins in the past never counts."""

    def __init__(self, clients: Any, now: datetime) -> None:
        self._clients = clients
        self._now = now
        self.put: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clients, name)

    def call(self, service: str, operation: str, **given: Any) -> Any:
        if operation == "PutAlarmMuteRule":
            self.put.append(given["Rule"]["Schedule"]["Expression"])
        return self._clients.call(service, operation, **given)

    def find(self, service: str, operation: str, gone: Any, **given: Any) -> Any:
        if operation == "GetAlarmMuteRule":
            begins = datetime.strptime(self.put[-1], "at(%Y-%m-%dT%H:%M)").replace(tzinfo=UTC)
            return {"Status": "EXPIRED" if begins < self._now else "SCHEDULED"}
        return self._clients.find(service, operation, gone, **given)


def test_a_rule_that_is_over_from_the_start_begins_with_the_next_minute(
    desk: Any, alert: Alert
) -> None:
    real = desk.deps.setup_clients
    made: list[PastIsOver] = []

    def clients(site: str = "", session: str = "") -> Any:
        made.append(PastIsOver(real(site, session), desk.now()))
        return made[-1]

    desk.deps = replace(desk.deps, setup_clients=clients)
    submit(desk, "alert.pause", alert.id, how="mute-1h")
    desk.deps = replace(desk.deps, setup_clients=real)
    with desk.deps.db.reading() as tx:
        mute = mutes.standing(tx, alert.alias)
    assert mute is not None
    assert mute.way is Way.CLOUDWATCH
    first, second = made[0].put
    assert first < second
    (found,) = desk.client("cloudwatch").list_alarm_mute_rules(AlarmName=mute.name)[
        "AlarmMuteRuleSummaries"
    ]
    assert found["ExpireDate"] - mute.until < timedelta(minutes=1)
    desk.command(f"mutes end {mute.name}")


def test_a_rule_that_is_made_after_its_mute_was_ended_is_taken_away(
    desk: Any, alert: Alert
) -> None:
    clients = desk.deps.setup_clients

    def ending(site: str = "", session: str = "") -> Any:
        with desk.deps.db.transaction() as tx:
            found = mutes.standing(tx, alert.alias)
            if found is not None:
                mutes.end(tx, found.id, "bob", desk.now())
        return clients(site, session)

    desk.deps = replace(desk.deps, setup_clients=ending)
    submit(desk, "alert.pause", alert.id, how="mute-1h")
    desk.deps = replace(desk.deps, setup_clients=clients)
    name = alert.alias.rpartition(":")[2]
    listed = desk.client("cloudwatch").list_alarm_mute_rules(AlarmName=name)
    assert listed["AlarmMuteRuleSummaries"] == []


def test_a_mute_that_could_not_even_be_tried_is_the_bots(desk: Any, alert: Alert) -> None:
    with desk.deps.db.transaction() as tx:
        until = desk.now() + timedelta(hours=1)
        begun = Mute("broken", alert.alias, "broken", "main", "", "alice", desk.now(), until)
        assert mutes.add(tx, begun)
    end_of_job(desk.deps, "alarm.mute", {"mute_id": "broken"}, "A defect.")
    with desk.deps.db.reading() as tx:
        mute = mutes.standing(tx, alert.alias)
    assert mute is not None
    assert mute.way is Way.BOT
    assert "alice muted broken" in desk.messages("mute:broken")[0]["text"]
    desk.command("mutes end broken")


def test_where_cloudwatch_takes_no_rule_the_bot_itself_is_quiet(desk: Any, alert: Alert) -> None:
    other = replace(
        alert, id="other", router_id="other", alias=alert.alias.replace("us-east-1", "eu-west-1")
    )
    other = replace(other, fields=replace(other.fields, alarm_arn=other.alias))
    with desk.deps.db.transaction() as tx:
        alerts.save(tx, other)
    submit(desk, "alert.pause", "other", how="mute-4h")
    with desk.deps.db.reading() as tx:
        mute = mutes.standing(tx, other.alias)
    assert mute is not None
    assert mute.way is Way.BOT
    from handlers.intake import say

    came = replace(other, id="came", router_id="came", first_seen=desk.now())
    with desk.deps.db.transaction() as tx:
        alerts.save(tx, came)
        say(desk.deps, tx, came)
    assert desk.messages("alert:came") == []
    # It went off before the mute, but was told of later: nothing would show it when that ends.
    earlier = mute.at - timedelta(seconds=20)
    with desk.deps.db.transaction() as tx:
        say(desk.deps, tx, replace(other, id="late", router_id="late", first_seen=earlier))
    assert len(desk.messages("alert:late")) == 1
    desk.command(f"mutes end {mute.name}")
    assert len(desk.messages("alert:came")) == 1
    assert "1 alert came meanwhile" in desk.messages(f"mute:{mute.id}:end")[0]["text"]
    with desk.deps.db.transaction() as tx:
        for one in (other, came):
            alerts.save(tx, replace(one, state=AlertState.CLOSED))
