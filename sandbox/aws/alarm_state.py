"""Knows when an alarm changes state and what CloudWatch says about it. Pure."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

EXTRA_PERIODS = 2
"""CloudWatch looks this much further back than EvaluationPeriods when data is missing.

The tables of the User Guide ("Configuring how CloudWatch alarms treat missing data") show five
datapoints for three evaluation periods.
"""


class State(StrEnum):
    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}

MISSING = ("missing", "ignore", "breaching", "notBreaching")


@dataclass(frozen=True)
class Rule:
    """What of an alarm's configuration decides its state. `period` is in seconds."""

    statistic: str
    period: int
    comparison: str
    threshold: float
    evaluation_periods: int
    datapoints: int
    missing: str

    def breaches(self, value: float) -> bool:
        return COMPARISONS[self.comparison][0](value, self.threshold)

    @property
    def counts_while_open(self) -> bool:
        """Whether a breach stands however the period goes on: the open period counts then."""
        return self.comparison.startswith("Greater") and self.statistic in (
            "Sum",
            "Maximum",
            "SampleCount",
        )


@dataclass(frozen=True)
class Point:
    """A period's start and its statistic; None where no data came."""

    start: datetime
    value: float | None


@dataclass(frozen=True)
class Verdict:
    """The state that the data asks for, and the reason as text and as JSON."""

    state: State
    reason: str
    data: str


def decide(rule: Rule, points: Sequence[Point], old: State, now: datetime) -> Verdict:
    """The state that follows from an evaluation range, newest period first.

    `points` holds up to evaluation_periods + EXTRA_PERIODS periods. Where enough real
    datapoints exist the missing ones are passed over; else the missing ones are filled in as
    the alarm says. Source: the User Guide's page on missing data.
    """
    real = [p for p in points if p.value is not None][: rule.evaluation_periods]
    breaching = [p for p in real if p.value is not None and rule.breaches(p.value)]
    calm = [p for p in real if p not in breaching]
    filled = rule.evaluation_periods - len(real)
    state = _state(rule, points, breaching, calm, filled, old)
    if state is State.INSUFFICIENT_DATA:
        reason = _unknown(filled)
    elif state is State.ALARM:
        reason = _crossed(rule, breaching, filled, old, State.ALARM)
    else:
        reason = _crossed(rule, calm, filled, old, State.OK)
    return Verdict(state, reason, _data(rule, real, now))


def _state(
    rule: Rule,
    points: Sequence[Point],
    breaching: Sequence[Point],
    calm: Sequence[Point],
    filled: int,
    old: State,
) -> State:
    enough = len(breaching) >= rule.datapoints
    if filled <= 0:
        return State.ALARM if enough else State.OK
    if rule.missing == "breaching":
        return State.ALARM if len(breaching) + filled >= rule.datapoints else State.OK
    if enough:
        return State.ALARM
    if rule.missing == "notBreaching" or calm:
        return State.OK
    if rule.missing == "ignore":
        return old
    if not breaching:
        return State.INSUFFICIENT_DATA
    # Only breaching data, but less than asked for: an alarm once the oldest of it is old enough
    # that nothing calm came after it ("avoiding premature transitions").
    age = max(i for i, p in enumerate(points) if p in breaching) + 1
    return State.ALARM if age >= rule.datapoints else old


def _crossed(rule: Rule, points: Sequence[Point], filled: int, old: State, new: State) -> str:
    if not points:
        treated = "Breaching" if new is State.ALARM else "NonBreaching"
        were = "were" if filled != 1 else "was"
        return (
            f"Threshold Crossed: no datapoints were received for {_count(filled, 'period')} and "
            f"{_count(filled, 'missing datapoint')} {were} treated as [{treated}]."
        )
    listed = ", ".join(f"{p.value} ({p.start:%d/%m/%y %H:%M:%S})" for p in points)
    were = "was" if len(points) == 1 else "were"
    negation = "" if new is State.ALARM else "not "
    than = f"{negation}{COMPARISONS[rule.comparison][1]} the threshold ({rule.threshold})"
    if old is State.INSUFFICIENT_DATA:
        return f"Threshold Crossed: {_count(len(points), 'datapoint')} [{listed}] {were} {than}."
    needed = rule.datapoints
    if new is State.OK:
        needed = rule.evaluation_periods - rule.datapoints + 1
    return (
        f"Threshold Crossed: {len(points)} out of the last {rule.evaluation_periods} datapoints "
        f"[{listed}] {were} {than} (minimum {_count(needed, 'datapoint')} for {old} -> {new} "
        "transition)."
    )


def _unknown(count: int) -> str:
    were = "was" if count == 1 else "were"
    return f"Insufficient Data: {_count(count, 'datapoint')} {were} unknown."


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _data(rule: Rule, real: Sequence[Point], now: datetime) -> str:
    points = [{"timestamp": stamp(p.start), "value": p.value} for p in real]
    data = {
        "version": "1.0",
        "queryDate": stamp(now),
        "startDate": stamp(real[-1].start if real else now),
        "statistic": rule.statistic,
        "period": rule.period,
        "recentDatapoints": [p.value for p in reversed(real)],
        "threshold": rule.threshold,
        "evaluatedDatapoints": points,
    }
    return json.dumps(data, separators=(",", ":"))


def stamp(moment: datetime) -> str:
    """CloudWatch's own format: 2025-02-02T12:06:35.472+0000."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"
