from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailwatch.alarm_message import datapoint_times
from trailwatch.alert import Alert, AlertFields, AlertState, Transition, advance
from trailwatch.culprit import EVALUATION_PERIODS, alarm_window, look_again

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def alert(**fields: object) -> Alert:
    plain = Alert(
        id="a",
        alias="arn:aws:cloudwatch:us-east-1:123456789012:alarm:trailwatch-root-usage",
        router_id="r",
        title="Root",
        severity="P1",
        state=AlertState.OPEN,
        fields=AlertFields(),
        first_seen=NOW,
        updated_at=NOW,
    )
    return Alert(**{**vars(plain), **fields})  # type: ignore[arg-type]


def test_an_acknowledgement_is_kept_with_who_and_when() -> None:
    one = advance(alert(pending="acknowledge", pending_by="bob"),
                  Transition(AlertState.ACKNOWLEDGED, NOW + MINUTE, "bob"))  # fmt: skip
    assert (one.state, one.acknowledged_by, one.pending) == (AlertState.ACKNOWLEDGED, "bob", "")
    assert one.acknowledged_at == NOW + MINUTE
    taken_back = advance(one, Transition(AlertState.OPEN, NOW + 2 * MINUTE))
    assert (taken_back.acknowledged_by, taken_back.acknowledged_at) == ("", None)
    again = advance(taken_back, Transition(AlertState.ACKNOWLEDGED, NOW + 3 * MINUTE, "eve"))
    assert (again.acknowledged_by, again.acknowledged_at) == ("eve", NOW + 3 * MINUTE)


def test_a_longer_snooze_is_not_done_by_news_of_the_one_before() -> None:
    hour, day = NOW + 60 * MINUTE, NOW + 1440 * MINUTE
    one = alert(state=AlertState.SNOOZED, snoozed_until=hour, pending="snooze", pending_by="bob")
    noted = advance(one, Transition(AlertState.SNOOZED, NOW + MINUTE, until=hour))
    assert noted.pending == "snooze"
    longer = advance(noted, Transition(AlertState.SNOOZED, NOW + 2 * MINUTE, "bob", day))
    assert (longer.pending, longer.snoozed_until) == ("", day)


def test_old_news_changes_nothing() -> None:
    one = alert(updated_at=NOW)
    assert advance(one, Transition(AlertState.CLOSED, NOW - MINUTE)) is one


@given(st.permutations([
    Transition(AlertState.ACKNOWLEDGED, NOW + 1 * MINUTE, "bob"),
    Transition(AlertState.OPEN, NOW + 2 * MINUTE),
    Transition(AlertState.ACKNOWLEDGED, NOW + 3 * MINUTE, "eve"),
    Transition(AlertState.CLOSED, NOW + 4 * MINUTE, "eve"),
]))  # fmt: skip
def test_in_any_order_the_newest_wins(changes: list[Transition]) -> None:
    one = alert()
    for change in changes:
        one = advance(one, change)
    assert (one.state, one.closed_by) == (AlertState.CLOSED, "eve")


def test_the_datapoints_of_a_reason() -> None:
    reason = (
        "Threshold Crossed: 2 out of the last 15 datapoints [1.0 (23/11/26 08:58:00), "
        "3.0 (23/11/26 08:55:00)] were greater than or equal to the threshold (1.0)."
    )
    assert datapoint_times(reason) == (NOW - 5 * MINUTE, NOW - 2 * MINUTE)
    assert datapoint_times("test (99/99/99 99:99:99)") == ()
    assert datapoint_times("") == ()


@pytest.mark.parametrize(
    ("reason", "start", "end"),
    [
        ("[1.0 (23/11/26 08:58:00)]", NOW - 2 * MINUTE - timedelta(seconds=1), NOW),
        ("[1.0 (23/11/26 09:00:00)]", NOW - timedelta(seconds=1), NOW + MINUTE),
        ("by hand", NOW - EVALUATION_PERIODS * MINUTE, NOW),
        ("[1.0 (23/11/27 08:58:00)]", NOW - EVALUATION_PERIODS * MINUTE, NOW),
    ],
)
def test_the_window_of_an_alarm(reason: str, start: datetime, end: datetime) -> None:
    window = alarm_window(AlertFields(reason=reason, state_change=NOW), NOW, MINUTE)
    assert (window.start, window.end) == (start, end)


def test_datapoints_of_years_ago_set_no_alarm_off() -> None:
    """Who sets an alarm's state by hand writes its reason."""
    forged = (
        "1 datapoint [1.0 (01/01/01 00:00:00)], 1 [1.0 (23/11/26 08:58:00)], 1 (24/11/26 08:58:00)"
    )
    window = alarm_window(AlertFields(reason=forged, state_change=NOW), NOW, MINUTE)
    assert (window.start, window.end) == (NOW - timedelta(seconds=121), NOW)


@pytest.mark.parametrize(("many", "most", "longest"), [(False, 70, 10), (True, 12, 180)])
def test_looking_again_ends_after_the_slowest_delivery(many: bool, most: int, longest: int) -> None:
    """Within seconds of the events' being there, unless many alerts wait for theirs."""
    waited, waits = timedelta(), []
    while (wait := look_again(waited, many)) is not None:
        waits.append(wait)
        waited += wait
    assert timedelta(seconds=594) < waited < timedelta(minutes=20)
    assert waits[0] == timedelta(seconds=1) and max(waits) == timedelta(seconds=longest)
    assert len(waits) <= most
