"""Finds the events behind drift, in the trail's log group and in CloudTrail's own history.

Never takes an event for the cause that cannot have done it: setup.causes decides.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from handlers.applies import LONGEST_APPLY, made_since
from handlers.deps import Deps
from setup.causes import caused, event_names
from setup.change import Change
from setup.own import sort_out
from trailwatch.errors import AwsError
from trailwatch.event import Event
from trailwatch.pattern import MAX_LENGTH, parse
from trailwatch.search.logs import EventQuery
from trailwatch.search.lookup import Attribute
from trailwatch.site import SiteConfig

log = logging.getLogger("trailwatch.drift")

HISTORY = timedelta(days=90)
"""What CloudTrail's event history keeps."""
KEPT = 3
"""Events that are kept of each resource, newest first."""
LARGEST_RECORD = 20_000
"""Characters of a record that is kept for [Show record]."""


@dataclass(frozen=True)
class Wanted:
    """A resource whose causes are looked for, from a moment on."""

    change: Change
    since: datetime
    ids: tuple[str, ...] = ()


def find_causes(
    deps: Deps, config: SiteConfig, wanted: Iterable[Wanted], now: datetime
) -> Mapping[str, tuple[Event, ...]]:
    """The newest events that can have changed each resource, by its key ("kind:name").

    Calls of our own applies are no cause. A resource without any event is left out: it may not
    have arrived yet. What AWS refuses is logged, and counts as not found.
    """
    # A record's time has whole seconds.
    left = {one.change.key: replace(one, since=one.since.replace(microsecond=0)) for one in wanted}
    found: dict[str, list[Event]] = {}
    made = made_since(deps, min(one.since for one in left.values()) - LONGEST_APPLY)

    def not_ours(events: list[Event]) -> tuple[Event, ...]:
        return sort_out(events, made, config).strange

    _take(left, found, config, not_ours(_in_log_group(deps, config, left.values(), now)))
    names = event_names(one.change for one in left.values() if one.change.key not in found)
    if names:
        events = _in_history(deps, config, names, left.values(), now)
        _take(left, found, config, not_ours(events))
    return {key: tuple(newest[:KEPT]) for key, newest in found.items()}


def _take(
    wanted: Mapping[str, Wanted],
    found: dict[str, list[Event]],
    config: SiteConfig,
    events: Iterable[Event],
) -> None:
    """Give each event to the resources that it can have changed, newest first, each once."""
    for event in sorted(events, key=lambda one: one.time, reverse=True):
        record: Mapping[str, Any] = json.loads(event.raw)
        for key, one in wanted.items():
            if event.time < one.since or not caused(one.change, config, record, one.ids):
                continue
            known = found.setdefault(key, [])
            if event.id not in {other.id for other in known}:
                known.append(event)


def _in_log_group(
    deps: Deps, config: SiteConfig, wanted: Iterable[Wanted], now: datetime
) -> list[Event]:
    """One search for all names; nothing where the group is gone or may not be read."""
    several = list(wanted)
    names = event_names(one.change for one in several)
    if not names:
        return []
    text = "{ " + " || ".join(f'($.eventName = "{name}")' for name in names) + " }"
    if len(text) > MAX_LENGTH:
        return []
    start = max(min(one.since for one in several), now - timedelta(days=config.retention_days))
    try:
        page = deps.logs(config).search(EventQuery(parse(text), start, now), seconds=10.0)
    except AwsError as error:
        log.info("site=%s drift: log group not searched: %s", config.site.name, error)
        return []
    return list(page.events)


def _in_history(
    deps: Deps,
    config: SiteConfig,
    names: Iterable[str],
    wanted: Iterable[Wanted],
    now: datetime,
) -> list[Event]:
    start = max(min(one.since for one in wanted), now - HISTORY)
    source = deps.lookup(config)
    events: list[Event] = []
    try:
        for name in names:
            events += source.find(Attribute.EVENT_NAME, name, start, now).events
    except AwsError as error:
        log.info("site=%s drift: event history not searched: %s", config.site.name, error)
    return events
