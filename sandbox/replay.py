"""Knows when the files of --replay are played: once a trail logs. Never what a record means."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.aws import AwsStandIn
from sandbox.player import Player, Rejected, read_paths
from sandbox.wire import CallLog

SETTLE_SECONDS = 2.0
READS = ("Describe", "Get", "List", "Lookup", "Filter", "Test", "Head", "AssumeRole", "GET", "HEAD")
SHOWN_REJECTED = 5


class Replay:
    """Files of records, played into AWS on a thread; `speed` N divides their gaps by N."""

    def __init__(
        self,
        files: Sequence[Path],
        speed: float,
        aws: AwsStandIn,
        calls: CallLog,
        log: Callable[[str], None],
    ) -> None:
        self._files = files
        self._speed = speed
        self._aws = aws
        self._calls = calls
        self._log = log
        self._state = "none"
        self._player: Player | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def as_json(self) -> dict[str, Any]:
        """What GET /api/status says of it; the state is none, waiting, playing or ended."""
        player = self._player
        return {
            "state": self._state,
            "fed": player.fed if player else 0,
            "total": player.total if player else 0,
        }

    def start(self) -> None:
        """Read the files and play them as soon as a trail logs; tells what cannot be read."""
        loaded = read_paths(self._files)
        self._tell_rejected(loaded.rejected)
        if not loaded.records:
            self._log("There is nothing to replay.")
            return
        self._player = Player(loaded.records, self._speed, self._aws.ingest, self._ended)
        self._thread = threading.Thread(
            target=self._play, args=[self._player], name="replay", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the thread; safe where none was started."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)
        if self._player is not None:
            self._player.stop()

    def _play(self, player: Player) -> None:
        if not a_trail_logs(self._aws):
            self._state = "waiting"
            self._log(
                f"The replay of {player.total} records is waiting for"
                " `/trailwatch setup plan` → Apply: no trail is logging yet."
            )
            while not a_trail_logs(self._aws):
                if self._stop.wait(0.2):
                    return
            if not self._settled():
                return
        self._log(f"Replaying {player.total} records; it takes {_duration(player.seconds)}.")
        if player.seconds > 600:
            self._log("That is long: --speed N makes it N times as short.")
        self._state = "playing"
        player.start()

    def _settled(self) -> bool:
        """Wait until nothing more is built in AWS; the trail comes before filters and alarms."""
        seen = -1
        while (now := _writes(self._calls)) != seen:
            seen = now
            if self._stop.wait(SETTLE_SECONDS):
                return False
        return True

    def _ended(self, fed: int) -> None:
        self._state = "ended"
        self._log(f"The replay has ended: {fed} records.")

    def _tell_rejected(self, rejected: Sequence[Rejected]) -> None:
        for one in rejected[:SHOWN_REJECTED]:
            where = f"{one.file} line {one.line}" if one.line else one.file
            self._log(f"Not replayed: {where}: {one.why}")
        if len(rejected) > SHOWN_REJECTED:
            self._log(f"Not replayed: {len(rejected) - SHOWN_REJECTED} more.")


def a_trail_logs(aws: AwsStandIn) -> bool:
    """Whether any trail of the stand-in's account is logging; read inside, so no call is seen."""
    return any(trail.status.is_logging for trail in aws.trails())


def _writes(calls: CallLog) -> int:
    """How many calls so far have changed something in AWS."""
    return sum(not call["method"].startswith(READS) for call in calls.list("aws"))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts: Mapping[str, int] = {"h": hours, "min": minutes, "s": rest}
    return " ".join(f"{n} {unit}" for unit, n in parts.items() if n) or "less than a second"
