"""Knows how much a log group takes in a month, from its own metric. Reads only."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from setup.clients import Clients
from trailwatch.errors import AwsError

MONTH = timedelta(days=30)


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
