"""What people do to an alert from Slack: dialogs, mutes, and "Was this you?"."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import opsgenie_sdk
import pytest

from handlers.access import Person, Role
from handlers.audit import lines
from handlers.commands.table import answer
from handlers.jobs.end import end_of_job
from handlers.jobs.mute import announced, lasting
from handlers.modals.modal import Submission
from handlers.modals.table import modal_of, submitted
from handlers.people import person_of
from handlers.request import Request
from setup.change import Action, Change
from setup.drift import Drifted, Severity
from trailwatch.alert import Alert, AlertState, Search
from trailwatch.errors import NotAllowed, NotFound, UsageError
from trailwatch.event import Event
from trailwatch.snooze import next_monday
from trailwatch.store import alerts, audit, mutes
from trailwatch.store.mutes import Mute, Way

HOSTILE = "<!channel> *x* <https://evil.example.com|y> \u202e`z`"
ALARM = "trailwatch-root-usage"


@pytest.fixture(scope="module")
def desk(make_house: Callable[..., Any]) -> Any:
    """A house with an escalation, and bob behind the IAM user bobby."""
    house = make_house(OPSGENIE_ESCALATION="security_escalation", TRAILWATCH_PEOPLE="bobby=U0BOB")

    def find(user_id: str, channel: str = "") -> Person:
        name = user_id.removeprefix("U0").lower()
        role = Role.ADMIN if name == "alice" else Role.RESPONDER
        return Person(user_id, name, f"{name}@example.com", role=role)

    house.deps.people.find = find
    house.client("logs").create_log_group(logGroupName="/trailwatch/cloudtrail")
    return house


def api_of(desk: Any) -> Any:
    """Opsgenie's API with a key that may do everything."""
    configuration = opsgenie_sdk.Configuration()
    configuration.host = desk.opsgenie.url
    configuration.api_key = {"Authorization": desk.opsgenie.api_key}
    return opsgenie_sdk.AlertApi(opsgenie_sdk.ApiClient(configuration=configuration))


def notes_of(desk: Any, alert: Alert) -> list[str]:
    answer = api_of(desk).list_notes(alert.router_id, _request_timeout=30)
    return [one.note for one in answer.data]


@pytest.fixture
def alert(desk: Any) -> Iterator[Alert]:
    """An alert that Opsgenie has, too."""
    desk.number = getattr(desk, "number", 0) + 1
    arn = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{ALARM}-{desk.number}"
    body = opsgenie_sdk.CreateAlertPayload(
        message=f"{ALARM}-{desk.number}", alias=arn, priority="P3", tags=["trailwatch"]
    )
    api_of(desk).create_alert(body, _request_timeout=30)
    yield settle(desk, lambda: find(desk, arn))


def find(desk: Any, arn: str) -> Alert | None:
    desk.job("alert.reconcile")
    with desk.deps.db.reading() as tx:
        return alerts.newest_by_alias(tx, arn)


def settle(desk: Any, look: Callable[[], Any]) -> Any:
    """Work until something is true; jobs that wait for Opsgenie come again after a moment."""
    for _ in range(200):
        desk.work()
        if found := look():
            return found
        desk.pass_time(seconds=0.5)
    raise AssertionError("it did not come true")


def now_is(desk: Any, alert: Alert) -> Alert:
    with desk.deps.db.reading() as tx:
        found = alerts.get(tx, alert.id)
    assert found is not None
    return found


def theirs(desk: Any, alert: Alert) -> dict[str, Any]:
    return next(one for one in desk.opsgenie.alerts() if one["id"] == alert.router_id)


def thread(desk: Any, alert: Alert) -> str:
    return " | ".join(one["text"] for one in desk.messages(f"alert:{alert.id}:"))


def shown(desk: Any, alert: Alert) -> dict[str, Any]:
    return next(m for m in desk.messages(f"alert:{alert.id}") if m["key"] == f"alert:{alert.id}")


def parsed(value: Any) -> Iterator[str]:
    """Every text in which Slack would read markup."""
    if isinstance(value, dict):
        if value.get("type") in ("plain_text", "text"):
            return
        for name, part in value.items():
            if name == "text" and isinstance(part, str):
                yield part
            yield from parsed(part)
    elif isinstance(value, list):
        for part in value:
            yield from parsed(part)


def choose(desk: Any, alert: Alert, choice: str) -> Mapping[str, Any]:
    before = len(desk.views)
    desk.click("alert.more", selected=f"{choice}:{alert.id}")
    assert len(desk.views) == before + 1
    view: Mapping[str, Any] = desk.views[-1]
    return view


def submit(
    desk: Any,
    callback: str,
    about: str,
    texts: Mapping[str, str] | None = None,
    user: str = "U0ALICE",
    **chosen: str,
) -> None:
    desk.count = getattr(desk, "count", 0) + 1
    submission = Submission(
        person=desk.deps.people.find(user),
        channel="C0ALERTS",
        response_url="https://example.com/answer",
        trigger_id="",
        key=f"view-{desk.count}",
        about=about,
        texts=texts or {},
        chosen={name: (value,) for name, value in chosen.items()},
    )
    submitted(desk.deps, modal_of(callback), submission)
    desk.work()


def test_assigned_raised_and_passed_on_under_a_name(desk: Any, alert: Alert) -> None:
    view = choose(desk, alert, "change")
    assert view["callback_id"] == "alert.change"
    assert "security_escalation" in json.dumps(view)
    submit(
        desk, "alert.change", alert.id, {"why": HOSTILE},
        owner="U0BOB", priority="P1", escalate="yes",
    )  # fmt: skip
    settle(desk, lambda: thread(desk, alert).count("alice ") == 3)
    there = theirs(desk, alert)
    assert (there["owner"], there["priority"]) == ("bob@example.com", "P1")
    found = now_is(desk, alert)
    assert (found.owner, found.severity) == ("bob@example.com", "P1")
    assert found.shown(found.owner) == "bob"
    assert "bob@example.com" not in json.dumps(shown(desk, alert)["blocks"])
    said = thread(desk, alert)
    assert "alice assigned this to bob" in said
    assert "from P3 to P1" in said
    assert "escalated this to security_escalation" in said
    assert "<!channel>" not in said
    assert "<https" not in said
    assert desk.messages(f"alert:{alert.id}:did:escalate")


def test_a_note_from_the_dialog(desk: Any, alert: Alert) -> None:
    assert choose(desk, alert, "note")["callback_id"] == "alert.note"
    with pytest.raises(UsageError, match="needs words"):
        submit(desk, "alert.note", alert.id, {"why": "  "})
    submit(desk, "alert.note", alert.id, {"why": "looked at it"})
    settle(desk, lambda: "alice noted: looked at it" in thread(desk, alert))
    assert notes_of(desk, alert) == ["looked at it"]


def test_a_viewer_may_open_the_links_of_the_menu_and_no_more(desk: Any, alert: Alert) -> None:
    assert desk.click("alert.more", selected=f"open:{alert.id}", user="U0CAROL").text == ""
    for choice in ("snooze-1h", "note", "change", "pause", "unacknowledge", "nonsense"):
        with pytest.raises(NotAllowed, match="role responder"):
            desk.click("alert.more", selected=f"{choice}:{alert.id}", user="U0CAROL")


def test_snoozed_until_monday(desk: Any, alert: Alert) -> None:
    assert "Monday" in json.dumps(choose(desk, alert, "pause"))
    submit(desk, "alert.pause", alert.id, {"why": ""}, how="snooze-monday")
    settle(desk, lambda: now_is(desk, alert).state is AlertState.SNOOZED)
    until = now_is(desk, alert).snoozed_until
    assert until is not None
    assert (until.weekday(), until.hour, until.minute) == (0, 9, 0)


def test_what_comes_too_late_is_said_at_the_dialog(desk: Any, alert: Alert) -> None:
    desk.click("alert.close", alert.id)
    settle(desk, lambda: now_is(desk, alert).state is AlertState.CLOSED)
    with pytest.raises(UsageError, match="already closed"):
        submit(desk, "alert.change", alert.id, owner="U0BOB")
    with pytest.raises(UsageError, match="already closed"):
        submit(desk, "alert.pause", alert.id, how="snooze-4h")


def test_what_opsgenie_refuses_is_told_to_who_asked(desk: Any, alert: Alert) -> None:
    before = len(desk.told())
    request = Request(
        desk.deps.people.find("U0ALICE"), "C0ALERTS", "https://example.com/a", "", "k"
    )
    from handlers.changing import ask_change
    from trailwatch.alert import AlertAction

    with desk.deps.db.transaction() as tx:
        gone = replace(alert, id="gone", router_id="00000000-0000-0000-0000-000000000000-1")
        alerts.save(tx, gone)
        ask_change(desk.deps, tx, request, gone, AlertAction.NOTE, "words", note="n")
    settle(desk, lambda: len(desk.told()) > before)
    assert "Could not add the note" in desk.told()[-1]["text"]
    with desk.deps.db.transaction() as tx:
        alerts.save(tx, replace(gone, state=AlertState.CLOSED))


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


def test_what_a_guest_types_is_refused_and_written_down(desk: Any) -> None:
    guest = Person("U0GUEST", "mallory", member=False, role=Role.NOBODY)
    with pytest.raises(NotAllowed, match="full members"):
        answer(desk.deps, Request(guest, "C0ALERTS", "", "", "guest-1"), "mutes end x")
    with desk.deps.db.reading() as tx:
        (line,) = audit.recent(tx, limit=1)
    assert (line.actor_id, line.outcome) == ("U0GUEST", "refused")


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


@pytest.mark.parametrize(
    ("own", "zone"),
    [
        ("America/New_York", "America/New_York"),
        ("", "Europe/Berlin"),
        ("No/where", "Europe/Berlin"),
    ],
)
def test_monday_is_that_of_who_asks_else_the_teams(
    desk: Any, alert: Alert, own: str, zone: str
) -> None:
    kept = desk.deps
    bob = Person("U0BOB", "bob", "bob@example.com", timezone=own, role=Role.ADMIN)
    desk.deps = replace(
        kept,
        digest_timezone="Europe/Berlin",
        people=replace_find(kept.people, bob),
    )
    try:
        submit(desk, "alert.pause", alert.id, {"why": ""}, how="snooze-monday")
        settle(desk, lambda: now_is(desk, alert).state is AlertState.SNOOZED)
    finally:
        desk.deps = kept
    until = now_is(desk, alert).snoozed_until
    assert until is not None
    there = until.astimezone(ZoneInfo(zone))
    assert (there.weekday(), there.hour, there.minute) == (0, 9, 0)


def replace_find(people: Any, person: Person) -> Any:
    class Alone:
        def __getattr__(self, name: str) -> Any:
            return getattr(people, name)

        def find(self, user_id: str, channel: str = "") -> Person:
            return person

    return Alone()


def test_slack_says_nothing_of_a_time_zone() -> None:
    found = person_of({"id": "U1", "tz": None, "team_id": "T0"}, "T0")
    assert found.timezone == ""


def test_until_monday() -> None:
    sunday = datetime(2026, 11, 22, 20, tzinfo=UTC)
    assert next_monday(sunday, ["Europe/Berlin"]) == datetime(2026, 11, 23, 8, tzinfo=UTC)
    early = datetime(2026, 11, 23, 7, 59, tzinfo=UTC)
    assert next_monday(early, ["Europe/Berlin"]) == datetime(2026, 11, 23, 8, tzinfo=UTC)
    late = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert next_monday(late, ["Europe/Berlin"]) == datetime(2026, 11, 30, 8, tzinfo=UTC)
    assert next_monday(late, ["Nowhere/At all"]) == datetime(2026, 11, 23, 9, tzinfo=UTC)
    # The clocks change on the night to Sunday, 28 March 2027.
    before = datetime(2027, 3, 26, 12, tzinfo=UTC)
    assert next_monday(before, ["Europe/Berlin"]) == datetime(2027, 3, 29, 7, tzinfo=UTC)


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


def test_what_was_never_done_in_the_second_service_is_said(desk: Any, alert: Alert) -> None:
    args = {"alert_id": alert.id, "twin": "jsm:x", "action": "acknowledge", "asked_at": "a"}
    end_of_job(desk.deps, "alert.act_twin", args, "A defect.")
    said = "This could not be done in Jira Service Management, too (acknowledge): A defect."
    assert said in thread(desk, alert)


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


def behind(desk: Any, alert: Alert, name: str, *, sure: bool = True, severity: str = "P3") -> Alert:
    """The alert with an event of somebody behind it."""
    event = Event(
        id="e1", time=desk.now(), name=HOSTILE, source="iam.amazonaws.com", region="us-east-1",
        account="123456789012", actor=name, actor_kind="IAMUser", via="", address="198.51.100.7",
        user_agent=HOSTILE, error_code="", error_message="", read_only=False, sure=sure,
    )  # fmt: skip
    with desk.deps.db.transaction() as tx:
        found = now_is(desk, alert)
        extra = {**found.extra, "who_ask": name if sure else ""}
        found = replace(found, events=(event,), severity=severity, search=Search.FOUND, extra=extra)
        alerts.save(tx, found)
    return found


def question(desk: Any) -> tuple[str, dict[str, Any]]:
    message = desk.messages("question:")[-1]
    return message["key"].removeprefix("question:"), message


def test_yes_is_noted_and_closes_a_p3(desk: Any, alert: Alert) -> None:
    behind(desk, alert, "bobby")
    desk.click("identity.ask", alert.id)
    number, message = question(desk)
    assert "<!channel>" not in "".join(parsed(message))
    assert "Asked bob whether it was them" in shown(desk, alert)["text"]
    for action in ("identity.yes", "identity.no"):
        with pytest.raises(NotAllowed, match="Only bob"):
            desk.click(action, number)
    with pytest.raises(NotAllowed, match="Only bob"):
        submit(desk, "identity.yes", number, {"why": "not me"})
    desk.click("identity.yes", number, user="U0BOB")
    assert desk.views[-1]["callback_id"] == "identity.yes"
    submit(desk, "identity.yes", number, {"why": "ticket 12"}, user="U0BOB")
    settle(desk, lambda: now_is(desk, alert).state is AlertState.CLOSED)
    assert "bob says: it was me: “ticket 12”" in shown(desk, alert)["text"]
    assert "You said that it was you" in question(desk)[1]["text"]
    with pytest.raises(UsageError, match="answered"):
        submit(desk, "identity.yes", number, {"why": "again"}, user="U0BOB")
    with desk.deps.db.reading() as tx:
        lines = audit.recent(tx, limit=50)
    assert [one.outcome for one in lines if one.action == "identity.answer"].count("yes") == 1
    assert any(one.outcome == "refused" for one in lines if one.action == "identity.answer")


def test_yes_leaves_a_p1_open(desk: Any, alert: Alert) -> None:
    behind(desk, alert, "bob@example.com", severity="P1")
    desk.click("identity.ask", alert.id)
    number, _ = question(desk)
    submit(desk, "identity.yes", number, {"why": "a change"}, user="U0BOB")
    settle(desk, lambda: "says that it was them" in thread(desk, alert))
    assert now_is(desk, alert).pending == ""
    assert now_is(desk, alert).state is AlertState.OPEN


def test_no_escalates(desk: Any, alert: Alert) -> None:
    behind(desk, alert, "bobby")
    desk.click("identity.ask", alert.id)
    number, _ = question(desk)
    desk.click("identity.no", number, user="U0BOB")
    settle(desk, lambda: "escalated this to security_escalation" in thread(desk, alert))
    assert "it was not me" in shown(desk, alert)["text"]


def test_no_answer_in_time_escalates(desk: Any, alert: Alert) -> None:
    behind(desk, alert, "bobby")
    desk.click("identity.ask", alert.id)
    number, _ = question(desk)
    desk.pass_time(minutes=31)
    settle(desk, lambda: "bob did not answer in time" in thread(desk, alert))
    with pytest.raises(UsageError, match="over already"):
        desk.click("identity.no", number, user="U0BOB")


def asked_bob(desk: Any, alert: Alert) -> str:
    behind(desk, alert, "bobby")
    desk.click("identity.ask", alert.id)
    return question(desk)[0]


def test_yes_closes_also_while_somebody_acknowledges(desk: Any, alert: Alert) -> None:
    number = asked_bob(desk, alert)
    under_way = replace(now_is(desk, alert), pending="acknowledge", pending_by="alice")
    with desk.deps.db.transaction() as tx:
        alerts.save(tx, under_way)
    submit(desk, "identity.yes", number, {"why": "ticket 13"}, user="U0BOB")
    settle(desk, lambda: now_is(desk, alert).state is AlertState.CLOSED)
    assert theirs(desk, alert)["status"] == "closed"


@pytest.mark.parametrize("said", ["no", "nothing"])
def test_what_is_closed_is_escalated_by_nobody(desk: Any, alert: Alert, said: str) -> None:
    number = asked_bob(desk, alert)
    desk.click("alert.close", alert.id)
    settle(desk, lambda: now_is(desk, alert).state is AlertState.CLOSED)
    if said == "no":
        desk.click("identity.no", number, user="U0BOB")
        assert "bob says that it was not them, and this is closed already." in thread(desk, alert)
    else:
        desk.pass_time(minutes=31)
        settle(desk, lambda: now_is(desk, alert).extra["you_answer"] == "nothing")
    assert "escalate" not in thread(desk, alert)


def test_a_name_of_the_callers_own_choice_is_asked_nothing(desk: Any, alert: Alert) -> None:
    found = behind(desk, alert, "bobby", sure=False)
    with pytest.raises(UsageError, match="Nobody is to be asked"):
        desk.click("identity.ask", found.id)
    behind(desk, alert, "stranger")
    desk.click("identity.ask", alert.id)
    desk.work()
    assert "stranger is nobody who is known in Slack" in desk.told()[-1]["text"]


def test_a_reply_in_the_thread_becomes_a_note(desk: Any, alert: Alert) -> None:
    from trailwatch.store.tables import message

    with desk.deps.db.transaction() as tx:
        row = message.update().where(message.c.key == f"alert:{alert.id}")
        tx.execute(row.values(channel="C0ALERTS", ts=f"17.{desk.number}"))
    reply = {"channel": "C0ALERTS", "thread_ts": f"17.{desk.number}", "ts": "18.1"}
    desk.job("alert.thread_note", user_id="U0BOB", text="we &amp; they know", **reply)
    settle(desk, lambda: notes_of(desk, alert) == ["we & they know"])
    # Slack tells of it again where the answer was late; and of what was corrected.
    desk.job("alert.thread_note", user_id="U0BOB", text="we &amp; they know", **reply)
    more = {**reply, "edited": "19.1"}
    desk.job("alert.thread_note", user_id="U0BOB", text="we &amp; they knew", **more)
    both = {"we & they know", "Corrected: we & they knew"}
    settle(desk, lambda: set(notes_of(desk, alert)) == both)
    assert len(notes_of(desk, alert)) == 2
    with desk.deps.db.reading() as tx:
        lines = audit.recent(tx, limit=10)
    assert any(one.action == "alert.note" and one.actor_name == "bob" for one in lines)
    assert thread(desk, alert) == ""


def test_the_audit_log_says_what_came_of_it(desk: Any, alert: Alert) -> None:
    asked_bob(desk, alert)
    desk.click("alert.acknowledge", alert.id)
    settle(desk, lambda: now_is(desk, alert).state is AlertState.ACKNOWLEDGED)
    desk.work()
    with desk.deps.db.reading() as tx:
        mine = [e for e in audit.recent(tx, 50) if e.detail.get("alert_id") == alert.id]
        rows = lines(tx, mine, 10)
    assert [(row.what, row.target, row.outcome) for row in rows] == [
        ("acknowledge", alert.title, "done"),
        ("ask “Was this you?”", alert.title, "bob was asked"),
    ]
