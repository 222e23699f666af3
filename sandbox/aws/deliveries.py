"""Knows how SNS delivers over HTTP: in order, with retries. Never what a message says."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sandbox.wire import Sender

log = logging.getLogger(__name__)

TRIES = 50


@dataclass(frozen=True)
class Message:
    """One POST to a subscription's endpoint."""

    url: str
    body: bytes
    headers: Mapping[str, str]


def pauses() -> Iterator[float]:
    """Seconds between tries at normal speed: three quick ones, then doubling up to 20 s."""
    yield from (1.0, 1.0, 1.0)
    pause = 2.0
    for _ in range(TRIES - 4):
        yield pause
        pause = min(pause * 2, 20.0)


def retryable(status: int) -> bool:
    """Whether SNS tries again: no answer, 429 and 5xx.

    Source: SNS Developer Guide, "Amazon SNS message delivery retries" (all other errors are
    permanent failures).
    """
    return status == 0 or status == 429 or status >= 500


class Deliveries:
    """A queue and, while it holds something, a thread for each subscription."""

    def __init__(self, sender: Sender, speed: float) -> None:
        self._sender = sender
        self._speed = speed
        self._queues: dict[str, deque[Message]] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def send(self, subscription: str, message: Message) -> None:
        """Queue a message behind the earlier ones of the same subscription."""
        with self._lock:
            if self._stopping.is_set():
                return
            self._queues.setdefault(subscription, deque()).append(message)
            if subscription not in self._threads:
                thread = threading.Thread(
                    target=self._run, args=(subscription,), name="sns delivery", daemon=True
                )
                self._threads[subscription] = thread
                thread.start()

    def forget(self, subscription: str) -> None:
        """Drop what is still queued for a subscription that is gone."""
        with self._lock:
            self._queues.pop(subscription, None)

    def stop(self) -> None:
        with self._lock:
            self._stopping.set()
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(15)

    def _run(self, subscription: str) -> None:
        while True:
            with self._lock:
                queue = self._queues.get(subscription)
                if not queue or self._stopping.is_set():
                    self._queues.pop(subscription, None)
                    del self._threads[subscription]
                    return
                message = queue.popleft()
            self._deliver(subscription, message)

    def _deliver(self, subscription: str, message: Message) -> None:
        for pause in (*pauses(), None):
            delivery = self._sender.post("sns", message.url, message.body, message.headers)
            if not retryable(delivery.status):
                return
            if pause is None:
                log.warning("sns gave up on %s after %s tries", subscription, TRIES)
                return
            if self._stopping.wait(pause / self._speed):
                return
            with self._lock:
                if subscription not in self._queues:
                    return
