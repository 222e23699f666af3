"""Knows over which window the events behind an alarm lie, and when to look again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from trailwatch.alarm_message import datapoint_times
from trailwatch.alert import AlertFields

EVALUATION_PERIODS = 15
"""Periods that our alarms look back over; see setup.resources.alarm."""

LONGEST = timedelta(days=8)
"""Older datapoints set no alarm off: it looks back over seven days at most (PutMetricAlarm,
CloudWatch API reference), and whoever sets its state by hand writes the reason."""

LOOK_AGAIN = tuple(timedelta(seconds=s) for s in (1, 2, 5, 10, 20, 30, 60, 60, 120, 120, 180))
"""When to search again while nothing is there: about ten minutes in all.

CloudTrail delivers within 5 minutes on average and 8.4 minutes at the 99th percentile.
"""


@dataclass(frozen=True)
class Window:
    """From `start` to `end`, both included, UTC."""

    start: datetime
    end: datetime


def alarm_window(fields: AlertFields, first_seen: datetime, period: timedelta) -> Window:
    """The time in which the events lie that set the alarm off.

    The alarm's reason names its datapoints: their periods are the window, one second wider at
    either end. Without them it is everything that the alarm looks back over.
    """
    end = fields.state_change or first_seen
    points = [one for one in datapoint_times(fields.reason) if end - LONGEST <= one <= end]
    if points:
        return Window(points[0] - timedelta(seconds=1), max(end, points[-1] + period))
    return Window(end - period * EVALUATION_PERIODS, end)


def look_again(attempt: int) -> timedelta | None:
    """How long to wait before search number `attempt` + 1; None when it is enough."""
    return LOOK_AGAIN[attempt] if attempt < len(LOOK_AGAIN) else None
