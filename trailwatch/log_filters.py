"""Knows the metric filters of log groups as they were not long ago. Never reads them itself.

In a storm each alert asks for its alarm's filter, and AWS answers five such calls a second
(DescribeMetricFilters, "CloudWatch Logs quotas", CloudWatch Logs user guide): one answer serves
them all for a while.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

AGE = 30.0
"""Seconds for which what was read counts as what AWS has."""
MISSED = 0.5
"""Seconds after which somebody who misses a filter lets them be read anew: it may be new."""


@dataclass(frozen=True)
class LogFilter:
    """A metric filter's name, its pattern's text, and the (namespace, name) of what it counts."""

    name: str
    pattern: str
    metrics: frozenset[tuple[str, str]]


@dataclass
class _Group:
    lock: threading.Lock = field(default_factory=threading.Lock)
    filters: tuple[LogFilter, ...] = ()
    at: float | None = None


class LogFilters:
    """What was read of each log group. Threads share it; one at a time reads a log group."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._groups: dict[str, _Group] = defaultdict(_Group)
        self._lock = threading.Lock()

    def find(
        self,
        group: str,
        wanted: Callable[[LogFilter], bool],
        read: Callable[[], Sequence[LogFilter]],
    ) -> list[LogFilter]:
        """The filters of a log group that are `wanted`, in their order.

        group: names the log group among all accounts and Regions. read: asks AWS for all of its
        filters; its errors go to the caller, and nothing is remembered then.
        """
        with self._lock:
            known = self._groups[group]
        with known.lock:
            for age in (AGE, MISSED):
                if known.at is None or self._clock() - known.at >= age:
                    known.filters = tuple(read())
                    known.at = self._clock()
                found = [one for one in known.filters if wanted(one)]
                if found:
                    return found
        return []
