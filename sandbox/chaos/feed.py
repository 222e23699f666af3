"""Lets alerts come up in Opsgenie, and people act on every fifth of them. Knows no bot."""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections import defaultdict
from collections.abc import Sequence

from sandbox.opsgenie import ActRefused, OpsgenieStandIn

LIVES: Sequence[Sequence[tuple[str, dict[str, str]]]] = (
    (("acknowledge", {"user": "bob@example.com"}), ("close", {"user": "olga@example.com"})),
    (("priority", {"priority": "P2"}), ("acknowledge", {"user": "eve@example.com"})),
    (("close", {"user": "bob@example.com"}),),
    (("acknowledge", {"user": "bob@example.com"}), ("unacknowledge", {"user": "bob@example.com"})),
    (
        ("acknowledge", {"user": "olga@example.com"}),
        ("priority", {"priority": "P4"}),
        ("close", {"user": "eve@example.com"}),
    ),
)
"""What people do with an alert, one after the other."""
_BECOMES = {"acknowledge": "ACKNOWLEDGED", "unacknowledge": "FIRING", "close": "CLOSED"}


def account_of(channel: int) -> str:
    """The account whose alarms a route leads to the channel of that number."""
    return f"9000000{channel:05d}"


class Feed:
    """A thread that makes `count` alerts, `rate` a second, spread over the channels."""

    def __init__(
        self,
        opsgenie: OpsgenieStandIn,
        count: int,
        rate: float,
        channels: Sequence[str],
        seed: int,
        pauses: tuple[float, float],
    ) -> None:
        """pauses: from and to, the seconds between two deeds of people."""
        self._opsgenie = opsgenie
        self._count = count
        self._rate = rate
        self._channels = channels
        self._pauses = pauses
        self._chance = random.Random(f"{seed} people")  # noqa: S311 no secrets
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self.states: dict[str, list[str]] = defaultdict(list)
        self.channel_of: dict[str, str] = {}
        self.made = 0
        self.ended = threading.Event()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        began = time.monotonic()
        deeds: list[tuple[float, int, str, list[tuple[str, dict[str, str]]]]] = []
        while (self.made < self._count or deeds) and not self._stopping.is_set():
            now = time.monotonic()
            next_at = began + self.made / self._rate
            if self.made < self._count and next_at <= now:
                alert_id = self._make(self.made)
                if self.made % 5 == 4:
                    life = list(self._chance.choice(LIVES))
                    at = now + self._chance.uniform(*self._pauses)
                    heapq.heappush(deeds, (at, self.made, alert_id, life))
                self.made += 1
                continue
            if deeds and deeds[0][0] <= now:
                _, number, alert_id, life = heapq.heappop(deeds)
                self._do(number, alert_id, *life[0])
                if life[1:]:
                    at = now + self._chance.uniform(*self._pauses)
                    heapq.heappush(deeds, (at, number, alert_id, life[1:]))
                continue
            waits = [at for at in (deeds[0][0] if deeds else None,) if at is not None]
            if self.made < self._count:
                waits.append(next_at)
            self._stopping.wait(max(0.001, min(waits) - now))
        self.ended.set()

    def _make(self, number: int) -> str:
        name = name_of(number)
        at = number % len(self._channels)
        account = account_of(at)
        arn = f"arn:aws:cloudwatch:us-east-1:{account}:alarm:{name}"
        self.states[name].append("FIRING")
        self.channel_of[name] = self._channels[at]
        return self._opsgenie.create(
            {
                "message": name,
                "alias": arn,
                "priority": "P3",
                "tags": ["trailwatch", "site:main"],
                "description": "An alarm of the chaos run",
                "details": {"alarm_arn": arn, "alarm_name": name, "aws_account": account},
            }
        )

    def _do(self, number: int, alert_id: str, action: str, body: dict[str, str]) -> None:
        becomes = _BECOMES.get(action)
        if becomes is not None:
            # Before it happens: the bot may be very quick.
            self.states[name_of(number)].append(becomes)
        try:
            self._opsgenie.act(alert_id, action, body)
        except ActRefused as refused:  # the lives above are ones that Opsgenie allows
            raise AssertionError(str(refused)) from None


def name_of(number: int) -> str:
    """The name of the alarm whose alert is the one of that number."""
    return f"chaos-{number:05d}"
