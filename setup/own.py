"""Knows which events are calls of ours, of an apply or a mute, and which only look so. Pure.

A name of a session is the caller's own choice, and a role may be shared. The id of an access key
that STS gave us is not: nobody else has the secret that belongs to it. So an event is ours only if
its key is one that we worked with for that, and it did what we did, in its time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from setup.causes import touched
from trailwatch.event import Event
from trailwatch.record import text_at
from trailwatch.site import SiteConfig

SLACK = timedelta(minutes=1)
"""How far the clocks of AWS and of the bot may be apart."""


class Deed(StrEnum):
    """What of ours writes to AWS."""

    APPLY = "plan"
    MUTE = "mute"
    UNMUTE = "unmute"
    TEST = "migrate"
    """The test alarm of /trailwatch migrate, made and set off."""
    TESTED = "migrated"
    """The same, taken away."""


def session_of(ident: str, deed: Deed = Deed.APPLY) -> str:
    """The name of the role's session of one deed, as CloudTrail shows it: trailwatch-plan-ID."""
    return f"trailwatch-{deed}-{ident}"


_SESSIONS = tuple(session_of("", deed) for deed in Deed)


@dataclass(frozen=True)
class Made:
    """One change that we made: of which plan, by whom, with which key, from when till when.

    `plan`: the plan's id, or that of a mute or a test; `key` is the changed resource's
    ("kind:name"), `access_key` the id of the access key; `about`: the alarm that was muted, `why`
    the reason that was given.
    """

    plan: str
    by: str
    key: str
    access_key: str
    began: datetime
    done: datetime
    deed: Deed = Deed.APPLY
    about: str = ""
    why: str = ""


@dataclass(frozen=True)
class Sorted:
    """The events behind an alert: those that we made, and all others.

    `made`: one change of each plan, mute or test behind them, in the order of `ours`.
    """

    ours: tuple[Event, ...]
    strange: tuple[Event, ...]
    made: tuple[Made, ...]

    @property
    def plans(self) -> tuple[tuple[str, str], ...]:
        """The plans' ids with who applied them."""
        return tuple((one.plan, one.by) for one in self.made if one.deed is Deed.APPLY)


def sort_out(events: Iterable[Event], made: Sequence[Made], config: SiteConfig) -> Sorted:
    """Tell our events from the others. Events without their record count as not ours."""
    ours: list[Event] = []
    strange: list[Event] = []
    makers: dict[tuple[Deed, str, str], Made] = {}
    for event in events:
        one = _maker(event, made, config)
        if one is None:
            strange.append(event)
            continue
        ours.append(event)
        makers.setdefault((one.deed, one.plan, one.by), one)
    return Sorted(tuple(ours), tuple(strange), tuple(makers.values()))


def claims(event: Event) -> bool:
    """Whether an event's session is named like ours, which by itself proves nothing."""
    record = _record(event)
    return text_at(record, "userIdentity", "arn").rpartition("/")[2].startswith(_SESSIONS)


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
    wanted = session_of(one.plan, one.deed)
    if text_at(record, "userIdentity", "type") == "AssumedRole" and session != wanted:
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
