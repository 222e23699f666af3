"""Knows what a pipeline costs a month, from list prices. Pure: an estimate, never a bill."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

METRIC = Decimal("0.30")
ALARM = Decimal("0.10")
LOGS_GB = Decimal("0.50")
INSIGHTS_100K = Decimal("0.35")
"""USD: a custom metric, a standard alarm, a GB of logs taken in, 100,000 events analysed.
Source: CloudWatch and CloudTrail pricing pages, us-east-1; Insights' price is from memory."""

DEFAULT_GB = Decimal("1.0")
BYTES_PER_EVENT = 1_500
FREE = "Free each month in an account: 10 custom metrics, 10 alarms, 5 GB of logs."
CENT = Decimal("0.01")


@dataclass(frozen=True)
class CostLine:
    """What one part costs: USD a month, before tax and free tier."""

    what: str
    monthly: Decimal
    note: str = ""


@dataclass(frozen=True)
class Cost:
    """An estimate in USD a month: lines of what is wanted, and the sums before and after."""

    lines: tuple[CostLine, ...] = ()
    before: Decimal = Decimal(0)
    after: Decimal = Decimal(0)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Size:
    """What is billed: how many metrics and alarms, and whether trail and Insights are on."""

    metrics: int = 0
    alarms: int = 0
    trail: bool = False
    insights: int = 0
    """How many kinds of Insights are on."""


def estimate(before: Size, after: Size, gigabytes: Decimal | None = None) -> Cost:
    """The cost of what is wanted and of what stands.

    `gigabytes` of trail records a month as measured; None takes a default and says so.
    """
    lines = _lines(after, gigabytes)
    notes = [FREE, "List prices of us-east-1, before tax; storage in S3 is cents a GB."]
    if after.trail and gigabytes is None:
        notes.append(
            f"Log volume is assumed to be {DEFAULT_GB} GB a month: the log group has no history."
        )
    if after.trail:
        notes.append(
            "The first trail's copy of management events is free; a second trail costs about "
            "2.00 USD per 100,000 events."
        )
    return Cost(lines, _sum(_lines(before, gigabytes)), _sum(lines), tuple(notes))


def _lines(size: Size, gigabytes: Decimal | None) -> tuple[CostLine, ...]:
    volume = DEFAULT_GB if gigabytes is None else gigabytes
    events = volume * 1_000_000_000 / BYTES_PER_EVENT
    lines = []
    if size.metrics:
        lines.append(CostLine(f"{size.metrics} custom metrics", size.metrics * METRIC))
    if size.alarms:
        lines.append(CostLine(f"{size.alarms} alarms", size.alarms * ALARM))
    if size.trail:
        note = "assumed" if gigabytes is None else "as measured over the last 30 days"
        usd = (volume * LOGS_GB).quantize(CENT)
        lines.append(CostLine(f"{volume.normalize():f} GB of logs taken in", usd, note))
    if size.trail and size.insights:
        usd = (events / 100_000 * INSIGHTS_100K * size.insights).quantize(CENT)
        what = f"CloudTrail Insights, {size.insights} of 2 kinds"
        lines.append(CostLine(what, usd, "about one event for 1.5 KB of logs"))
    return tuple(lines)


def _sum(lines: tuple[CostLine, ...]) -> Decimal:
    return sum((line.monthly for line in lines), Decimal(0)).quantize(CENT)
