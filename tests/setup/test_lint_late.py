"""The rule on late records agrees with how alarms are evaluated, period by period.

The stand-in's evaluation is written from the CloudWatch user guide's tables on missing data.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from sandbox.aws.alarm_state import EXTRA_PERIODS, Point, Rule, State, decide
from setup.lint.chain import Alarm, Chain, MetricFilter
from setup.lint.rules import judge
from setup.lint.rules_firing import LATE, slack

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
FILTER = MetricFilter("a", pattern="{ $.eventName = A }", log_group="g", namespace="N", metric="A")

WINDOWS = (
    (60, 1), (60, 5), (60, 10), (60, 11), (60, 12), (60, 15), (120, 5), (120, 6), (300, 1),
    (300, 2), (300, 3), (300, 4), (600, 1), (600, 2), (900, 1), (900, 2), (3600, 1), (3600, 2),
)  # fmt: skip
"""Period in seconds, and how many of them; one has to breach."""


def alarm(period: int, periods: int) -> Alarm:
    return Alarm(
        "a", namespace="N", metric="A", period=period, evaluation_periods=periods, datapoints=1
    )


def fires(period: int, periods: int, happened: datetime, late: int) -> bool:
    """Whether one event that is recorded `late` seconds after it happened sets off an alarm.

    All other minutes hold the filter's default value 0, so that no period lacks data.
    """
    rule = Rule("Sum", period, "GreaterThanOrEqualToThreshold", 1.0, periods, 1, "notBreaching")
    now = happened + timedelta(seconds=late)
    opened = math.floor(now.timestamp() / period)
    own = math.floor(happened.timestamp() / period)
    points = [
        Point(
            datetime.fromtimestamp((opened - back) * period, UTC),
            1.0 if opened - back == own else 0.0,
        )
        for back in range(periods + EXTRA_PERIODS)
    ]
    return decide(rule, points, State.OK, now).state is State.ALARM


@pytest.mark.parametrize(("period", "periods"), WINDOWS)
def test_the_rule_says_what_the_evaluation_does(period: int, periods: int) -> None:
    """It warns exactly where some event, ten minutes late, is missed."""
    seconds = range(0, period, 7)
    missed = [s for s in seconds if not fires(period, periods, START + timedelta(seconds=s), LATE)]
    found = judge(Chain("x", filters=(FILTER,), alarms=(alarm(period, periods),)))
    warned = "TW426" in {one.rule.id for one in found}
    assert warned == bool(missed)


@pytest.mark.parametrize(("period", "periods"), WINDOWS)
def test_the_slack_is_what_may_be_late(period: int, periods: int) -> None:
    allowed = slack(alarm(period, periods))
    assert allowed is not None
    seconds = [START + timedelta(seconds=s) for s in range(0, period, 7)]
    assert all(fires(period, periods, one, allowed) for one in seconds)
    ends = START + timedelta(seconds=period - 1)
    assert not fires(period, periods, ends, allowed + period)


def test_more_periods_never_make_it_worse() -> None:
    found = [slack(alarm(60, periods)) for periods in range(1, 20)]
    assert all(b - a == 60 for a, b in pairwise(one for one in found if one is not None))
