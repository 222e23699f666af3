"""Counts what happens, for /metrics. Knows no meaning and no format."""

from __future__ import annotations

import threading
from collections import defaultdict


class Counters:
    """Numbers by name that only grow. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: defaultdict[str, float] = defaultdict(float)

    def add(self, name: str, by: float = 1.0) -> None:
        with self._lock:
            self._numbers[name] += by

    def read(self) -> dict[str, float]:
        """All numbers as they are now."""
        with self._lock:
            return dict(self._numbers)
