"""What a digest counts and how it says it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handlers import samples
from handlers.blocks.digest import digest_message
from trailwatch.alert import Alert, AlertState
from trailwatch.digest import make_digest

NOW = samples.NOW
SINCE = NOW - timedelta(days=1)


def alert(
    number: int, minutes_ago: int, acked_after: int | None = None, **changed: object
) -> Alert:
    first = NOW - timedelta(minutes=minutes_ago)
    acked = first + timedelta(minutes=acked_after) if acked_after is not None else None
    values: dict[str, object] = {
        "id": f"a{number}",
        "first_seen": first,
        "state": AlertState.ACKNOWLEDGED if acked else AlertState.OPEN,
        "acknowledged_at": acked,
        "acknowledged_by": "alice" if acked else "",
        "count": 1,
    }
    return replace(samples.ALERT, **{**values, **changed})  # type: ignore[arg-type]


def test_counts_by_alarm() -> None:
    other = {"alias": "other", "title": "New IAM user", "severity": "P3"}
    digest = make_digest(
        [
            alert(1, 60, 2, count=3),
            alert(2, 30, 10, state=AlertState.CLOSED),
            alert(3, 20),
            alert(4, 90, **other),
        ],
        SINCE,
        NOW,
        NOW,
    )
    assert (digest.alerts, digest.fired, digest.acknowledged, digest.closed) == (4, 6, 2, 1)
    assert digest.median_ack == timedelta(minutes=6)
    assert not digest.quiet
    first, second = digest.by_alarm
    assert (first.title, first.severity, first.fired, first.alerts) == (
        "Root console login",
        "P1",
        5,
        3,
    )
    assert first.acknowledged == 2
    assert first.median_ack == timedelta(minutes=6)
    assert (second.title, second.fired, second.median_ack) == ("New IAM user", 1, None)
    assert [found.id for found in digest.still_open] == ["a1", "a3", "a4"]


def test_the_period_is_half_open_and_older_open_alerts_are_kept() -> None:
    old = alert(1, 60 * 24 * 3)
    at_start = alert(2, 60 * 24)
    at_end = alert(3, 0)
    digest = make_digest([old, at_start, at_end], SINCE, NOW, NOW)
    assert digest.alerts == 1
    assert [found.id for found in digest.still_open] == ["a1", "a2"]


def test_quiet() -> None:
    digest = make_digest([], SINCE, NOW, NOW)
    assert digest.quiet
    message = digest_message(digest)
    assert message.text == (
        "Digest for 2026-11-22 10:05 UTC to 2026-11-23 10:05 UTC: nothing fired."
    )
    assert "Nothing fired." in str(message.blocks)
    older = digest_message(make_digest([alert(1, 60 * 48)], SINCE, NOW, NOW))
    assert older.text.endswith("nothing fired. 1 older alert is still open.")


def test_text_carries_the_numbers() -> None:
    digest = make_digest([alert(1, 60, 2, count=3), alert(2, 30)], SINCE, NOW, NOW)
    assert digest_message(digest).text == (
        "Digest for 2026-11-22 10:05 UTC to 2026-11-23 10:05 UTC: 2 alerts fired 4 times, "
        "1 acknowledged (median 2 min), 0 closed, 2 still open. Root console login 4x."
    )


def test_many_alarms_and_open_alerts_are_cut() -> None:
    alerts = [alert(n, n + 1, alias=f"alarm{n}", title=f"Alarm {n}") for n in range(60)]
    blocks = str(digest_message(make_digest(alerts, SINCE, NOW, NOW)).blocks)
    assert "… 35 more alarms" in blocks
    assert "… 50 more" in blocks
