"""Knows which calls go wrong on demand, and how. Never what a call means."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

TARGETS = ("slack", "opsgenie", "aws", "sns", "webhook")
KINDS = ("status", "timeout", "reset", "lost")


@dataclass
class Fault:
    """One rule: what goes wrong, how often and for how many calls.

    `match` is a part of the call's name ("chat.postMessage", "PutMetricFilter",
    "POST /v2/alerts"); empty matches every call of the target.
    """

    target: str
    match: str
    kind: str
    status: int = 500
    rate: float = 1.0
    count: int | None = None
    retry_after: int | None = None
    seconds: float = 30.0
    """How long a "timeout" hangs before the connection is closed: at most until all is well."""
    late: float = 0.0
    """A "lost" call takes effect this many seconds after its connection was closed."""
    applied: bool = False
    """A "status" or a "timeout" comes after the call took effect, not instead of it."""
    over: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)
    """Set when all is well again."""


class BadFault(ValueError):
    """A fault was asked for that does not exist; the text says what is wrong."""


def parse_fault(body: Mapping[str, Any]) -> Fault:
    """The JSON of POST /api/faults as a Fault; raises BadFault.

    "status" may be a number (answer with it), or one of "timeout", "reset", "lost";
    the latter three may also be given as keys of their own ({"lost": true}); "late" with
    "lost" lets the effect come that many seconds after the connection broke.
    """
    target = body.get("target")
    if target not in TARGETS:
        raise BadFault(f"target is {target!r}; it must be one of {', '.join(TARGETS)}")
    known = {"target", "match", "status", "timeout", "reset", "lost", "rate", "count"}
    unknown = set(body) - known - {"retry_after", "late"}
    if unknown:
        raise BadFault(f"unknown keys: {', '.join(sorted(unknown))}")
    kind, status, seconds = "status", 500, 30.0
    given = body.get("status")
    if isinstance(given, str) and given in KINDS:
        kind = given
    elif given is not None:
        status = int(_number("status", given, 100, 599))
    for name in ("timeout", "reset", "lost"):
        if body.get(name):
            kind = name
    if not isinstance(body.get("timeout"), bool) and isinstance(body.get("timeout"), int | float):
        seconds = float(body["timeout"])
    count, after = body.get("count"), body.get("retry_after")
    return Fault(
        target=target,
        match=str(body.get("match") or ""),
        kind=kind,
        status=status,
        rate=_number("rate", body.get("rate", 1.0), 0, 1),
        count=None if count is None else int(_number("count", count, 0, 10**9)),
        retry_after=None if after is None else int(_number("retry_after", after, 0, 3600)),
        seconds=seconds,
        late=_number("late", body.get("late") or 0.0, 0, 3600),
    )


def _number(name: str, given: object, least: float, most: float) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not least <= given <= most:
        allowed = f"a number from {least:g} to {most:g}"
        more = f", or one of {', '.join(KINDS[1:])}" if name == "status" else ""
        raise BadFault(f"{name} is {given!r}; it must be {allowed}{more}")
    return float(given)


class Faults:
    """The rules in force, oldest first. Safe for threads; a seeded generator decides rates."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._rules: list[Fault] = []
        self._lock = threading.Lock()
        self._random = random

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._rules.append(fault)

    def clear(self) -> None:
        """All is well again, also for the calls that hang."""
        with self._lock:
            for rule in self._rules:
                rule.over.set()
            self._rules.clear()

    def take(self, target: str, name: str) -> Fault | None:
        """The fault that this call meets, counted as used; None for a call that goes well."""
        with self._lock:
            for rule in self._rules:
                if rule.target != target or rule.match not in name or rule.count == 0:
                    continue
                if rule.rate < 1.0 and self._random() >= rule.rate:
                    continue
                if rule.count is not None:
                    rule.count -= 1
                return rule
        return None
