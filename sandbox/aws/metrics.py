"""Knows metric datapoints by time. Never what is alarming about them."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.cloudwatch.models import MetricDatum

from sandbox.aws.backends import Account, aware, naive


@dataclass(frozen=True)
class MetricKey:
    """What names a metric in CloudWatch; dimensions are sorted pairs of name and value."""

    region: str
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, order=True)
class Sample:
    """One datapoint: seconds since 1970 and the statistics of the values that it stands for."""

    at: float
    sum: float = field(compare=False)
    minimum: float = field(compare=False)
    maximum: float = field(compare=False)
    count: float = field(compare=False)


def dimensions(given: Sequence[Mapping[str, str]] | None) -> tuple[tuple[str, str], ...]:
    """[{"Name": …, "Value": …}] as sorted pairs."""
    return tuple(sorted((d["Name"], d["Value"]) for d in given or []))


def statistic(samples: Sequence[Sample], name: str) -> float | None:
    """Sum, Average, Minimum, Maximum or SampleCount of one period; None of an empty one."""
    if not samples:
        return None
    count = sum(s.count for s in samples)
    total = sum(s.sum for s in samples)
    values = {
        "Sum": total,
        "SampleCount": count,
        "Minimum": min(s.minimum for s in samples),
        "Maximum": max(s.maximum for s in samples),
        "Average": total / count if count else 0.0,
    }
    return float(values[name])


class Metrics:
    """The datapoints of the account; moto gets each one too, for GetMetricData."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._samples: dict[MetricKey, list[Sample]] = {}
        self._lock = threading.Lock()

    def emit(self, key: MetricKey, at: datetime, value: float, unit: str | None) -> None:
        """Add one value that a metric filter found."""
        self._add(key, Sample(at.timestamp(), value, value, value, 1))
        pairs = [{"Name": n, "Value": v} for n, v in key.dimensions]
        datum = MetricDatum(key.namespace, key.name, value, pairs, naive(at), unit)
        self._account.cloudwatch(key.region).metric_data.append(datum)

    def put(
        self, region: str, namespace: str, data: Sequence[Mapping[str, Any]], now: datetime
    ) -> None:
        """Add the MetricData of a PutMetricData call that moto has accepted."""
        for datum in data:
            key = MetricKey(
                region, namespace, datum["MetricName"], dimensions(datum.get("Dimensions"))
            )
            at = aware(datum.get("Timestamp") or now).timestamp()
            stats = datum.get("StatisticValues")
            if stats:
                whole = [float(stats[n]) for n in ("Sum", "Minimum", "Maximum", "SampleCount")]
                self._add(key, Sample(at, *whole))
                continue
            values = datum.get("Values") or [datum.get("Value") or 0]
            counts = datum.get("Counts") or [1] * len(values)
            for value, count in zip(map(float, values), map(float, counts), strict=True):
                self._add(key, Sample(at, value * count, value, value, count))

    def between(self, key: MetricKey, start: float, end: float) -> list[Sample]:
        """The samples from `start` (included) to `end` (excluded), in seconds since 1970."""
        with self._lock:
            samples = self._samples.get(key, [])
            first = bisect_left(samples, start, key=lambda s: s.at)
            last = bisect_left(samples, end, key=lambda s: s.at)
            return samples[first:last]

    def state(self) -> object:
        """What is to be kept between two runs."""
        with self._lock:
            return {key: list(samples) for key, samples in self._samples.items()}

    def restore(self, state: dict[MetricKey, list[Sample]]) -> None:
        self._samples = state

    def _add(self, key: MetricKey, sample: Sample) -> None:
        with self._lock:
            insort(self._samples.setdefault(key, []), sample)
