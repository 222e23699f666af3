"""Knows what a pipeline costs a month, from list prices. Pure: an estimate, never a bill."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

METRIC = Decimal("0.30")
ALARM = Decimal("0.10")
LOGS_GB = Decimal("0.50")
INSIGHTS_100K = Decimal("0.35")
COPY_100K = Decimal("2.00")
DATA_100K = Decimal("0.10")
KEY = Decimal("1.00")
KEY_CALLS_10K = Decimal("0.03")
"""USD: a custom metric, a standard alarm, a GB of logs taken in, 100,000 events analysed, 100,000
management events of a further copy, 100,000 data events, a KMS key, 10,000 calls on one.
Source: CloudWatch, CloudTrail and KMS pricing pages, us-east-1; CloudTrail's are from memory."""

DEFAULT_GB = Decimal("1.0")
MEASURED = "as measured over the last 30 days"
BYTES_PER_EVENT = 1_500
WRITES = Decimal("0.1")
"""The share of events that write: with both kinds of Insights these are analysed twice. Source:
Costs for Insights events, CloudTrail user guide, whose examples have about this share."""
KEY_CALLS = 30_000
"""Calls on the key in a month: one for each file of the trail, one in five minutes and Region, as
the bucket's own key and the log group's save nearly all others."""
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
    """What is billed of a pipeline."""

    metrics: int = 0
    alarms: int = 0
    trail: bool = False
    insights: int = 0
    """How many kinds of Insights are on."""
    key: bool = False
    """Whether there is a KMS key of the pipeline's own."""
    encrypted: bool = False
    """Whether a KMS key is used, ours or not."""
    data_events: tuple[str, ...] = ()
    """The types of resources whose data events are recorded."""
    copies: tuple[str, ...] = ()
    """Other trails that record the same Region: the copy of ours is not the free one then."""


def estimate(
    before: Size, after: Size, gigabytes: Decimal | None = None, how: str = MEASURED
) -> Cost:
    """The cost of what is wanted and of what stands.

    `gigabytes` of trail records a month, and `how` they are known; None takes a default and says
    so.
    """
    lines = _lines(after, gigabytes, how)
    notes = [
        FREE,
        "List prices of us-east-1, before tax, other Regions differ; storage in S3 is cents a GB.",
    ]
    if after.trail and gigabytes is None:
        notes.append(
            f"Log volume is assumed to be {DEFAULT_GB} GB a month: the log group has no history."
        )
    if after.trail and not after.copies:
        notes.append(
            "The first trail's copy of management events is free; a second trail costs about "
            f"{COPY_100K} USD per 100,000 events."
        )
    if after.data_events:
        notes.append(
            f"Data events cost {DATA_100K} USD per 100,000, and {LOGS_GB} USD a GB of logs besides;"
            " how many there will be nobody knows before, and it may be very many."
        )
    return Cost(lines, _sum(_lines(before, gigabytes, how)), _sum(lines), tuple(notes))


def _lines(size: Size, gigabytes: Decimal | None, how: str) -> tuple[CostLine, ...]:
    volume = DEFAULT_GB if gigabytes is None else gigabytes
    events = volume * 1_000_000_000 / BYTES_PER_EVENT
    lines = []
    if size.metrics:
        lines.append(CostLine(f"{size.metrics} custom metrics", size.metrics * METRIC))
    if size.alarms:
        lines.append(CostLine(f"{size.alarms} alarms", size.alarms * ALARM))
    if size.trail:
        note = "assumed" if gigabytes is None else how
        usd = (volume * LOGS_GB).quantize(CENT)
        lines.append(CostLine(f"{volume.normalize():f} GB of logs taken in", usd, note))
    if size.trail and size.insights:
        analysed = events * (1 + WRITES * (size.insights - 1))
        usd = (analysed / 100_000 * INSIGHTS_100K).quantize(CENT)
        what = f"CloudTrail Insights, {size.insights} of 2 kinds"
        lines.append(CostLine(what, usd, "about one event for 1.5 KB of logs, one in ten a write"))
    if size.trail and size.copies:
        usd = (events / 100_000 * COPY_100K).quantize(CENT)
        named = ", ".join(size.copies[:3]) + (" and others" if len(size.copies) > 3 else "")
        note = f"the free copy is another trail's, where it records them: {named}"
        lines.append(CostLine("A further copy of management events", usd, note))
    if size.key:
        lines.append(
            CostLine("KMS key", KEY, "a dollar more after each of its first two rotations")
        )
    if size.encrypted:
        usd = (KEY_CALLS * KEY_CALLS_10K / 10_000).quantize(CENT)
        lines.append(CostLine(f"About {KEY_CALLS:,} calls on the KMS key", usd))
    if size.data_events:
        kinds = ", ".join(size.data_events)
        lines.append(CostLine(f"Data events: {kinds}", Decimal(0), "by their number, not counted"))
    return tuple(lines)


def _sum(lines: tuple[CostLine, ...]) -> Decimal:
    return sum((line.monthly for line in lines), Decimal(0)).quantize(CENT)
