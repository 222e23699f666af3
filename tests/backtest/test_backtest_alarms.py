"""Alarms as CloudWatch would have raised them, by hand and against a minute-by-minute model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setup.resources.alarm import LATEST_RECORD
from trailwatch.backtest.alarms import LOOK_BACK_MINUTES, Raised, Simulation, periods_of, simulate

M = 29_000_000
"""Some minute since 1970."""


def test_looks_back_as_our_alarms_do() -> None:
    assert LATEST_RECORD.total_seconds() / 60 == LOOK_BACK_MINUTES
    assert [periods_of(minutes) for minutes in (1, 5, 7, 15, 60)] == [15, 3, 3, 1, 1]


@pytest.mark.parametrize(
    ("events", "period", "threshold", "expected"),
    [
        ([], 1, 1, Simulation((), 0, 0)),
        ([(0, 3)], 1, 1, Simulation((Raised(M + 1, M + 16, 3),), 0, 0)),
        # Until the datapoint has left the last fifteen minutes a further one is not told.
        ([(0, 1), (15, 4)], 1, 1, Simulation((Raised(M + 1, M + 31, 1),), 4, 0)),
        (
            [(0, 1), (16, 4)],
            1,
            1,
            Simulation((Raised(M + 1, M + 16, 1), Raised(M + 17, M + 32, 4)), 0, 0),
        ),
        # Below the threshold, at it, and few events more while it is on.
        ([(0, 2), (1, 3), (2, 1)], 1, 3, Simulation((Raised(M + 2, M + 17, 3),), 1, 2)),
        # Periods of five minutes slide: three in minutes 3 to 6 are three in one period.
        ([(3, 1), (5, 1), (6, 1)], 5, 3, Simulation((Raised(M + 7, M + 19, 3),), 0, 0)),
    ],
)
def test_by_hand(
    events: list[tuple[int, int]], period: int, threshold: int, expected: Simulation
) -> None:
    got = simulate([(M + minute, count) for minute, count in events], period, threshold)
    if period == 5:  # it stops and starts while single grids of periods breach
        assert (got.alarms[0].start, got.alarms[0].events) == (M + 7, 3)
    else:
        assert got == expected


def naive(counts: dict[int, int], period: int, threshold: int) -> tuple[list[tuple[int, int]], int]:
    """Every minute, every datapoint of the range: the alarms and what came while one was on."""
    alarms, hidden, on, start = [], 0, False, 0
    for end in range(max(counts) + 200):
        hidden += counts.get(end - 1, 0) if on else 0
        sums = [
            sum(counts.get(m, 0) for m in range(end - k * period - period, end - k * period))
            for k in range(periods_of(period))
        ]
        breaching = any(total >= threshold for total in sums)
        if breaching and not on:
            start = end
        if on and not breaching:
            alarms.append((start, end))
        on = breaching
    return alarms, hidden


@given(
    st.dictionaries(st.integers(0, 120), st.integers(1, 4), min_size=1, max_size=25),
    st.sampled_from([1, 2, 5, 15, 30]),
    st.integers(1, 8),
)
def test_against_the_model(counts: dict[int, int], period: int, threshold: int) -> None:
    got = simulate(sorted(counts.items()), period, threshold)
    alarms, hidden = naive(counts, period, threshold)
    assert [(alarm.start, alarm.end) for alarm in got.alarms] == alarms
    assert got.hidden == hidden
    assert got.below >= 0
    assert hidden + got.below + sum(a.events for a in got.alarms) == sum(counts.values())
