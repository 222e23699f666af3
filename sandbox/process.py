"""Knows how to run the bot as a child process and keep it running. Never what the bot does."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

RESTARTS = 5
PAUSE = 1.0
STEADY = 60.0
"""Seconds after which a restart counts as a success and earlier ones are forgotten."""


class BotProcess:
    """The bot: started, watched, started anew when it dies, and ended with all that it started.

    `log` is told, one line each, what happens to it; its own output goes to `log_file`.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log_file: Path,
        url: str,
        log: Callable[[str], None],
    ) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._folder = folder
        self._log_file = log_file
        self._log = log
        self.url = url
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="bot watcher", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process id of the bot that runs now; None when none does."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the bot once; nothing watches it yet. Raises OSError."""
        with self._log_file.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 our own console script
                self._command,
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A session of its own: Ctrl-C reaches the sandbox, which ends the bot in order.
                start_new_session=True,
            )

    def ready(self) -> bool:
        """Whether the bot answers /readyz with 200."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            error.close()
        except (OSError, http.client.HTTPException):
            pass  # not there yet
        return False

    def wait_ready(self, seconds: float, given_up: Callable[[], bool]) -> bool:
        """Until it is ready, dies, is too slow, or is no longer wanted."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and self.pid is not None and not given_up():
            if self.ready():
                return True
            time.sleep(0.1)
        return False

    def watch(self) -> None:
        """From now on: when it dies, say so and start it again, a few times."""
        self._watcher.start()

    def tail(self, lines: int = 25) -> str:
        """The last lines of its output."""
        try:
            with self._log_file.open("rb") as opened:
                opened.seek(0, os.SEEK_END)
                opened.seek(max(0, opened.tell() - 64 * 1024))
                text = opened.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def stop(self, seconds: float = 10.0) -> None:
        """End it: asked first, then without asking; its session's other processes too."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join(seconds)
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        # The group is that of the session which we made for it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    def _watch(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            assert self._process is not None
            began = time.monotonic()
            while self._process.poll() is None:
                if self._stopping.wait(0.1):
                    return
            failures = 1 if time.monotonic() - began > STEADY else failures + 1
            self._log(f"The bot ended ({_reason(self._process.returncode)}); its last words:")
            self._log(self.tail(8))
            if failures > RESTARTS:
                self._log(f"It ended {failures} times in a row and is not started again.")
                return
            if self._stopping.wait(PAUSE):
                return
            self.start()
            self._log(f"The bot is started again, process {self.pid} ({failures} of {RESTARTS}).")


def _reason(code: int) -> str:
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"status {code}"
