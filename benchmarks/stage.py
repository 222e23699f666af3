"""Knows how to start what is measured, and how to print figures. Never what is good enough."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

T = TypeVar("T")
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
READY_SECONDS = 60.0


class SandboxProcess:
    """A running `trailwatch sandbox`, driven over its JSON API (docs/sandbox.md)."""

    def __init__(self, *arguments: str, folder: Path) -> None:
        self.state = folder / "state"
        script = Path(sys.executable).with_name("trailwatch")
        command = [str(script), "sandbox", "--port", "0", "--headless", "--state", str(self.state)]
        self._began = time.monotonic()
        self.process = subprocess.Popen(
            [*command, *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output: list[str] = []
        self.url = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.status: Mapping[str, Any] = self.until(self._ready, READY_SECONDS, "the start")
        except BaseException:
            self.stop()
            raise
        self.seconds_to_ready = time.monotonic() - self._began
        self.channel = str(self.status["slack"]["channel"])

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line)
            if not self.url and (found := ADDRESS.search(line)):
                self.url = found[0]

    def _ready(self) -> Mapping[str, Any] | None:
        if self.process.poll() is not None:
            raise RuntimeError(f"the sandbox ended:\n{''.join(self.output)}")
        if not self.url:
            return None
        try:
            status: Mapping[str, Any] = self.get("/api/status")
        except OSError:
            return None
        return status if status["ready"] else None

    def stop(self) -> None:
        """End it as Ctrl-C does, and everything that it started with it."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait(5)
            self._reader.join(5)
            assert self.process.stdout
            self.process.stdout.close()

    def get(self, path: str, **query: str) -> Any:
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path, b"")

    def post(self, path: str, body: Any = None) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        return self._call("POST", path, data)

    def _call(self, method: str, path: str, data: bytes) -> Any:
        request = urllib.request.Request(
            f"{self.url}{path}",
            data=data if method == "POST" else None,
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def until(self, look: Callable[[], T | None], seconds: float, what: str) -> T:
        """The first true result of `look`, asked for 20 times a second, for `seconds` at most."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(0.05)
        raise RuntimeError(f"waited {seconds:g} s for {what}\n{''.join(self.output[-30:])}")

    def command(self, text: str, user: str = "alice") -> Mapping[str, Any]:
        body = {"user": user, "channel": self.channel, "text": text}
        answer: Mapping[str, Any] = self.post("/api/command", body)
        return answer

    def messages(self, since: float = 0.0) -> list[dict[str, Any]]:
        """The messages that alice sees, posted after `since` (seconds since 1970)."""
        found: list[dict[str, Any]] = self.get(
            "/api/messages", channel=self.channel, user="alice", since=f"{since:.6f}"
        )
        return found

    def alerts(self, since: float = 0.0) -> list[dict[str, Any]]:
        """The alerts' own messages, posted after `since`."""
        return [
            m
            for m in self.messages(since)
            if "alert_id" in payload(m) and m.get("thread_ts") in (None, m["ts"])
        ]

    def set_up(self, pack: str) -> None:
        """Plan and apply, as alice; returns when the plan's message says Applied."""
        self.command(f"setup plan --pack {pack}")
        plan = self.until(
            lambda: next((m for m in self.messages() if "plan.apply" in str(m["blocks"])), None),
            60,
            "the plan",
        )
        self.post("/api/click", {"user": "alice", "ts": plan["ts"], "action_id": "plan.apply"})

        def applied() -> bool:
            return any(m["ts"] == plan["ts"] and "Applied" in m["text"] for m in self.messages())

        self.until(applied, 120, "the plan to be applied")


def payload(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metadata's event_payload of a message."""
    return (message.get("metadata") or {}).get("event_payload") or {}


@contextlib.contextmanager
def sandbox(*arguments: str) -> Iterator[SandboxProcess]:
    """A fresh sandbox in a folder of its own; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="trailwatch-bench-") as folder:
        started = SandboxProcess(*arguments, folder=Path(folder))
        try:
            yield started
        finally:
            started.stop()


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` % of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def row(name: str, values: Sequence[float], unit: str = "ms") -> list[str]:
    """A table row of a sample: its name, n, p50, p95, p99 and maximum."""
    if not values:
        return [name, "0", "-", "-", "-", "-"]
    figures = [percentile(values, p) for p in (50, 95, 99, 100)]
    return [name, str(len(values)), *(f"{figure:.2f} {unit}" for figure in figures)]


HEADINGS = ("", "n", "p50", "p95", "p99", "max")


def table(rows: Sequence[Sequence[str]], headings: Sequence[str] = HEADINGS) -> None:
    """Print a Markdown table, columns aligned."""
    wide = [max(len(r[i]) for r in (headings, *rows)) for i in range(len(headings))]

    def line(cells: Sequence[str]) -> str:
        first, *rest = zip(cells, wide, strict=True)
        return " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)])

    print(f"| {line(headings)} |")
    print(f"|{'|'.join('-' * (width + 2) for width in wide)}|")
    for cells in rows:
        print(f"| {line(cells)} |")
    sys.stdout.flush()


def header(title: str) -> None:
    """Print what is measured, when and on what; the load tells how quiet the machine was."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(
        f"\n{title}\n{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, load average {load}\n"
    )
    sys.stdout.flush()


def quick() -> bool:
    """Whether --quick is given, the only argument: a short run that shows that all works."""
    given = sys.argv[1:]
    if given not in ([], ["--quick"]):
        raise SystemExit(f"usage: {sys.argv[0]} [--quick]")
    return bool(given)
