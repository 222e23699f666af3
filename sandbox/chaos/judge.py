"""Judges what Slack shows by what Opsgenie has: lost, twice, stale, out of order. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.chaos.watch import Entry, Sight, entries

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What is wrong, by the alarms' names; all empty where nothing is.

    lost: no message. twice: several. stale: the message says otherwise than Opsgenie has it.
    elsewhere: in another channel than its route leads to. back: a message went back to an earlier
    state, by a call that took effect at once.
    """

    alerts: int
    lost: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    back: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        return not (self.lost or self.twice or self.stale or self.elsewhere or self.back)

    @property
    def drained(self) -> bool:
        """Whether everything is shown in its newest state; twins may still stand."""
        return not (self.lost or self.stale)

    @property
    def wrong(self) -> dict[str, str]:
        """What is wrong with each alert that is not as it should be."""
        found: dict[str, str] = {}
        for what in ("lost", "twice", "stale", "elsewhere", "back"):
            for name in getattr(self, what):
                found[name] = f"{found[name]}, {what}" if name in found else what
        return found


def judge(
    messages: Sequence[Json],
    alerts: Sequence[Json],
    sights: Mapping[str, Sequence[Sight]],
    states: Mapping[str, Sequence[str]],
    channels: Mapping[str, str],
) -> Verdict:
    """messages: all that stand in Slack, as sent. alerts: as Opsgenie's get_alert shows them.

    states: of each alarm's alert, the states that it had in Opsgenie, oldest first. channels: of
    each alarm the channel that its alert belongs in.
    """
    standing = shown(messages)
    lost, twice, stale, elsewhere = [], [], [], []
    for alert in alerts:
        name = str(alert["message"])
        found = standing.get(name, [])
        if not found:
            lost.append(name)
        if len(found) > 1:
            twice.append(name)
        if found and not newest(found[0].entry, alert):
            stale.append(name)
        if any(one.channel != channels[name] for one in found):
            elsewhere.append(name)
    back = [name for name, seen in sights.items() if went_back(seen, states.get(name, ()))]
    more = storms(messages)
    return Verdict(
        len(alerts),
        tuple(lost),
        (*twice, *more.twice),
        (*stale, *more.stale),
        tuple(elsewhere),
        tuple(back),
    )


@dataclass(frozen=True)
class Place:
    """Where an alert is shown, and what is said of it there."""

    channel: str
    ts: str
    entry: Entry


def shown(messages: Iterable[Json]) -> dict[str, list[Place]]:
    """Where each alert is shown, by its alarm's name.

    Its own message, which is no reply, or a row of a list in a roll-up's thread.
    """
    found: dict[str, list[Place]] = defaultdict(list)
    for message in messages:
        for name, entry in entries(str(message["text"]), message["blocks"]).items():
            found[name].append(Place(str(message["channel"]), str(message["ts"]), entry))
    return found


@dataclass(frozen=True)
class Storms:
    """What is wrong with roll-ups: several of one storm, and counts that don't fit the lists."""

    twice: tuple[str, ...]
    stale: tuple[str, ...]


def storms(messages: Iterable[Json]) -> Storms:
    """Holds each roll-up's count against the lists in its thread."""
    counts: dict[str, list[int]] = defaultdict(list)
    listed: dict[str, int] = defaultdict(int)
    for message in messages:
        payload = (message["metadata"] or {}).get("event_payload") or {}
        storm = payload.get("storm")
        if not storm:
            continue
        if message["thread_ts"]:
            listed[storm] += len(entries(str(message["text"]), message["blocks"]))
        elif told := _AT_ONCE.search(str(message["text"])):
            counts[storm].append(int(told[1].replace(",", "")))
    twice = tuple(f"storm {storm}" for storm, found in counts.items() if len(found) > 1)
    stale = {*listed, *counts}
    stale = {one for one in stale if set(counts.get(one, ())) != {listed.get(one, 0)}}
    return Storms(twice, tuple(f"storm {storm}" for storm in stale))


_AT_ONCE = re.compile(r"([\d,]+) alerts? at once")


def newest(entry: Entry, alert: Json) -> bool:
    """Whether it is what Opsgenie has: severity, state, and who did it last."""
    state = state_of(alert)
    if (entry.severity, entry.state) != (alert["priority"], state):
        return False
    report = alert["report"]
    if state == "ACKNOWLEDGED":
        return _same(entry.by, report["acknowledgedBy"])
    return state != "CLOSED" or _same(entry.by, report["closedBy"])


def _same(shown_as: str, user: str) -> bool:
    """Whether it is that user: whoever is in Slack is called as there, not by the address."""
    return shown_as.split("@", 1)[0] == user.split("@", 1)[0]


def state_of(alert: Json) -> str:
    """An alert's state in the words of its message."""
    if alert["status"] == "closed":
        return "CLOSED"
    if alert["snoozed"]:
        return "SNOOZED"
    return "ACKNOWLEDGED" if alert["acknowledged"] else "FIRING"


def went_back(sights: Sequence[Sight], states: Sequence[str]) -> bool:
    """Whether one message showed states in another order than the alert had them.

    States may be left out. What took effect late is Slack's doing, and not counted.
    """
    place: dict[str, int] = {}
    for sight in sights:
        if sight.late or sight.what == "delete":
            continue
        start = place.get(sight.ts, 0)
        if start < len(states) and states[start] == sight.state:
            place[sight.ts] = start
            continue
        later = [n for n in range(start, len(states)) if states[n] == sight.state]
        if not later:
            return True
        place[sight.ts] = later[0]
    return False
