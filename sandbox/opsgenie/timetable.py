"""Knows what is due when and runs it in order on one thread. Never what a job means."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class Timetable:
    """Jobs run one at a time when they are due; jobs due at the same time in the order given."""

    def __init__(self, name: str) -> None:
        self._jobs: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the job that runs now; the others are dropped."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(10)

    def after(self, seconds: float, job: Callable[[], None]) -> None:
        with self._changed:
            heapq.heappush(self._jobs, (time.monotonic() + seconds, next(self._order), job))
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and not self._due():
                    self._changed.wait(self._wait())
                if self._stopped:
                    return
                job = heapq.heappop(self._jobs)[2]
            try:
                job()
            except Exception:  # one broken job must not end the others
                log.exception("a job of the %s failed", self._thread.name)

    def _due(self) -> bool:
        return bool(self._jobs) and self._jobs[0][0] <= time.monotonic()

    def _wait(self) -> float | None:
        return max(0.0, self._jobs[0][0] - time.monotonic()) if self._jobs else None
