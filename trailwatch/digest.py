"""Knows what happened in a period: what fired, how fast it was taken, what is open. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from trailwatch.alert import Alert, AlertState


@dataclass(frozen=True)
class Period:
    """From `since` up to, not including, `until`; UTC-aware."""

    since: datetime
    until: datetime

    def holds(self, moment: datetime) -> bool:
        return self.since <= moment < self.until


@dataclass(frozen=True)
class AlarmRow:
    """What one alarm did in the period.

    `fired` counts firings, `acknowledged` alerts; `median_ack` is None where nobody took any;
    `account` is the alarm's, by its name where it has one.
    """

    title: str
    severity: str
    fired: int
    alerts: int
    acknowledged: int
    median_ack: timedelta | None
    account: str = ""


@dataclass(frozen=True)
class Digest:
    """One period in numbers.

    `alerts` began in the period and fired `fired` times; `acknowledged` and `closed` are how
    many of them were, `median_ack` how long it took. `still_open` are all that are open now,
    also older ones, worst and oldest first. `quiet`: nothing fired.
    """

    period: Period
    fired: int
    alerts: int
    by_alarm: tuple[AlarmRow, ...]
    acknowledged: int
    median_ack: timedelta | None
    closed: int
    still_open: tuple[Alert, ...]
    quiet: bool


def make_digest(alerts: Iterable[Alert], since: datetime, until: datetime, now: datetime) -> Digest:
    """The digest of the alerts that began in [since, until), seen at `now`.

    `alerts` may hold older and newer ones. What happened after `until` but before `now` to an
    alert of the period (an acknowledgement, a close) counts: it is true when it is read.
    """
    known = [alert for alert in alerts if alert.first_seen < min(until, now)]
    period = Period(since, until)
    inside = [alert for alert in known if period.holds(alert.first_seen)]
    groups: dict[str, list[Alert]] = {}
    for alert in inside:
        groups.setdefault(alert.alias or alert.id, []).append(alert)
    rows = sorted(map(_row, groups.values()), key=lambda row: (row.severity, -row.fired, row.title))
    still_open = sorted(
        (alert for alert in known if alert.state is not AlertState.CLOSED),
        key=lambda alert: (alert.severity, alert.first_seen, alert.id),
    )
    return Digest(
        period=period,
        fired=sum(row.fired for row in rows),
        alerts=len(inside),
        by_alarm=tuple(rows),
        acknowledged=sum(row.acknowledged for row in rows),
        median_ack=_median_ack(inside),
        closed=sum(alert.state is AlertState.CLOSED for alert in inside),
        still_open=tuple(still_open),
        quiet=not inside,
    )


def _row(alerts: Sequence[Alert]) -> AlarmRow:
    newest = max(alerts, key=lambda alert: alert.first_seen)
    return AlarmRow(
        title=newest.title,
        severity=min(alert.severity for alert in alerts),
        fired=sum(alert.count for alert in alerts),
        alerts=len(alerts),
        acknowledged=sum(_acknowledged(alert) for alert in alerts),
        median_ack=_median_ack(alerts),
        account=newest.fields.account_name or newest.fields.account,
    )


def _acknowledged(alert: Alert) -> bool:
    return alert.acknowledged_at is not None


def _median_ack(alerts: Iterable[Alert]) -> timedelta | None:
    """The median time from first notification to acknowledgement; never negative."""
    waits = [
        max((alert.acknowledged_at - alert.first_seen).total_seconds(), 0)
        for alert in alerts
        if alert.acknowledged_at is not None
    ]
    return timedelta(seconds=median(waits)) if waits else None
