"""Knows the machine that the sandbox runs on: ports, folders, signals. Never what runs there."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import signal
import socket
import sys
import tempfile
import time
import types
from collections.abc import Iterator
from pathlib import Path

PORTS = range(20_000, 30_000)


class PortTaken(Exception):
    """The page's port is in use."""


def has_screen() -> bool:
    # Without one, webbrowser would take over the terminal with a text browser.
    shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(shown) or sys.platform in ("darwin", "win32")


class Ended:
    """Whether a signal has asked for the end.

    A plain flag that is looked at: a handler that takes an Event's lock can meet the main
    thread holding it.
    """

    def __init__(self) -> None:
        self._asked = False

    def on_signal(self, number: int, frame: types.FrameType | None) -> None:
        self._asked = True

    def is_set(self) -> bool:
        return self._asked

    def wait(self) -> None:
        while not self._asked:
            time.sleep(0.1)


@contextlib.contextmanager
def until_signalled() -> Iterator[Ended]:
    ended = Ended()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, ended.on_signal) for number in numbers}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def no_aws_settings() -> Iterator[None]:
    """A person's AWS_PROFILE and ~/.aws are not for the stand-in: an unknown profile stops it."""
    before = dict(os.environ)
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        del os.environ[name]
    nothing = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    os.environ.update(nothing)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def state_folder(state: str | Path | None) -> Iterator[Path]:
    if state is None:
        with tempfile.TemporaryDirectory(prefix="trailwatch-sandbox-") as made:
            yield Path(made)
        return
    folder = Path(state).expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    yield folder


def secret_key(state: Path) -> str:
    """The key that encrypts what the bot stores; kept beside its database."""
    file = state / "secret.key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32))
    return file.read_text().strip()


def need_free(port: int) -> None:
    """Raises PortTaken where the port cannot be taken; the server itself would only exit."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTaken(f"Port {port} cannot be used ({error.strerror})") from None


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 for servers that start soon.

    None of those that the system gives to whoever asks for any: on a busy machine one of these
    would be somebody else's before the server has it.
    """
    found: list[int] = []
    for port in random.SystemRandom().sample(PORTS, 100 + count):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise PortTaken(f"No {count} ports from {PORTS.start} to {PORTS.stop} can be used")
