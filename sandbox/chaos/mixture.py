"""Knows which calls go wrong and how, by chance and seed. Never what a call means."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.faults import Fault, Faults
from sandbox.wire import CallLog, Delivery, Sender

NO_ANSWER = ("timeout", "lost", "reset")


@dataclass(frozen=True)
class Odds:
    """What a call may meet: shares of all calls, and seconds.

    hang: how long a time-out is silent. soon and late: from and to, in seconds, after which a
    call takes effect whose connection broke; `late` is meant to lie beyond the bot's settle time.
    dropped: webhooks that Opsgenie never delivers. doubled: those that it delivers twice.
    """

    limited: float = 0.025
    failed: float = 0.0125
    failed_after: float = 0.0125
    silent: float = 0.01
    silent_after: float = 0.01
    cut_off_after: float = 0.01
    applied_soon: float = 0.01
    applied_late: float = 0.01
    hang: float = 11.0
    soon: tuple[float, float] = (0.2, 2.0)
    late: tuple[float, float] = (3.0, 8.0)
    dropped: float = 0.005
    doubled: float = 0.05
    unanswered: float = 0.02

    @property
    def total(self) -> float:
        """The share of calls that fail."""
        return sum(share for share, _, _ in self._ways(random.Random(0)))  # noqa: S311

    def draw(self, target: str, chance: random.Random) -> Fault | None:
        """What one call meets; None for one that goes well."""
        point = chance.random()
        for share, kind, more in self._ways(chance):
            if point < share:
                return Fault(target, "", kind, **more)
            point -= share
        return None

    def _ways(self, chance: random.Random) -> list[tuple[float, str, Mapping[str, Any]]]:
        return [
            (self.limited, "status", {"status": 429, "retry_after": 1}),
            (self.failed, "status", {"status": 500}),
            (self.failed_after, "status", {"status": 500, "applied": True}),
            (self.silent, "timeout", {"seconds": self.hang}),
            (self.silent_after, "timeout", {"seconds": self.hang, "applied": True}),
            (self.cut_off_after, "lost", {}),
            (self.applied_soon, "lost", {"late": chance.uniform(*self.soon)}),
            (self.applied_late, "lost", {"late": chance.uniform(*self.late)}),
        ]


class Mixture(Faults):
    """Every call of Slack and Opsgenie may go wrong while `on`. Safe for threads."""

    def __init__(self, odds: Odds, seed: int) -> None:
        super().__init__(lambda: 1.0)
        self.on = True
        self._odds = odds
        self._guard = threading.Lock()
        self._chance = {
            target: random.Random(f"{seed} {target}")  # noqa: S311 decides faults, no secrets
            for target in ("slack", "opsgenie")
        }

    def take(self, target: str, name: str) -> Fault | None:
        chance = self._chance.get(target)
        if not self.on or chance is None:
            return None
        with self._guard:
            return self._odds.draw(target, chance)


class Counted(CallLog):
    """Counts the calls by target, kind and status, and keeps none: a run makes very many."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[tuple[str, str, int]] = Counter()
        self._guard = threading.Lock()

    def add(
        self, target: str, method: str, arguments: Mapping[str, Any], status: int, ms: float
    ) -> None:
        kind = "/".join(method.split("/")[:3])
        with self._guard:
            self.counts[target, kind, status] += 1

    def total(self, target: str, failed: bool = False) -> int:
        """How many calls there were, or how many of them failed or got no answer."""
        with self._guard:
            found = [(s, n) for (where, _, s), n in self.counts.items() if where == target]
        return sum(
            n for status, n in found if not failed or not 200 <= status < 500 or status == 429
        )


class Postman(Sender):
    """Delivers webhooks to the replicas in turn, as one address before them does.

    Some are never delivered, some twice, of some the answer is lost. Safe for threads.
    """

    def __init__(self, calls: CallLog, odds: Odds, seed: int, ports: list[int]) -> None:
        super().__init__(calls, Faults(lambda: 1.0))
        self.on = True
        self.dropped = 0
        self.doubled = 0
        self._odds = odds
        self._ports = ports
        self._chance = random.Random(f"{seed} webhooks")  # noqa: S311 no secrets

    def post(
        self,
        target: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout: float = 3.0,
    ) -> Delivery:
        """POST to a replica that takes it; the path is the url's."""
        drawn = self._chance.random() if self.on else 1.0
        if drawn < self._odds.dropped:
            self.dropped += 1
            return Delivery(200, b"")
        path = url.split("/", 3)[3]
        ports = self._chance.sample(self._ports, len(self._ports))
        delivery = Delivery(0, b"")
        for port in ports:
            there = f"http://127.0.0.1:{port}/{path}"
            delivery = super().post(target, there, body, headers, timeout=3.0)
            if delivery.status == 200:
                break
        drawn -= self._odds.dropped
        if delivery.status == 200 and drawn < self._odds.doubled:
            self.doubled += 1
            super().post(target, there, body, headers, timeout=3.0)
        elif delivery.status == 200 and drawn < self._odds.doubled + self._odds.unanswered:
            return Delivery(0, b"")
        return delivery
