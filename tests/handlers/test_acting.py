"""What people do to an alert from Slack: dialogs, and "Was this you?"."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from handlers.access import Person, Role
from handlers.audit import lines
from handlers.commands.table import answer
from handlers.jobs.end import end_of_job
from handlers.people import person_of
from handlers.request import Request
from tests.handlers.acting_desk import (
    HOSTILE,
    choose,
    made_desk,
    new_alert,
    notes_of,
    now_is,
    parsed,
    settle,
    shown,
    submit,
    theirs,
    thread,
)
from trailwatch.alert import Alert, AlertState, Search
from trailwatch.errors import NotAllowed, UsageError
from trailwatch.event import Event
from trailwatch.snooze import next_monday
from trailwatch.store import alerts, audit


@pytest.fixture(scope="module")
def desk(make_house: Callable[..., Any]) -> Any:
    return made_desk(make_house)


@pytest.fixture
def alert(desk: Any) -> Alert:
    """An alert that Opsgenie has, too."""
    return new_alert(desk)


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


def test_why_it_is_snoozed_and_who_took_it_back_stand_in_the_thread(
    desk: Any, alert: Alert
) -> None:
    submit(desk, "alert.pause", alert.id, {"why": HOSTILE}, how="snooze-4h")
    settle(desk, lambda: "alice snoozed this: " in thread(desk, alert))
    assert now_is(desk, alert).state is AlertState.SNOOZED
    assert "<!channel>" not in thread(desk, alert)
    desk.click("alert.acknowledge", alert.id)
    settle(desk, lambda: now_is(desk, alert).state is AlertState.ACKNOWLEDGED)
    desk.click("alert.more", selected=f"unacknowledge:{alert.id}")
    settle(desk, lambda: "alice took the acknowledgement back." in thread(desk, alert))
    assert thread(desk, alert).count("acknowledgement back") == 1
    # Without a reason the message itself says it all.
    submit(desk, "alert.pause", alert.id, {"why": " "}, how="snooze-1h")
    settle(desk, lambda: now_is(desk, alert).state is AlertState.SNOOZED)
    desk.work()
    assert thread(desk, alert).count("snoozed this") == 1


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


def test_what_a_guest_types_is_refused_and_written_down(desk: Any) -> None:
    guest = Person("U0GUEST", "mallory", member=False, role=Role.NOBODY)
    with pytest.raises(NotAllowed, match="full members"):
        answer(desk.deps, Request(guest, "C0ALERTS", "", "", "guest-1"), "mutes end x")
    with desk.deps.db.reading() as tx:
        (line,) = audit.recent(tx, limit=1)
    assert (line.actor_id, line.outcome) == ("U0GUEST", "refused")


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


def test_what_was_never_done_in_the_second_service_is_said(desk: Any, alert: Alert) -> None:
    args = {"alert_id": alert.id, "twin": "jsm:x", "action": "acknowledge", "asked_at": "a"}
    end_of_job(desk.deps, "alert.act_twin", args, "A defect.")
    said = "This could not be done in Jira Service Management, too (acknowledge): A defect."
    assert said in thread(desk, alert)


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


def test_the_audit_log_says_to_whom_to_what_and_until_when(desk: Any, alert: Alert) -> None:
    submit(desk, "alert.change", alert.id, owner="U0BOB", priority="P2", escalate="yes")
    desk.deps = replace(desk.deps, escalation="")
    try:
        submit(desk, "alert.change", alert.id, escalate="yes")
    finally:
        desk.deps = replace(desk.deps, escalation="security_escalation")
    submit(desk, "alert.pause", alert.id, how="snooze-monday")
    with desk.deps.db.reading() as tx:
        mine = [e for e in audit.recent(tx, 50) if e.detail.get("alert_id") == alert.id]
        said = {row.what for row in lines(tx, mine, 10)}
    assert said >= {
        "assign to bob", "change the priority to P2",
        "escalate to security_escalation", "escalate to P1",
    }  # fmt: skip
    (snoozed,) = (one for one in said if one.startswith("snooze"))
    assert re.fullmatch(r"snooze until [A-Z][a-z]{2} \d+ 09:00 UTC", snoozed)
