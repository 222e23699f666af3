"""Which of Slack's message events are replies that people write."""

from __future__ import annotations

from typing import Any

import pytest

from bot.slack_app import thread_reply

REPLY = {
    "type": "message",
    "channel": "C0ALERTS",
    "user": "U0BOB",
    "text": "looked at it",
    "ts": "18.1",
    "thread_ts": "17.1",
}


@pytest.mark.parametrize("subtype", [None, "thread_broadcast", "file_share", "me_message"])
def test_what_a_person_writes_into_a_thread(subtype: str | None) -> None:
    found = thread_reply({**REPLY, "subtype": subtype} if subtype else REPLY)
    assert (found["user_id"], found["text"], found["edited"]) == ("U0BOB", "looked at it", "")


def changed(before: str, **more: Any) -> dict[str, Any]:
    message = {**REPLY, "edited": {"user": "U0BOB", "ts": "19.1"}, **more}
    return {
        "type": "message",
        "subtype": "message_changed",
        "channel": "C0ALERTS",
        "ts": "19.1",
        "message": message,
        "previous_message": {**REPLY, "text": before},
    }


def test_what_they_make_of_it_later() -> None:
    found = thread_reply(changed("lokked at it"))
    assert (found["ts"], found["edited"], found["text"]) == ("18.1", "19.1", "looked at it")


@pytest.mark.parametrize(
    "event",
    [
        {**REPLY, "bot_id": "B0"},
        {**REPLY, "subtype": "bot_message"},
        {**REPLY, "subtype": "message_deleted"},
        {**REPLY, "subtype": "channel_join"},
        {**REPLY, "thread_ts": ""},
        {**REPLY, "thread_ts": "18.1"},
        {**REPLY, "text": " \n"},
        {**REPLY, "user": ""},
        changed("looked at it"),
        changed("x", bot_id="B0"),
        changed("x", edited=None),
        changed("x", thread_ts=None),
        {**changed("x"), "message": "?"},
    ],
)
def test_nothing_else_is_a_reply(event: dict[str, Any]) -> None:
    assert thread_reply(event) == {}
