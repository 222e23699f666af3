"""Starts, kills and stops the bot's processes. Never looks into one."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UP_SECONDS = 30.0


class Launcher:
    """A process that has the bot's code in memory and starts bots by forking: start-up alone
    would else take most of the time between two kills.

    It is given one JSON object a line, and answers each with one: {"do": "start", "environ",
    "arguments", "log", "changes"} → {"pid"}, {"do": "prepare", …} → {"status"}.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(  # noqa: S603 our own script
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def order(self, **order: Any) -> dict[str, Any]:
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process that starts the bots has ended")
        found: dict[str, Any] = json.loads(line)
        return found

    def stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


class Replica:
    """One of the bot's processes, under a lasting name and on a lasting port."""

    def __init__(
        self,
        launcher: Launcher,
        name: str,
        port: int,
        environ: Mapping[str, str],
        arguments: Sequence[str],
        log: Path,
        changes: Mapping[str, Any],
    ) -> None:
        self.name = name
        self.port = port
        self.log = log
        self.starts = 0
        self.ready_after: list[float] = []
        """Seconds from each start to the first answer over HTTP."""
        self._launcher = launcher
        self._order = {
            "do": "start",
            "environ": dict(environ),
            "arguments": list(arguments),
            "log": str(log),
            "changes": dict(changes),
        }
        self._pid: int | None = None

    @property
    def alive(self) -> bool:
        if self._pid is None:
            return False
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            self._pid = None
        return self._pid is not None

    def start(self) -> None:
        self._pid = int(self._launcher.order(**self._order)["pid"])
        self.starts += 1

    def wait_up(self, ended: Callable[[], bool], seconds: float = UP_SECONDS) -> bool:
        """Until it answers over HTTP, or it is dead, or the time is over."""
        began = time.monotonic()
        while time.monotonic() < began + seconds and self.alive and not ended():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2):
                    self.ready_after.append(time.monotonic() - began)
                    return True
            except urllib.error.HTTPError as error:
                error.close()
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)
        return False

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-3:])[-600:]

    def signal(self, number: signal.Signals) -> None:
        if self._pid is not None and self.alive:
            os.kill(self._pid, number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        deadline = time.monotonic() + 10
        while self.alive and time.monotonic() < deadline:
            time.sleep(0.005)


@dataclass(frozen=True)
class Deaths:
    """How replicas die: every so many seconds of life on average, some while they start.

    most: how often at most.
    freeze: after so many seconds one is stopped (SIGSTOP) for `frozen` seconds, then goes on.
    """

    every: float = 2.0
    early: float = 0.1
    freeze: float | None = None
    frozen: float = 0.0
    most: int = 1_000_000


class Killer:
    """A thread for each replica, which starts it and kills it again until there is calm."""

    def __init__(self, replica: Replica, deaths: Deaths, seed: int) -> None:
        self.replica = replica
        self.kills = 0
        self.freezes = 0
        self.died: list[str] = []
        """The last words of each life that ended without having been killed."""
        self._deaths = deaths
        self._chance = random.Random(f"{seed} {replica.name}")  # noqa: S311 no secrets
        self._calm = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"kills {replica.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def calm(self) -> None:
        """Kill no more; the replica runs when this returns."""
        self._calm.set()
        self._thread.join(60)
        if not self.replica.alive:
            self.replica.start()
        self.replica.wait_up(lambda: False)

    def _run(self) -> None:
        while not self._calm.is_set():
            self.replica.start()
            if self._chance.random() < self._deaths.early:
                self._calm.wait(self._chance.uniform(0.0, 1.0))
            else:
                self.replica.wait_up(self._calm.is_set)
                self._maybe_freeze()
                self._calm.wait(self._deaths.every * self._chance.uniform(0.25, 1.75))
            if self._calm.is_set():
                return
            if self.kills == self._deaths.most and self.replica.alive:
                self._calm.wait()
                return
            if not self.replica.alive:
                self.died.append(self.replica.last_words())
            self.replica.kill()
            self.kills += 1

    def _maybe_freeze(self) -> None:
        at = self._deaths.freeze
        if at is None or self.freezes or time.monotonic() < self._began + at:
            return
        self._calm.wait(0.5)
        self.replica.signal(signal.SIGSTOP)
        self.freezes += 1
        self._calm.wait(self._deaths.frozen)
        self.replica.signal(signal.SIGCONT)
        self._calm.wait(2.0)
