"""Measures the main road: from POST /api/records to the alarm's message in Slack. Target: p95 5 s.

One record at a time sets off one alarm of the pack cis; each firing is a new alert with a message
of its own. The alert is closed and the alarm back to OK before the same alarm is set off again.
Then a burst: all alarms at once, where Slack's one message a second and channel decides.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stage import SandboxProcess, header, quick, row, sandbox, table

from trailwatch.detections import Detection, load_catalogue
from trailwatch.pattern import parse

SPEED = 60
PACK = "cis"
REST = 20.0
"""Seconds until an alarm is OK again: it looks at the last 15 minutes, at this speed 15 s."""
PAUSE = (0.2, 1.2)
"""Seconds between two firings, at random so that no rhythm meets the alarms' own."""
SLOWEST = 40.0
"""Seconds after which a message is given up; it is told as lost."""


@dataclass(frozen=True)
class Shot:
    """A record and the detection that it sets off."""

    detection: Detection
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Firing:
    """One firing: its moments in seconds since 1970, its message and its alert in Opsgenie."""

    sent: float
    in_opsgenie: float
    in_slack: float
    ts: str
    router_id: str


def shots(detections: Sequence[Detection]) -> list[Shot]:
    """For each detection the example record that sets off the fewest others."""
    patterns = [parse(d.pattern) for d in detections]

    def hits(record: Mapping[str, Any]) -> int:
        return sum(pattern.matches(json.dumps(record)) for pattern in patterns)

    return [Shot(d, min(d.examples.matches, key=hits)) for d in detections]


def fire(started: SandboxProcess, chosen: Iterable[Shot]) -> float:
    """Send the records; the moment before it."""
    sent = time.time()
    records = {"Records": [shot.record for shot in chosen]}
    started.post("/api/records", json.dumps(records).encode())
    return sent


def arrivals(started: SandboxProcess, sent: float, chosen: Sequence[Shot]) -> list[Firing]:
    """The firings whose messages have come since `sent`, once all have, or after SLOWEST."""
    while True:
        stand = started.alerts(since=sent)
        if len(stand) >= len(chosen) or time.time() > sent + SLOWEST:
            break
        time.sleep(0.1)
    found = []
    for alert in started.get("/api/opsgenie/alerts"):
        at = datetime.fromisoformat(alert["createdAt"]).timestamp()
        for message in stand:
            # The alert's id stands in the message's link to it.
            if alert["id"] in json.dumps(message["blocks"]):
                found.append(Firing(sent, at, float(message["ts"]), message["ts"], alert["id"]))
    return found


def close(started: SandboxProcess, firings: Iterable[Firing]) -> None:
    for firing in firings:
        path = f"/api/opsgenie/alerts/{firing.router_id}/close"
        started.post(path, {"user": "olga@example.com"})


def one_by_one(started: SandboxProcess, chosen: Sequence[Shot], rounds: int) -> list[Firing]:
    """Every detection in each round, one after the other."""
    jitter = random.Random(1)
    last: dict[str, float] = {}
    found: list[Firing] = []
    for shot in [*chosen] * rounds:
        time.sleep(max(0.0, last.get(shot.detection.id, 0.0) + REST - time.time()))
        last[shot.detection.id] = time.time()
        come = arrivals(started, fire(started, [shot]), [shot])
        found += come
        time.sleep(jitter.uniform(*PAUSE))
        close(started, come)
    return found


def tables_shown(started: SandboxProcess) -> dict[str, float]:
    """When each message first showed its table of events, by the message's ts."""
    shown: dict[str, float] = {}
    for call in started.get("/api/calls", target="slack"):
        arguments = call["arguments"]
        if call["method"] == "chat.update" and '"type": "table"' in json.dumps(arguments):
            at = datetime.fromisoformat(call["time"]).timestamp()
            shown.setdefault(arguments["ts"], at)
    return shown


def main() -> None:
    rounds = 1 if quick() else 5
    chosen = shots(load_catalogue().pack(PACK))
    header(
        f"road: POST /api/records -> Slack message, --speed {SPEED}, pack {PACK}, "
        f"{len(chosen)} alarms x {rounds}, one at a time"
    )
    with sandbox("--speed", str(SPEED)) as started:
        started.set_up(PACK)
        time.sleep(3)  # the alarms leave INSUFFICIENT_DATA
        singles = one_by_one(started, chosen, rounds)
        tables = tables_shown(started)
        time.sleep(REST)
        burst = arrivals(started, fire(started, chosen), chosen)
    table(
        [
            row("record -> Slack message", [f.in_slack - f.sent for f in singles], "s"),
            row("  record -> alert in Opsgenie", [f.in_opsgenie - f.sent for f in singles], "s"),
            row("  alert in Opsgenie -> Slack", [f.in_slack - f.in_opsgenie for f in singles], "s"),
            row(
                "record -> table of events",
                [tables[f.ts] - f.sent for f in singles if f.ts in tables],
                "s",
            ),
            row("burst: all at once", [f.in_slack - f.sent for f in burst], "s"),
        ]
    )
    lost = len(chosen) * (rounds + 1) - len(singles) - len(burst)
    print(f"lost: {lost}")


if __name__ == "__main__":
    main()
