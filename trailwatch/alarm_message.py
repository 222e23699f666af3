"""Knows a CloudWatch alarm as SNS carries it and the times inside its reason. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from trailwatch.clock import parse_time, plausible

_DATAPOINT = re.compile(r"\((\d{2})/(\d{2})/(\d{2}) (\d{2}):(\d{2}):(\d{2})\)")
_ALARM_ARN = re.compile(r"arn:[\w-]+:cloudwatch:[\w-]+:\d{12}:alarm:.{1,255}", re.DOTALL)


@dataclass(frozen=True)
class AlarmMessage:
    """An alarm's change of state. Text from outside; `region` is a name for people.

    Source: real messages of 2014 to 2025; AlarmArn is missing before 2021.
    """

    name: str
    arn: str
    state: str
    """ALARM, OK or INSUFFICIENT_DATA."""
    description: str = ""
    account: str = ""
    region: str = ""
    reason: str = ""
    changed_at: datetime | None = None


def alarm_message(text: str) -> AlarmMessage | None:
    """The alarm in the text of an SNS message; None for a text that is no alarm's."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, Mapping):
        return None
    name, arn, state = (_text(data.get(k)) for k in ("AlarmName", "AlarmArn", "NewStateValue"))
    if not name or state not in ("ALARM", "OK", "INSUFFICIENT_DATA"):
        return None
    if not _ALARM_ARN.fullmatch(arn):
        return None
    return AlarmMessage(
        name=name,
        arn=arn,
        state=state,
        description=_text(data.get("AlarmDescription")),
        account=_text(data.get("AWSAccountId")),
        region=_text(data.get("Region")),
        reason=_text(data.get("NewStateReason")),
        changed_at=_moment(_text(data.get("StateChangeTime"))),
    )


def _moment(text: str) -> datetime | None:
    try:
        return plausible(parse_time(text))
    except (ValueError, OverflowError):
        return None


def _text(value: object) -> str:
    """A text; what no database keeps (NUL, halves of characters) is replaced."""
    if not isinstance(value, str):
        return ""
    whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\x00", "\ufffd")


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
