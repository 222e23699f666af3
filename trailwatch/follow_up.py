"""Knows how an alarm that is on is followed: when to look, what is new, when to tell. Pure.

A metric filter's alarm tells once and is then silent until it is OK again, whatever its filter
matches meanwhile. So each new pair of principal and event is told, repeats only count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trailwatch.event import Event

GAPS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60))
"""What passes at least between one telling and the next; the last one repeats."""
FIRST_LOOK = timedelta(seconds=20)
"""How long after its message an alarm is followed: its first events are searched before."""
LATE = timedelta(minutes=10)
"""How late records arrive: 200 s at the median and 505 s at the 99th percentile, measured."""
OVERLAP = timedelta(minutes=15)
"""How far back each look goes again, for records that came late."""
_OFTEN = timedelta(minutes=1)
_LOOKS = (
    (timedelta(minutes=15), _OFTEN),
    (timedelta(hours=4), timedelta(minutes=5)),
)
SELDOM = timedelta(minutes=15)
"""The longest time between two looks."""
MOST_TARGETS = 3
"""Things that are named of what a principal did the same to."""
MOST_RECENT = 3
"""Events that a message shows besides those that it began with."""
SHOWN_AGAIN = timedelta(minutes=5)
"""How old the totals in a message may be while nothing but repeats comes."""


@dataclass(frozen=True)
class Pair:
    """Who did what, how often so far, first and last (UTC). Text from outside.

    principal: the human or machine and through what. address, result: those of the first event.
    """

    account: str
    principal: str
    event: str
    address: str
    result: str
    count: int
    first_at: datetime
    last_at: datetime
    targets: tuple[str, ...] = ()
    """What it was done to, at most MOST_TARGETS of them and the first of the others."""

    @property
    def key(self) -> str:
        """The same for the same account, principal and event, and for no other."""
        text = "\n".join((self.account, self.principal, self.event))
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def principal_of(event: Event) -> str:
    """Who an event is of: the human or the machine, and through what."""
    return f"{event.actor} via {event.via}" if event.via else event.actor


def pair_of(event: Event) -> Pair:
    """The pair of one event, counted once."""
    return Pair(
        event.account,
        principal_of(event),
        event.name,
        event.address,
        event.result,
        1,
        event.time,
        event.time,
        (event.target,) if event.target else (),
    )


def event_key(event: Event) -> str:
    """What tells one event from another: its id; what it says, where it has none."""
    return event.id or f"{event.time.isoformat()} {event.name} {event.actor} {event.address}"


def pairs_of(events: Iterable[Event]) -> list[Pair]:
    """The distinct pairs of some events with their counts, in the order of their first."""
    found: dict[str, Pair] = {}
    for event in sorted(events, key=lambda one: one.time):
        one = pair_of(event)
        known = found.get(one.key)
        found[one.key] = one if known is None else together(known, one)
    return list(found.values())


def recent_of(
    shown: Sequence[Event], before: Iterable[Event], new: Iterable[Event]
) -> tuple[Event, ...]:
    """What came after the events that a message shows and is unlike them, newest first.

    before: what this gave last, new: what was found since. One event of each principal, name and
    target, the first that was found: repeats change nothing.
    """
    if not shown:
        return ()
    latest = max(event.time for event in shown)
    known = {_kind_of(event) for event in shown}
    found: dict[tuple[str, str], Event] = {}
    for event in [*before, *sorted(new, key=lambda one: one.time)]:
        if event.time > latest and _kind_of(event) not in known:
            found.setdefault(_kind_of(event), event)
    newest = sorted(found.values(), key=lambda one: one.time, reverse=True)
    return tuple(newest[:MOST_RECENT])


def _kind_of(event: Event) -> tuple[str, str]:
    return pair_of(event).key, event.target


def together(earlier: Pair, later: Pair) -> Pair:
    """One pair counted in two looks."""
    return replace(
        earlier,
        count=earlier.count + later.count,
        first_at=min(earlier.first_at, later.first_at),
        last_at=max(earlier.last_at, later.last_at),
        targets=tuple(dict.fromkeys(earlier.targets + later.targets))[: MOST_TARGETS + 1],
    )


def next_look(on_for: timedelta, many: bool) -> timedelta:
    """How long to wait before the next look at an alarm that has been on for so long.

    many: whether many alarms are followed; else each is looked at every minute.
    """
    if not many:
        return _OFTEN
    return next((wait for until, wait in _LOOKS if on_for < until), SELDOM)


def is_over(closed_at: datetime | None, now: datetime) -> bool:
    """Whether nothing can arrive any more: the alert is closed, and late records had their time."""
    return closed_at is not None and now >= closed_at + LATE


def tells_at(told: int, told_at: datetime | None, gaps: Sequence[timedelta]) -> datetime | None:
    """When a new pair may be told, after `told` tellings; None for at once."""
    if told_at is None or told == 0 or not gaps:
        return None
    return told_at + gaps[min(told, len(gaps)) - 1]


def tells_now(
    told: int, told_at: datetime | None, now: datetime, gaps: Sequence[timedelta]
) -> bool:
    """Whether a new pair is told now."""
    at = tells_at(told, told_at, gaps)
    return at is None or now >= at


def told_before(
    told: int, told_at: datetime | None, now: datetime, gaps: Sequence[timedelta]
) -> int:
    """The tellings that count: after a quiet as long as the longest gap it begins anew."""
    quiet = told_at is not None and bool(gaps) and now - told_at > gaps[-1] * 2
    return 0 if quiet else told
