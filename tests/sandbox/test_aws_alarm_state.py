"""When an alarm changes state: the tables of CloudWatch's User Guide, and the words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.aws.alarm_state import Point, Rule, State, decide

NOW = datetime(2025, 2, 2, 12, 6, tzinfo=UTC)


def rule(datapoints: int, periods: int, missing: str = "missing", threshold: float = 1.0) -> Rule:
    return Rule(
        statistic="Sum",
        period=60,
        comparison="GreaterThanOrEqualToThreshold",
        threshold=threshold,
        evaluation_periods=periods,
        datapoints=datapoints,
        missing=missing,
    )


def points(drawn: str) -> list[Point]:
    """A row of the tables, oldest first, as points, newest first."""
    values = {"0": 0.0, "X": 1.0, "-": None}
    row = [values[c] for c in drawn.split()]
    return [Point(NOW - timedelta(minutes=i + 1), v) for i, v in enumerate(reversed(row))]


# "Configuring how CloudWatch alarms treat missing data": the state under missing, ignore,
# breaching and notBreaching; "keep" is "Retain current state".
TABLE = [
    (3, "0 - X - X", "OK OK OK OK"),
    (3, "0 - - - -", "OK OK OK OK"),
    (3, "- - - - -", "INSUFFICIENT_DATA keep ALARM OK"),
    (3, "0 X X - X", "ALARM ALARM ALARM ALARM"),
    (3, "- - X - -", "ALARM keep ALARM OK"),
    (2, "0 - X - X", "ALARM ALARM ALARM ALARM"),
    (2, "0 0 X 0 X", "ALARM ALARM ALARM ALARM"),
    (2, "0 - X - -", "OK OK ALARM OK"),
    (2, "- - - - 0", "OK OK ALARM OK"),
    (2, "- - - X -", "ALARM keep ALARM OK"),
]


@pytest.mark.parametrize(("datapoints", "row", "expected"), TABLE)
def test_the_user_guides_tables(datapoints: int, row: str, expected: str) -> None:
    for missing, state in zip(
        ("missing", "ignore", "breaching", "notBreaching"), expected.split(), strict=True
    ):
        for old in State:
            wanted = old if state == "keep" else State(state)
            decided = decide(rule(datapoints, 3, missing), points(row), old, NOW)
            assert decided.state is wanted, (missing, old)


def test_an_alarm_is_not_raised_early() -> None:
    for row in ("- - - - X", "- - - X -"):
        assert decide(rule(3, 3), points(row), State.OK, NOW).state is State.OK


@pytest.mark.parametrize(
    ("asked", "row", "old", "reason"),
    [
        (
            rule(1, 1),
            "- - X",
            State.INSUFFICIENT_DATA,
            "Threshold Crossed: 1 datapoint [1.0 (02/02/25 12:05:00)] was greater than or equal "
            "to the threshold (1.0).",
        ),
        (
            rule(1, 15, "notBreaching"),
            "- - X",
            State.OK,
            "Threshold Crossed: 1 out of the last 15 datapoints [1.0 (02/02/25 12:05:00)] was "
            "greater than or equal to the threshold (1.0) (minimum 1 datapoint for OK -> ALARM "
            "transition).",
        ),
        (
            rule(3, 3),
            "X X X",
            State.OK,
            "Threshold Crossed: 3 out of the last 3 datapoints [1.0 (02/02/25 12:05:00), 1.0 "
            "(02/02/25 12:04:00), 1.0 (02/02/25 12:03:00)] were greater than or equal to the "
            "threshold (1.0) (minimum 3 datapoints for OK -> ALARM transition).",
        ),
        (
            rule(2, 3),
            "0 X 0",
            State.ALARM,
            "Threshold Crossed: 2 out of the last 3 datapoints [0.0 (02/02/25 12:05:00), 0.0 "
            "(02/02/25 12:03:00)] were not greater than or equal to the threshold (1.0) (minimum "
            "2 datapoints for ALARM -> OK transition).",
        ),
        (
            rule(1, 1, "notBreaching"),
            "- - -",
            State.ALARM,
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint "
            "was treated as [NonBreaching].",
        ),
        (rule(1, 1), "- - -", State.OK, "Insufficient Data: 1 datapoint was unknown."),
    ],
)
def test_the_reason_is_worded_as_in_real_messages(
    asked: Rule, row: str, old: State, reason: str
) -> None:
    decided = decide(asked, points(row), old, NOW)
    assert decided.state is not old
    assert decided.reason == reason
