"""What an alert's message says and offers in each state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handlers import samples, told
from handlers.access import Person, Role, check
from handlers.blocks.alert import alert_message
from handlers.blocks.alert_dialogs import dialog
from handlers.blocks.alert_menu import CHANGE, AlertLinks, Choice, read_choice
from handlers.blocks.digest import digest_message
from handlers.blocks.events import events_message
from handlers.blocks.kit import Message
from handlers.blocks.lists import alerts_message
from handlers.blocks.storm import page_message
from trailwatch.address import is_office
from trailwatch.alert import Alert, AlertAction, AlertFields, AlertState
from trailwatch.digest import make_digest
from trailwatch.errors import NotAllowed
from trailwatch.routers.router import Remark

SOON = samples.FIRED + timedelta(seconds=5)


def shown(alert: Alert, links: AlertLinks | None = samples.LINKS) -> Message:
    return alert_message(alert, samples.NOW, links, samples.OFFICES)


def buttons(message: Message) -> dict[str, Any]:
    """The elements of the row of buttons by their action."""
    row: Any = message.blocks[-1]
    assert row["type"] == "actions"
    return {element["action_id"]: element for element in row["elements"]}


def choices(message: Message) -> list[str]:
    menu = buttons(message).get("alert.more", {"options": []})
    return [option["text"]["text"] for option in menu["options"]]


def parts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for below in value.values():
            yield from parts(below)
    elif isinstance(value, list | tuple):
        for below in value:
            yield from parts(below)


def words(message: Message) -> str:
    return "\n".join(parts(message.blocks))


CHANGES = [
    "Snooze for 1 h",
    "Snooze or mute…",
    "Assign, escalate, priority…",
    "Add a note…",
]
OPENS = ["Open in CloudWatch", "Open in Opsgenie"]


def test_severity_and_title_are_said_once() -> None:
    described = replace(
        samples.ALERT,
        fields=replace(
            samples.ALERT.fields,
            description=f"[{samples.ALERT.severity}] {samples.ALERT.title}: Ask who did it.",
        ),
    )
    message = shown(described)
    assert "Ask who did it." in words(message)
    assert f"{samples.ALERT.title}:" not in words(message)
    assert message.text.count(samples.ALERT.title) == 1


def test_open() -> None:
    message = shown(samples.ALERT)
    assert list(buttons(message)) == [
        "alert.acknowledge",
        "alert.events",
        "alert.close",
        "alert.more",
    ]
    assert choices(message) == [*CHANGES, OPENS[0]]
    elements = buttons(message)
    assert elements["alert.acknowledge"]["style"] == "primary"
    assert elements["alert.close"]["style"] == "danger"
    assert elements["alert.close"]["confirm"]["deny"]["text"] == "Keep it open"
    for name in ("alert.acknowledge", "alert.events", "alert.close"):
        assert elements[name]["value"] == samples.ALERT.id
    for fact in ("FIRING", "P1", "3 times", "#1042", "prod", "123456789012", "eu-west-1"):
        assert fact in words(message)
    for fact in ("Europe (Ireland)", "trailwatch-root-login", "198.51.100.23", "(office)"):
        assert fact in words(message)
    assert "jane@example.com via SSO AdministratorAccess" in words(message)
    assert "*+7 more events*" in words(message)


def test_the_text_alone_says_it_all() -> None:
    assert shown(samples.ACKNOWLEDGED).text == (
        "P1 ACKNOWLEDGED: Root console login in account prod (123456789012) in eu-west-1, "
        "Europe (Ireland), since 2026-11-23 10:00 UTC, 3 times. The root user signed in to the "
        "AWS console. Nobody should: root cannot be limited by any policy. Alarm "
        "trailwatch-root-login. Acknowledged by alice@example.com at 2026-11-23 10:02 UTC. "
        "12 events, newest: 2026-11-23 09:59 UTC root: ConsoleLogin from 198.51.100.23 (ok)."
    )


def test_acknowledged() -> None:
    message = shown(samples.ACKNOWLEDGED)
    assert list(buttons(message)) == ["alert.events", "alert.close", "alert.more"]
    assert choices(message) == [*CHANGES[1:], "Unacknowledge", OPENS[0]]
    assert "alice@example.com" in words(message)
    assert "after 2 min" in words(message)


def test_snoozed() -> None:
    until = samples.NOW + timedelta(hours=4)
    snoozed = replace(samples.ALERT, state=AlertState.SNOOZED, snoozed_until=until)
    assert "alert.acknowledge" in buttons(shown(snoozed))
    assert "Unacknowledge" not in choices(shown(snoozed))
    taken = replace(snoozed, acknowledged_by="alice")
    assert "alert.acknowledge" not in buttons(shown(taken))
    assert "Unacknowledge" in choices(shown(taken))
    assert "Snoozed until 2026-11-23 14:05 UTC." in shown(taken).text


def test_closed_offers_nothing_that_changes() -> None:
    message = shown(samples.CLOSED)
    assert list(buttons(message)) == ["alert.events", "alert.more"]
    assert choices(message) == OPENS
    assert list(buttons(shown(samples.CLOSED, None))) == ["alert.events"]
    assert ":white_check_mark: Root console login" in words(message)
    assert "*CLOSED* by bob@example.com" in words(message)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (AlertAction.ACKNOWLEDGE, "acknowledging… (alice)"),
        (AlertAction.CLOSE, "closing… (alice)"),
        (AlertAction.SNOOZE, "snoozing… (alice)"),
    ],
)
def test_pending(action: AlertAction, said: str) -> None:
    message = shown(replace(samples.ALERT, pending=action.value, pending_by="alice"))
    assert list(buttons(message)) == ["alert.events", "alert.more"]
    assert choices(message) == OPENS
    assert f":hourglass_flowing_sand: {said}" in words(message)


@pytest.mark.parametrize(
    ("severity", "picture"),
    [("P1", "rotating_light"), ("P2", "red_circle"), ("P5", "large_blue_circle"), ("?", "bell")],
)
def test_severity_leads(severity: str, picture: str) -> None:
    head: Any = shown(replace(samples.ALERT, severity=severity)).blocks[0]
    assert head["text"]["text"] == f":{picture}: Root console login"


def test_how_far_the_search_is() -> None:
    assert "looking for the events…" in words(alert_message(samples.WAITING, SOON))
    later = words(alert_message(samples.WAITING, samples.NOW))
    assert "still arriving: CloudTrail delivers within about 5 to 10 minutes" in later
    noted = replace(samples.WAITING, search_note="still looking in us-east-1")
    assert "still looking in us-east-1" in words(alert_message(noted, samples.NOW))


def test_what_cloudwatch_says_stands_in_for_missing_events() -> None:
    assert "Threshold Crossed" in words(shown(samples.WAITING))
    assert "Threshold Crossed" not in words(shown(samples.ALERT))


def test_an_alert_of_which_little_is_known() -> None:
    bare = replace(samples.WAITING, fields=AlertFields(), tiny_id="")
    assert shown(bare, None).text.startswith("P1 FIRING: Root console login, since 2026-11-23")


@pytest.mark.parametrize(
    ("value", "choice"),
    [
        ("snooze-4h:a1", Choice("a1", AlertAction.SNOOZE, timedelta(hours=4))),
        ("unacknowledge:a1", Choice("a1", AlertAction.UNACKNOWLEDGE)),
        ("open:a1", Choice("a1", None)),
        ("note:a1", Choice("a1", None, dialog="note")),
        ("snooze-9h:a1", None),
        ("close:a1", None),
        ("open:", None),
        ("", None),
    ],
)
def test_reading_a_choice(value: str, choice: Choice | None) -> None:
    assert read_choice(value) == choice


def test_every_choice_can_be_read_back() -> None:
    for alert in (samples.ALERT, samples.ACKNOWLEDGED, samples.CLOSED):
        for option in buttons(shown(alert))["alert.more"]["options"]:
            read = read_choice(option["value"])
            assert read is not None
            assert read.alert_id == alert.id


def test_offices() -> None:
    assert is_office("203.0.113.9", ["203.0.113.0/28"])
    assert is_office("203.0.113.9", ["203.0.113.9"])
    assert is_office("2001:db8::1", ["203.0.113.0/28", "2001:db8::/32"])
    assert not is_office("203.0.113.99", ["203.0.113.0/28"])
    assert not is_office("cloudtrail.amazonaws.com", ["203.0.113.0/28"])
    assert is_office("203.0.113.9", ["nonsense", "203.0.113.9"])


def test_events_in_the_thread() -> None:
    searched = (samples.FIRED - timedelta(minutes=5), samples.FIRED)
    many = samples.EVENTS * 6
    message = events_message(samples.ALERT, many, 45, searched)
    table: Any = next(block for block in message.blocks if block["type"] == "table")
    assert len(table["rows"]) == 21
    assert "*+25 more, older*" in words(message)
    assert "2026-11-23 09:55 to 2026-11-23 10:00 UTC" in message.text
    assert "✗\u00a0Failure: Failed authentication" in words(message)


def test_a_description_is_not_led_by_the_severity_of_before() -> None:
    alert = samples.ALERT
    said = f"[P3] {alert.title}: Nobody should."
    changed = replace(alert, severity="P1", fields=replace(alert.fields, description=said))
    message = alert_message(changed, samples.NOW)
    assert "Nobody should." in str(message.blocks) and "[P3]" not in str(message)


def test_what_was_touched_stands_in_the_message_and_in_its_table() -> None:
    touched = replace(samples.ALERT.events[0], name="CreateUser", target="<!here> *eve*")
    message = shown(replace(samples.ALERT, events=(touched,)))
    (table,) = [block for block in message.blocks if block["type"] == "table"]

    assert "CreateUser → <!here> *eve*" in "\n".join(parts(table))  # raw text, which does nothing
    assert "CreateUser → &lt;!here&gt; ∗eve∗ from" in message.text


def test_who_came_later_stands_beside_who_it_was() -> None:
    later = replace(samples.ALERT.events[0], id="later", time=SOON, actor="*mallory*")
    alert = replace(samples.ALERT, recent=(later,), extra={"who": "root"})
    message = shown(alert)

    assert "root · later also *∗mallory∗*" in words(message)
    assert "newest: " in message.text
    assert "∗mallory∗: ConsoleLogin" in message.text
    assert "the first row came later" in words(message)


def test_code_in_the_catalogue_s_own_description_is_shown_as_code_and_no_one_else_s() -> None:
    fields = replace(samples.ALERT.fields, description="Run `aws iam list-users` <!here> *now*.")
    alert = replace(samples.ALERT, fields=fields)

    def described(ours: bool) -> Any:
        blocks: Any = alert_message(alert, samples.NOW, ours=ours).blocks
        return next(one["text"] for one in blocks if "fields" in one)

    assert "Run `aws iam list-users`" in alert_message(alert, samples.NOW, ours=True).text
    assert described(True)["type"] == "mrkdwn"
    assert described(True)["text"] == "Run `aws iam list-users` &lt;!here&gt; ∗now∗."
    assert described(False)["type"] == "plain_text"


def test_lists_say_until_when_and_show_no_picture_twice() -> None:
    until = samples.NOW + timedelta(hours=4)
    snoozed = replace(samples.ALERT, state=AlertState.SNOOZED, snoozed_until=until)
    listed = words(alerts_message([snoozed, samples.CLOSED], samples.NOW))
    digest = words(digest_message(make_digest([snoozed], samples.FIRED, until, until)))
    storm = words(page_message("s1", 0, [snoozed]))

    assert listed.count("white_check_mark") == 1
    assert "*SNOOZED* until <!date^" in listed
    assert "snoozed until <!date^" in digest
    assert "snoozed until 2026-11-23 14:05 UTC" in storm


def test_the_dialog_says_whose_an_alert_is() -> None:
    mail = "bob@example.com"
    alert = replace(samples.ALERT, owner=mail, people={mail: "bob"})
    view = dialog(CHANGE, alert, channel="C1", response_url="")
    assert "Now it is bob." in "\n".join(parts(view))


def test_what_the_alarm_did_is_told_with_its_time() -> None:
    note = Remark("1", "The alarm went back to OK.", told.OWN, samples.NOW)
    assert told.note_words(samples.ALERT, "5f3c", note) == (
        "The alarm went back to OK at 10:05 UTC."
    )


def test_a_refusal_names_who_needs_the_role() -> None:
    person = Person("U1", "carol", "", "UTC", True, Role.VIEWER)
    with pytest.raises(NotAllowed) as caught:
        check(person, Role.ADMIN, "apply a plan")
    assert caught.value.fix.endswith("/trailwatch access grant @carol admin")


def test_nobody_is_offered_to_be_asked_once_somebody_else_is_in_it() -> None:
    alert = replace(samples.ALERT, extra={"who_ask": "jane"})
    assert "identity.ask" in buttons(shown(alert))
    same = replace(alert.events[0], id="later", actor="jane", sure=True)
    assert "identity.ask" in buttons(shown(replace(alert, recent=(same,))))
    other = replace(same, actor="mallory")
    assert "identity.ask" not in buttons(shown(replace(alert, recent=(other,))))
