"""Keeps every state that Slack showed of each alert's messages. Never judges them."""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.slack.messages import Message
from sandbox.wire import LATE

_OWN = re.compile(r"(P[1-5]) (FIRING|ACKNOWLEDGED|SNOOZED|CLOSED): (chaos-\d+)\b")
"""How the fallback text of an alert's own message begins."""
_DID = re.compile(r"(Acknowledged|Closed) by (\S+)")
_LISTED = re.compile(r"(P[1-5]) (chaos-\d+) in \S+ (firing|acknowledged|snoozed|closed)\b")
"""A row of a storm's list, as the fallback text of the list has it."""
_STATE = re.compile(r" · (firing|acknowledged|snoozed|closed)(?: by (\S+))?")
"""The state in an item of such a list."""


@dataclass(frozen=True)
class Entry:
    """What a message says of one alert; by: whoever the state came from, where it is told."""

    severity: str
    state: str
    by: str = ""


def entries(text: str, blocks: Sequence[Mapping[str, Any]] | None) -> dict[str, Entry]:
    """What a message says of alerts, by their alarms' names: its own alert's, or a storm's list.

    Where blocks and text tell two states, the state is "UNCLEAR".
    """
    own = _OWN.match(text)
    if own is not None:
        severity, state, name = own.groups()
        told = dict(_DID.findall(text))
        by = told.get({"ACKNOWLEDGED": "Acknowledged", "CLOSED": "Closed"}.get(state, ""), "")
        clear = f"*{state}*" in str(blocks)
        return {name: Entry(severity, state if clear else "UNCLEAR", by)}
    lines = _lines(blocks or ())
    found: dict[str, Entry] = {}
    for severity, name, word in _LISTED.findall(text):
        state = "FIRING" if word == "firing" else word.upper()
        line = next((one for one in lines if name in one), "")
        said = _STATE.findall(line)
        same = [word] == [told for told, _ in said]
        found[name] = Entry(severity, state if same else "UNCLEAR", said[0][1] if same else "")
    return found


def _lines(blocks: Sequence[Mapping[str, Any]]) -> list[str]:
    """The first line of each item of the lists."""
    found = []
    for block in blocks:
        for part in block.get("elements", ()) if block.get("type") == "rich_text" else ():
            items = part.get("elements", ()) if part.get("type") == "rich_text_list" else ()
            found += [_text(item).split("\n", 1)[0] for item in items]
    return found


def _text(part: Mapping[str, Any]) -> str:
    """All text within an element."""
    if isinstance(part.get("text"), str):
        return str(part["text"])
    return "".join(_text(inner) for inner in part.get("elements", ()))


@dataclass(frozen=True)
class Sight:
    """What a message of an alert's said from a moment on.

    late: the call took effect after its connection had broken. at: seconds since the start.
    """

    at: float
    what: str
    ts: str
    state: str
    late: bool


class Watch:
    """Hears of each post, edit and deletion at the moment when Slack does it."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._sights: dict[str, list[Sight]] = defaultdict(list)
        self._standing: dict[str, set[str]] = defaultdict(set)
        self.twins_seen = 0
        """How often a second message of an alert's appeared, whatever became of it."""

    def hear(self, what: str, message: Message) -> None:
        """Slack posted, edited or deleted a message."""
        late = threading.current_thread().name == LATE
        at = round(time.monotonic() - self._began, 3)
        for name, entry in entries(message.text, message.blocks).items():
            with self._lock:
                self._sights[name].append(Sight(at, what, message.ts, entry.state, late))
                if what == "delete":
                    self._standing[name].discard(message.ts)
                elif message.ts not in self._standing[name]:
                    self.twins_seen += bool(self._standing[name])
                    self._standing[name].add(message.ts)

    @property
    def names(self) -> int:
        """How many alerts have been shown so far."""
        with self._lock:
            return len(self._sights)

    def sights(self) -> dict[str, list[Sight]]:
        """What was seen of each alert, by its alarm's name, in the order of time."""
        with self._lock:
            return {name: list(found) for name, found in self._sights.items()}
