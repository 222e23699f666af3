from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.webhooks.opsgenie import BadPayload, authentic, parse

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def body(**alert: object) -> bytes:
    return json.dumps({"action": "Create", "alert": {"alertId": "a-1", **alert}}).encode()


@pytest.mark.parametrize(
    "updated_at", [1795424400000, 1795424400000000000, "1795424400000", "2026-11-23T09:00:00Z"]
)
def test_times_drift(updated_at: object) -> None:
    assert parse(body(updatedAt=updated_at), NOW).updated_at == datetime(
        2026, 11, 23, 9, 0, tzinfo=UTC
    )


@pytest.mark.parametrize(("given_", "priority"), [(3, "P3"), ("2", "P2"), ("P1", "P1"), ("P9", "")])
def test_priorities_drift(given_: object, priority: str) -> None:
    assert parse(body(priority=given_), NOW).priority == priority


def test_an_escalation_may_hold_only_an_id() -> None:
    found = parse(b'{"action": "Escalate", "alert": {"alertId": "a-1"}}', NOW)
    assert (found.action, found.alert_id, found.updated_at) == ("Escalate", "a-1", NOW)


def test_the_same_news_has_the_same_key() -> None:
    assert parse(body(updatedAt=5), NOW).key == parse(body(updatedAt=5, tags=["x"]), NOW).key
    assert parse(body(updatedAt=5), NOW).key != parse(body(updatedAt=6), NOW).key
    assert parse(body(), NOW).key == parse(body(), NOW).key
    assert parse(body(), NOW).key != parse(body(message="other"), NOW).key


@pytest.mark.parametrize("no_time", [True, "n/a", None, {}, "", "0", 0, -1])
def test_without_a_time_the_body_is_the_key(no_time: object) -> None:
    first, second = (body(updatedAt=no_time, priority=one) for one in ("P1", "P2"))
    assert parse(first, NOW).key == parse(first, NOW).key != parse(second, NOW).key


@pytest.mark.parametrize(
    "wrong",
    [b"", b"not json", b"[]", b"{}", b'{"alert": []}', b'{"alert": {"alertId": "x"}}',
     b'{"action": "Create", "alert": {}}', b"[" * 100_000, b'{"a": "' + b"x" * 1_100_000 + b'"}'],
    ids=range(9),
)  # fmt: skip
def test_a_body_that_is_none_says_why(wrong: bytes) -> None:
    with pytest.raises(BadPayload) as caught:
        parse(wrong, NOW)
    assert str(caught.value)


@given(st.binary())
def test_any_bytes_are_a_notification_or_bad(data: bytes) -> None:
    try:
        parse(data, NOW)
    except BadPayload:
        return


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
                    lambda x: st.lists(x) | st.dictionaries(st.text(), x)))  # fmt: skip
def test_any_types_are_survived(value: object) -> None:
    fields = ("updatedAt", "tags", "details", "priority", "owner", "snoozedUntil", "message")
    notification = parse(body(**dict.fromkeys(fields, value)), NOW)
    assert notification.alert_id == "a-1"


def test_every_recorded_sample_is_taken(shared: Path) -> None:
    samples = sorted((shared / "data" / "opsgenie").glob("*webhook-*.json"))
    taken = [parse(p.read_bytes(), NOW) for p in samples if "integration" not in p.name]
    assert len(taken) >= 18
    assert all(n.alert_id and n.action for n in taken)


def test_secrets() -> None:
    assert authentic("one", ["two", "one"])
    for wrong in (None, "", "on", "one ", "öne"):
        assert not authentic(wrong, ["two", "one"])
    assert not authentic("", [""])
    assert not authentic("x", [])
