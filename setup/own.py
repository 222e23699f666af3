"""Knows which events are calls of an apply of ours, and which only look like it. Pure.

A name of a session is the caller's own choice, and a role may be shared. The id of an access key
that STS gave us is not: nobody else has the secret that belongs to it. So an event is ours only if
its key is one that the apply worked with, and it did what the apply did, in its time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from setup.causes import touched
from trailwatch.event import Event
from trailwatch.record import text_at
from trailwatch.site import SiteConfig

SESSION = "trailwatch-plan-"
"""What the names of our sessions begin with; the plan's id follows."""
SLACK = timedelta(minutes=1)
"""How far the clocks of AWS and of the bot may be apart."""


def session_of(plan_id: str) -> str:
    """The name of the role's session in which a plan is applied, as CloudTrail shows it."""
    return f"{SESSION}{plan_id}"


@dataclass(frozen=True)
class Made:
    """One change that an apply made: of which plan, by whom, with which key, from when till when.

    `key` is the change's ("kind:name"), `access_key` the id of the access key.
    """

    plan: str
    by: str
    key: str
    access_key: str
    began: datetime
    done: datetime


@dataclass(frozen=True)
class Sorted:
    """The events behind an alert: those that applies of ours made, and all others.

    `plans`: the plans' ids with who applied them, in the order of `ours`.
    """

    ours: tuple[Event, ...]
    strange: tuple[Event, ...]
    plans: tuple[tuple[str, str], ...]


def sort_out(events: Iterable[Event], made: Sequence[Made], config: SiteConfig) -> Sorted:
    """Tell our events from the others. Events without their record count as not ours."""
    ours: list[Event] = []
    strange: list[Event] = []
    plans: dict[tuple[str, str], None] = {}
    for event in events:
        one = _maker(event, made, config)
        if one is None:
            strange.append(event)
            continue
        ours.append(event)
        plans[one.plan, one.by] = None
    return Sorted(tuple(ours), tuple(strange), tuple(plans))


def claims(event: Event) -> bool:
    """Whether an event's session is named like ours, which by itself proves nothing."""
    record = _record(event)
    return text_at(record, "userIdentity", "arn").rpartition("/")[2].startswith(SESSION)


def _maker(event: Event, made: Sequence[Made], config: SiteConfig) -> Made | None:
    record = _record(event)
    key = text_at(record, "userIdentity", "accessKeyId")
    if not key:
        return None
    return next((one for one in made if _fits(one, event, key, record, config)), None)


def _fits(one: Made, event: Event, key: str, record: Mapping[str, Any], config: SiteConfig) -> bool:
    if key != one.access_key:
        return False
    session = text_at(record, "userIdentity", "arn").rpartition("/")[2]
    if text_at(record, "userIdentity", "type") == "AssumedRole" and session != session_of(one.plan):
        return False
    if not one.began - SLACK <= event.time <= one.done + SLACK:
        return False
    kind, _, name = one.key.partition(":")
    return touched(kind, name, config, record)


def _record(event: Event) -> Mapping[str, Any]:
    if not event.raw:
        return {}
    found = json.loads(event.raw)
    return found if isinstance(found, Mapping) else {}
