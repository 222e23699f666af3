"""Drives a sandbox that runs as a process of its own, over its JSON API; it knows no stand-in."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

T = TypeVar("T")
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
READY_SECONDS = 90.0
PATIENCE = 60.0
"""How long somebody waits for what comes at once on a machine that is not busy, in seconds."""
FIRST_PAUSE, LONGEST_PAUSE = 0.03, 0.3
"""Between two looks, in seconds; each pause is a third longer than the one before."""


class SandboxProcess:
    """A running `trailwatch sandbox`; every method is one call of its JSON API.

    `patience`: how many times as long as Slack its Slack waits for the bot; a test's machine may
    be busy.
    """

    def __init__(self, *arguments: str, folder: Path, patience: float = 1) -> None:
        self.folder = folder
        script = Path(sys.executable).with_name("trailwatch")
        command = [str(script), "sandbox", "--port", "0", "--headless", *arguments]
        began = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603
            command,
            cwd=folder,
            env={**os.environ, "SANDBOX_PATIENCE": str(patience)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output: list[str] = []
        self._interrupted = False
        self.url = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.status: Mapping[str, Any] = self.until(self._ready, READY_SECONDS, "the start")
        except BaseException:
            self.stop()
            raise
        self.seconds_to_ready = time.monotonic() - began
        self.channel = str(self.status["slack"]["channel"])

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line)
            if not self.url and (found := ADDRESS.search(line)):
                self.url = found[0]

    def _ready(self) -> Mapping[str, Any] | None:
        if self.process.poll() is not None:
            raise AssertionError(f"the sandbox ended:\n{''.join(self.output)}")
        if not self.url:
            return None
        try:
            status: Mapping[str, Any] = self.get("/api/status")
        except OSError:
            return None
        return status if status["ready"] else None

    def stop(self) -> int:
        """Ctrl-C, and wait until it has ended; its exit code."""
        self.interrupt()
        try:
            code = self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait(5)
            self._reader.join(5)
            assert self.process.stdout
            self.process.stdout.close()
        return code

    def interrupt(self) -> None:
        """Ctrl-C, once."""
        if not self._interrupted and self.process.poll() is None:
            self._interrupted = True
            self.process.send_signal(signal.SIGINT)

    def get(self, path: str, **query: str) -> Any:
        return self.call("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: Any = None) -> Any:
        return self.call("POST", path, body)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}{path}",
            data=data if method != "GET" else None,
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")

    def until(self, look: Callable[[], T | None], seconds: float = PATIENCE, what: str = "it") -> T:
        """The first true result of `look`, asked for at most `seconds`.

        What takes long is asked for less often: to answer costs the sandbox more than to wait.
        """
        deadline = time.monotonic() + seconds
        pause = FIRST_PAUSE
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(pause)
            pause = min(pause * 1.3, LONGEST_PAUSE)
        raise AssertionError(f"waited {seconds:g} s for {what}\n{''.join(self.output[-30:])}")

    # What people do and see

    def command(self, text: str, user: str = "alice") -> Mapping[str, Any]:
        body = {"user": user, "channel": self.channel, "text": text}
        answer: Mapping[str, Any] = self.post("/api/command", body)
        return answer

    def click(self, message: Mapping[str, Any], action_id: str, user: str = "alice", **more: Any):  # type: ignore[no-untyped-def]
        return self.post(
            "/api/click", {"user": user, "ts": message["ts"], "action_id": action_id, **more}
        )

    def messages(self, user: str = "alice", since: float = 0.0) -> list[dict[str, Any]]:
        """What a person sees, posted after `since` (seconds since 1970)."""
        later = {"since": f"{since:.6f}"} if since else {}
        found: list[dict[str, Any]] = self.get(
            "/api/messages", channel=self.channel, user=user, **later
        )
        return found

    def alerts(self, user: str = "alice", since: float = 0.0) -> list[dict[str, Any]]:
        """The alerts' own messages (no thread replies), oldest first."""
        return [
            m
            for m in self.messages(user, since)
            if "alert_id" in payload(m) and m.get("thread_ts") in (None, m["ts"])
        ]

    def wait_message(
        self, test: Callable[[dict[str, Any]], Any], seconds: float = PATIENCE, user: str = "alice"
    ) -> dict[str, Any]:
        """The first message that passes the test."""
        return self.until(
            lambda: next((m for m in self.messages(user) if test(m)), None),
            seconds,
            f"a message; there are {[m['text'][:80] for m in self.messages(user)]}",
        )

    def set_up(self, pack: str | None = None) -> dict[str, Any]:
        """Plan and apply, as alice; the plan's message when it says Applied."""
        known = {m["ts"] for m in self.messages()}
        self.command(f"setup plan --pack {pack}" if pack else "setup plan")
        plan = self.wait_message(
            lambda m: m["ts"] not in known and "plan.apply" in json.dumps(m["blocks"])
        )
        self.click(plan, "plan.apply")
        return self.wait_message(
            lambda m: m["ts"] == plan["ts"] and "Applied" in m["text"], seconds=120
        )

    def records(self, lines: bytes, time_: str = "now") -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self.call("POST", f"/api/records?time={time_}", lines)
        return answer


def payload(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metadata's event_payload of a message."""
    return (message.get("metadata") or {}).get("event_payload") or {}
