"""Whatever is posted to the webhook's address: taken, refused with a reason, or kept to look at."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.driver import PATIENCE

pytestmark = pytest.mark.journey

NO_WEBHOOKS = [
    b"",
    b"hello",
    b"[]",
    b"{}",
    b'{"action": "Create"}',
    b'{"action": "Create", "alert": {}}',
    b'{"action": "Create", "alert": {"alertId": ""}}',
    b'{"alert": {"alertId": "x"}}',
    b"[" * 50_000,
    b"\xff\xfe\x00",
    b'{"action": "Create", "alert": {"alertId": "' + b"x" * 5000 + b'"}}',
]

EVIL: list[Any] = [
    None,
    True,
    float("inf"),
    float("nan"),
    10**400,
    -1,
    "²",
    "9" * 30,
    "0001-01-01T00:00:00+14:00",
    "\x00",
    "\ud800",
    "<!channel>" * 3000,
    [["x"]],
    {"a": {"b": 1}},
]

KEYS = ("updatedAt", "alias", "message", "tinyId", "priority", "username", "owner", "note",
        "description", "tags", "details", "snoozedUntil", "snoozeEndDate", "createdAt")  # fmt: skip


def sick(world: Any) -> str:
    """What the log of the bot says of failures that nobody foresaw."""
    lines = (world.state / "bot.log").read_text().splitlines()
    return "\n".join(line for line in lines if "Traceback" in line or "request failed" in line)


@pytest.mark.parametrize("body", NO_WEBHOOKS, ids=range(len(NO_WEBHOOKS)))
def test_a_body_that_is_no_webhook_is_refused_and_kept(world: Any, body: bytes) -> None:
    before = len(world.rows("select 1 from inbox where state = 'dead'"))
    assert world.deliver(body) == 400
    assert len(world.rows("select 1 from inbox where state = 'dead'")) == before + 1
    assert "opsgenie" in json.dumps(world.sandbox.command("status")["ack"])


def test_only_our_secret_opens(world: Any) -> None:
    for secret in ("", "wrong", world.secrets()[0][:-1], world.secrets()[0] + "x", "\u00e9"):
        assert world.deliver(b"{}", secret=secret) == 401


def test_too_much_is_not_read(world: Any) -> None:
    address = urlsplit(world.bot["url"])
    head = (
        f"POST /webhooks/opsgenie HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"X-Trailwatch-Token: {world.secrets()[0]}\r\nContent-Length: 50000000\r\n\r\n"
    )
    with socket.create_connection(
        (address.hostname or "", address.port or 0), PATIENCE
    ) as connection:
        connection.settimeout(PATIENCE)
        connection.sendall(head.encode() + b"x" * 100_000)
        answer = connection.recv(100)
    assert b" 413 " in answer.splitlines()[0]
    assert world.deliver(b"{}", secret="wrong") == 401


@pytest.mark.parametrize("value", EVIL, ids=range(len(EVIL)))
def test_any_value_anywhere_is_taken_and_harms_nothing(world: Any, value: Any) -> None:
    alert = {"alertId": f"evil-{EVIL.index(value)}", **dict.fromkeys(KEYS, value)}
    for action in ("Create", "Fantasy"):
        assert world.deliver({"action": action, "alert": alert}) == 200
    world.sandbox.until(
        lambda: not world.rows("select 1 from inbox where state in ('new', 'taken')")
    )
    assert world.rows("select error from inbox where state = 'dead' and lane like 'evil%'") == []
    assert sick(world) == ""


def test_news_without_time_is_told_apart_by_its_body(world: Any) -> None:
    alert = {"alertId": "no-time", "message": "one"}
    assert world.deliver({"action": "Note", "alert": alert}) == 200
    assert world.deliver({"action": "Note", "alert": {**alert, "message": "two"}}) == 200
    assert world.rows("select count(*) from inbox where lane = 'no-time'") == [(2,)]


def test_every_recorded_webhook_is_taken(world: Any, shared: Path) -> None:
    samples = sorted((shared / "data" / "opsgenie").glob("*webhook-*.json"))
    taken = 0
    for sample in samples:
        body = json.loads(sample.read_text())
        is_webhook = isinstance(body.get("alert"), dict) and "action" in body
        assert world.deliver(sample.read_bytes()) == (200 if is_webhook else 400), sample.name
        taken += is_webhook
    assert taken >= 20
    world.sandbox.until(
        lambda: not world.rows("select 1 from inbox where state in ('new', 'taken')")
    )
    assert sick(world) == ""
