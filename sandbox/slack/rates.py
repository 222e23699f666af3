"""Knows how many messages a second a channel takes. Never which."""

from __future__ import annotations

import math
from collections.abc import Callable

from sandbox.slack.refusals import ApiError


class PostRate:
    """chat.postMessage allows about one message a second and channel, with short bursts.

    Source: docs.slack.dev/apis/web-api/rate-limits. `rate` None takes everything; `burst`
    messages may come at once.
    """

    def __init__(self, rate: float | None, clock: Callable[[], float], burst: float = 3.0) -> None:
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, channel: str) -> None:
        """Count one message; raises ApiError `ratelimited` (429, whole seconds to wait)."""
        if self.rate is None:
            return
        now = self._clock()
        left, since = self._left.get(channel, (self.burst, now))
        left = min(self.burst, left + (now - since) * self.rate)
        if left < 1.0:
            self._left[channel] = (left, now)
            wait = max(1, math.ceil((1.0 - left) / self.rate))
            raise ApiError("ratelimited", status=429, retry_after=wait)
        self._left[channel] = (left - 1.0, now)
