"""The connection to Slack is let go whatever its client makes of that."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from bot.slack_link import SlackLink


class Client:
    """A Socket Mode handler whose reader closed the same socket a moment ago."""

    client = None

    def __init__(self, close: Any) -> None:
        self.close = close


def gone() -> None:
    raise AttributeError("'NoneType' object has no attribute 'close'")


@pytest.mark.parametrize("close", [gone, threading.Event().wait], ids=["raises", "hangs"])
def test_stopping_ends_in_time_and_raises_nothing(
    close: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack_link.CLOSING", 0.2)
    link = SlackLink.__new__(SlackLink)
    link._handler = Client(close)  # type: ignore[assignment]
    link._stopped = threading.Event()
    link._thread = threading.Thread(target=lambda: None)
    link._thread.start()
    began = time.monotonic()
    link.stop()
    assert time.monotonic() - began < 60
