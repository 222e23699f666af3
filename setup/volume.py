"""Knows how much a log group takes in a month, by its metric or the newest events. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from setup.clients import Clients
from trailwatch.errors import AwsError

MONTH = timedelta(days=30)
HISTORY = timedelta(days=90)
"""How far CloudTrail's event history goes back."""
PAGE = 50
"""The most events that LookupEvents gives at once."""
SHORTEST = timedelta(minutes=1)
LEAST = Decimal("0.01")


def gigabytes(log_group: str, clients: Clients, now: datetime) -> Decimal | None:
    """What the log group takes in within a month, from its last 30 days; None where unknown."""
    try:
        answer = clients.call(
            "cloudwatch",
            "GetMetricStatistics",
            Namespace="AWS/Logs",
            MetricName="IncomingBytes",
            Dimensions=[{"Name": "LogGroupName", "Value": log_group}],
            StartTime=now - MONTH,
            EndTime=now,
            Period=86_400,
            Statistics=["Sum"],
        )
    except AwsError:
        # An estimate is worth no failure: the plan says that the volume is assumed.
        return None
    days = [Decimal(str(point["Sum"])) for point in answer.get("Datapoints", ())]
    if not days:
        return None
    whole = sum(days, Decimal(0)) / len(days) * MONTH.days
    return (whole / 1_000_000_000).quantize(Decimal("0.01"))


@dataclass(frozen=True)
class Volume:
    """How many GB of records come in a month, and how that is known."""

    gigabytes: Decimal
    how: str


def expected(log_group: str, clients: Clients, now: datetime, *, stands: bool) -> Volume | None:
    """What a log group will take in: as it did so far where it `stands`, else by the account's
    newest events. None where neither tells."""
    if stands:
        found = gigabytes(log_group, clients, now)
        return None if found is None else Volume(found, "as measured over the last 30 days")
    return _by_events(clients, now)


def _by_events(clients: Clients, now: datetime) -> Volume | None:
    """By the newest events of the Region: one page of LookupEvents, CloudTrail API reference.

    Fewer than a page is all that there was in the 90 days of the event history.
    """
    try:
        answer = clients.call("cloudtrail", "LookupEvents", MaxResults=PAGE)
    except AwsError:
        return None
    found = [one for one in answer.get("Events", ()) if "EventTime" in one]
    if not found:
        return None
    size = sum(len(str(one.get("CloudTrailEvent", "")).encode()) for one in found)
    whole = len(found) < PAGE
    span = HISTORY if whole else max(now - min(one["EventTime"] for one in found), SHORTEST)
    monthly = Decimal(size) * Decimal(MONTH / span) / 1_000_000_000
    said = "90 days" if whole else _span(span)
    return Volume(
        max(monthly.quantize(LEAST), LEAST),
        f"from the newest {len(found)} events of this Region, of {said}; others come on top",
    )


def _span(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    for size, word in ((1440, "days"), (60, "hours"), (1, "minutes")):
        if minutes >= 2 * size:
            return f"{minutes / size:.0f} {word}"
    return f"{span.total_seconds():.0f} seconds"
