"""Knows when alerts come too thick for a message each, and what of many is told. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trailwatch.alert import AlertState

PAGE = 20
"""Alerts that one message in a storm's thread lists."""


@dataclass(frozen=True)
class StormRules:
    """More than `limit` new alerts in a `window` are a storm, until it was calm for `calm`.

    A limit of 0 means that every alert has a message of its own, however many come.
    """

    limit: int = 10
    window: timedelta = timedelta(minutes=1)
    calm: timedelta = timedelta(minutes=5)


STORMS = StormRules()


@dataclass(frozen=True)
class Storm:
    """A time in which a channel gets one message for all that comes. Times are UTC.

    above_at: when the newest alert came that was one too many. asked_by: the name of whoever
    acknowledged everything last.
    """

    id: str
    channel: str
    began_at: datetime
    above_at: datetime
    ended_at: datetime | None = None
    asked_by: str = ""
    asked_at: datetime | None = None


@dataclass(frozen=True)
class Kind:
    """Alerts of a storm that are alike: how many there are of an alarm, an account and a state."""

    title: str
    account: str
    """The account's id, "" where it isn't known."""
    severity: str
    state: AlertState
    count: int


@dataclass(frozen=True)
class Sum:
    """What a roll-up tells of one alarm, or of one account."""

    name: str
    severity: str
    """The worst of them."""
    alerts: int
    open: int
    others: int
    """Of an alarm: in how many accounts; of an account: of how many alarms."""


@dataclass(frozen=True)
class Doer:
    """Who is behind alerts of a storm: in which account, under which name, of how many alerts."""

    account: str
    principal: str
    alerts: int


def is_over(storm: Storm, now: datetime, rules: StormRules) -> bool:
    """Whether it has been calm for long enough."""
    return now - storm.above_at >= rules.calm


def after_arrival(
    standing: Storm | None, recent: int, now: datetime, rules: StormRules
) -> Storm | None:
    """The storm that a new alert goes into; None where it gets a message of its own.

    standing: the channel's storm, which is not over; recent: how many came within the window, the
    new one included. A new storm has no id and no channel yet.
    """
    above = recent > rules.limit > 0
    if standing is not None:
        return replace(standing, above_at=now) if above else standing
    return Storm("", "", now, now) if above else None


def by_alarm(kinds: Iterable[Kind]) -> list[Sum]:
    """The worst alarms first, then those that went off most."""
    return _summed([(kind.title, kind.account, kind) for kind in kinds])


def by_account(kinds: Iterable[Kind]) -> list[Sum]:
    """The accounts with most alerts of the worst severity first."""
    return _summed([(kind.account, kind.title, kind) for kind in kinds])


def _summed(named: Sequence[tuple[str, str, Kind]]) -> list[Sum]:
    found: dict[str, list[tuple[str, Kind]]] = {}
    for name, other, kind in named:
        found.setdefault(name, []).append((other, kind))
    sums = [
        Sum(
            name=name,
            severity=min(kind.severity for _, kind in kinds),
            alerts=sum(kind.count for _, kind in kinds),
            open=sum(kind.count for _, kind in kinds if kind.state is AlertState.OPEN),
            others=len({other for other, _ in kinds}),
        )
        for name, kinds in found.items()
    ]
    return sorted(sums, key=lambda one: (one.severity, -one.alerts, one.name))
