"""Looks in the log group's past for whether somebody, an address or a Region is new. Bounded.

What the bot has looked at is little: the events behind alerts. So nothing is called new before the
records of the days before were searched, and it is said how many days there are.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from trailwatch.errors import AwsError
from trailwatch.pattern import parse
from trailwatch.profile import Deed, Kind, Sighting
from trailwatch.search.logs import EventQuery, LogsSource
from trailwatch.who import past_pattern

log = logging.getLogger("trailwatch.who")

PACE = 0.4
"""Seconds before each call: others search, too."""
_STEPS = tuple(timedelta(days=d) for d in (1, 3, 7, 14, 30, 90))
"""How far back each next search goes: the newest first, where most are found."""
_TICK = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Past:
    """What of a deed is new, as far back as `since` (UTC), and what was seen before after all.

    Without `since` nothing can be said: `news` is empty then.
    """

    news: tuple[Kind, ...] = ()
    since: datetime | None = None
    seen: tuple[Sighting, ...] = ()


def past_of(
    source: LogsSource,
    record: Mapping[str, Any],
    deed: Deed,
    new: Sequence[Kind],
    begin: datetime,
    back: timedelta,
    deadline: float,
) -> Past:
    """Which of what seems new was not in the log group's records before `begin`, either.

    back: how far back is looked at most; deadline: until when, by time.monotonic: after that only
    what was gone through counts. A refusal of AWS's is no answer, and none is given.
    """
    try:
        return _past_of(source.paced(PACE), record, deed, new, begin, back, deadline)
    except AwsError as error:
        log.warning("what is new of somebody is not known: %s", error.code or error.what)
        return Past()


def _past_of(
    source: LogsSource,
    record: Mapping[str, Any],
    deed: Deed,
    new: Sequence[Kind],
    begin: datetime,
    back: timedelta,
    deadline: float,
) -> Past:
    oldest = source.oldest(begin - back, begin - _TICK) if new and back else None
    if oldest is None:
        return Past()
    search = _Search(source, record, begin, oldest, deadline)
    found = Past()
    if Kind.ITSELF in new:
        at, since = search.last({})
        if at is None:
            return Past((Kind.ITSELF,), since) if since else Past()
        found = Past(seen=(Sighting(deed.principal, Kind.ITSELF, "", at, at),))
        new = (Kind.ADDRESS, Kind.REGION)
    for kind, path, value in (
        (Kind.ADDRESS, "sourceIPAddress", deed.address),
        (Kind.REGION, "awsRegion", deed.region),
    ):
        if kind not in new or not value:
            continue
        at, since = search.last({path: value})
        if at is not None:
            seen = Sighting(deed.principal, kind, value, at, at)
            found = replace(found, seen=(*found.seen, seen))
        elif since is not None:
            furthest = max(since, found.since) if found.since else since
            found = replace(found, news=(*found.news, kind), since=furthest)
    return found


@dataclass(frozen=True)
class _Search:
    """Searches of what one principal did before."""

    source: LogsSource
    record: Mapping[str, Any]
    begin: datetime
    oldest: datetime
    deadline: float

    def last(self, more: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
        """When it was last before; else since when it was not. Two Nones where nobody knows."""
        pattern = past_pattern(self.record, more)
        if not pattern:
            return None, None
        end = self.begin
        for step in _STEPS:
            start = max(self.oldest, self.begin - step)
            left = self.deadline - time.monotonic()
            if left <= 0:
                break
            query = EventQuery(parse(pattern), start, end - _TICK)
            page = self.source.newest(query, want=1, seconds=left)
            if page.events:
                return page.events[0].time, None
            if page.next is not None:
                break
            end = start
            if start <= self.oldest:
                break
        return None, end if end < self.begin else None
