"""Knows a CloudWatch alarm as SNS carries it and the times inside its reason. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

_DATAPOINT = re.compile(r"\((\d{2})/(\d{2})/(\d{2}) (\d{2}):(\d{2}):(\d{2})\)")


def datapoint_times(reason: str) -> tuple[datetime, ...]:
    """The start of each datapoint that an alarm's NewStateReason names, oldest first, UTC.

    CloudWatch writes "[1.0 (02/02/25 12:05:00)]", day first, UTC; at most the newest few.
    """
    return tuple(sorted(_times(_DATAPOINT.findall(reason))))


def _times(found: Iterable[tuple[str, ...]]) -> Iterable[datetime]:
    for parts in found:
        day, month, year, hour, minute, second = (int(part) for part in parts)
        try:
            yield datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            continue
