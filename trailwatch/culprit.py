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

LOOKED_FOR = timedelta(minutes=10)
"""How long events are searched again while none is there.

CloudTrail delivers within 5 minutes on average and 8.4 minutes at the 99th percentile.
"""
SOON, SELDOM = timedelta(seconds=10), timedelta(minutes=3)
"""The longest pause between two searches, and where many alerts wait for their events: all of an
account's searches in a Region share five calls a second ("CloudWatch Logs quotas", its user guide).
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


def look_again(waited: timedelta, many: bool) -> timedelta | None:
    """How long to wait before the next search, `waited` after the first; None when it is enough.

    The pauses grow with the time that has passed. many: whether many alerts wait.
    """
    if waited >= LOOKED_FOR:
        return None
    return min(max(waited, timedelta(seconds=1)), SELDOM if many else SOON)
