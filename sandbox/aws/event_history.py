"""Knows CloudTrail's event history and its LookupEvents. Never trails."""

from __future__ import annotations

import base64
import json
import threading
from bisect import insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.aws.backends import aware
from sandbox.aws.operations import Proceed
from sandbox.aws.protocol import AwsCall, Refusal

KEPT = timedelta(days=90)
PAGE = 50

Record = Mapping[str, Any]


def event_time(record: Record) -> datetime:
    """A record's eventTime; raises ValueError where it is absent or not a time."""
    at = datetime.fromisoformat(str(record.get("eventTime")).replace("Z", "+00:00"))
    return aware(at)


def is_management(record: Record) -> bool:
    """Whether a record is a management event; older records do not say and are."""
    category = record.get("eventCategory")
    if category is not None:
        return bool(category == "Management")
    return record.get("managementEvent") is not False


def is_read_only(record: Record) -> bool:
    """Whether a record only reads; where it does not say, its name decides."""
    told = record.get("readOnly")
    if told is not None:
        return told is True or str(told).lower() == "true"
    name = str(record.get("eventName", ""))
    return name.startswith(("Get", "List", "Describe", "Head", "Lookup"))


@dataclass(frozen=True, order=True)
class Entry:
    """One record in the history, ordered by time and arrival."""

    at: float
    number: int
    region: str = field(compare=False)
    record: Record = field(compare=False)


class EventHistory:
    """Management events of the last 90 days, by Region."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._entries: list[Entry] = []
        self._number = 0
        self._lock = threading.Lock()

    def add(self, record: Record) -> None:
        """Keep a management event; others are not in CloudTrail's history."""
        if not is_management(record):
            return
        region = str(record.get("awsRegion") or self._region)
        with self._lock:
            self._number += 1
            entry = Entry(event_time(record).timestamp(), self._number, region, record)
            insort(self._entries, entry)

    def state(self) -> object:
        """What is to be kept between two runs."""
        with self._lock:
            return self._number, list(self._entries)

    def restore(self, state: tuple[int, list[Entry]]) -> None:
        self._number, self._entries = state

    def lookup(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        """LookupEvents: newest first, one attribute at most, pages of up to 50."""
        wanted = _attribute(call)
        size = int(call.get("MaxResults", PAGE))
        if not 1 <= size <= PAGE:
            raise Refusal(
                "InvalidMaxResultsException",
                f"A value of {size} was specified; MaxResults must be between 1 and {PAGE}.",
            )
        now = datetime.now(UTC)
        start = max(aware(call.get("StartTime", now - KEPT)), now - KEPT).timestamp()
        end = aware(call.get("EndTime", now)).timestamp()
        if start > end:
            raise Refusal("InvalidTimeRangeException", "StartTime is after EndTime.")
        before = _read_token(call.get("NextToken"))
        with self._lock:
            entries = list(self._entries)
        page: list[Entry] = []
        for entry in reversed(entries):
            if before is not None and (entry.at, entry.number) >= before:
                continue
            # Whole seconds: CloudTrail's times have no fractions, the clock of a caller does.
            if (
                entry.region != call.region
                or not start - 1 < entry.at <= end
                or not wanted(entry.record)
            ):
                continue
            if len(page) == size:
                return {"Events": [_shown(e) for e in page], "NextToken": _write_token(page[-1])}
            page.append(entry)
        return {"Events": [_shown(e) for e in page]}


def _attribute(call: AwsCall) -> Callable[[Record], bool]:
    attributes = call.get("LookupAttributes", [])
    if len(attributes) > 1:
        raise Refusal(
            "InvalidLookupAttributesException", "At most one lookup attribute can be given."
        )
    if not attributes:
        return lambda record: True
    key, value = attributes[0]["AttributeKey"], attributes[0]["AttributeValue"]
    readers: dict[str, Callable[[Record], list[str]]] = {
        "EventId": lambda r: [str(r.get("eventID"))],
        "EventName": lambda r: [str(r.get("eventName"))],
        "EventSource": lambda r: [str(r.get("eventSource"))],
        "ReadOnly": lambda r: [str(is_read_only(r)).lower()],
        "Username": lambda r: [username(r)],
        "AccessKeyId": lambda r: [str(_identity(r).get("accessKeyId"))],
        "ResourceName": lambda r: [x["ResourceName"] for x in _resources(r)],
        "ResourceType": lambda r: [x["ResourceType"] for x in _resources(r)],
    }
    if key not in readers:
        raise Refusal("InvalidLookupAttributesException", f"{key} is not a lookup attribute.")
    return lambda record: value in readers[key](record)


def _identity(record: Record) -> Mapping[str, Any]:
    identity = record.get("userIdentity")
    return identity if isinstance(identity, Mapping) else {}


def username(record: Record) -> str:
    """CloudTrail's Username: the user, "root", or the session's name of an assumed role."""
    identity = _identity(record)
    if identity.get("type") == "Root":
        return "root"
    arn = str(identity.get("arn") or "")
    if identity.get("userName"):
        return str(identity["userName"])
    return arn.rsplit("/", 1)[-1] if "/" in arn else str(identity.get("invokedBy") or "")


def _resources(record: Record) -> list[dict[str, str]]:
    given = record.get("resources")
    return [
        {
            "ResourceType": str(r.get("type", "")),
            "ResourceName": str(r.get("ARN") or r.get("ARNPrefix") or ""),
        }
        for r in (given if isinstance(given, list) else [])
        if isinstance(r, Mapping)
    ]


def _shown(entry: Entry) -> dict[str, Any]:
    record = entry.record
    event = {
        "EventId": str(record.get("eventID", "")),
        "EventName": str(record.get("eventName", "")),
        "ReadOnly": str(is_read_only(record)).lower(),
        "EventTime": datetime.fromtimestamp(entry.at, UTC),
        "EventSource": str(record.get("eventSource", "")),
        "Username": username(record),
        "Resources": _resources(record),
        "CloudTrailEvent": json.dumps(record, separators=(",", ":"), ensure_ascii=False),
    }
    key = _identity(record).get("accessKeyId")
    return event | ({"AccessKeyId": str(key)} if key else {})


def _write_token(entry: Entry) -> str:
    return base64.urlsafe_b64encode(json.dumps([entry.at, entry.number]).encode()).decode()


def _read_token(token: str | None) -> tuple[float, int] | None:
    if token is None:
        return None
    try:
        at, number = json.loads(base64.urlsafe_b64decode(token))
        return float(at), int(number)
    except (ValueError, TypeError) as error:
        raise Refusal("InvalidNextTokenException", "The NextToken is invalid.") from error
