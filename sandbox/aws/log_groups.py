"""Knows CloudWatch Logs' groups and events: writing them, searching them. Never what they mean."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from moto.logs.models import LogEvent, LogGroup

from sandbox.aws.backends import Account
from sandbox.aws.keys import Keys
from sandbox.aws.metric_filters import MetricFilters
from sandbox.aws.operations import Handler, Proceed
from sandbox.aws.patterns import document, pattern
from sandbox.aws.protocol import AwsCall, Refusal
from sandbox.wire import Answer

# fmt: off
RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)
# fmt: on

PAGE_EVENTS = 10_000
PAGE_BYTES = 1_048_576
SCAN = 10_000
"""Events that one page looks at: a page may be part-full or empty and still have a nextToken."""


FIRST_NEWEST = 1_704_067_200_000
"""Milliseconds since 1970 of 2024-01-01: no search newest first may start earlier."""


class LogGroups:
    """The calls on log groups and events that moto answers otherwise than AWS does."""

    def __init__(self, account: Account, filters: MetricFilters, keys: Keys) -> None:
        self._account = account
        self._keys = keys
        self._filters = filters

    def handlers(self) -> dict[str, Handler]:
        return {
            "FilterLogEvents": self._filter,
            "CreateLogGroup": self._create_group,
            "AssociateKmsKey": self._associate,
            "DisassociateKmsKey": self._disassociate,
            "DescribeLogGroups": self._describe_groups,
            "PutRetentionPolicy": self._put_retention,
            "PutLogEvents": self._put_events,
            "DeleteLogGroup": self._delete_group,
        }

    def write(
        self, region: str, group: str, stream: str, events: Sequence[tuple[int, str]]
    ) -> bool:
        """Append events, (milliseconds since 1970, message), as CloudTrail does; then filter them.

        False where the group is gone.
        """
        backend = self._account.logs(region)
        if group not in backend.groups:
            return False
        backend.ensure_log_stream(group, stream)
        rows = [{"timestamp": at, "message": message} for at, message in events]
        backend.groups[group].put_log_events(stream, rows)
        self._filters.apply(region, group, events)
        return True

    def _create_group(self, call: AwsCall, proceed: Proceed) -> Answer:
        if call.get("kmsKeyId"):
            self._check_key(call, call.get("logGroupName", ""))
        return proceed()

    def _associate(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        group = self._group(call)
        self._check_key(call, group.name)
        group.kms_key_id = call.get("kmsKeyId")
        return {}

    def _disassociate(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        self._group(call).kms_key_id = None
        return {}

    def _check_key(self, call: AwsCall, group: str) -> None:
        """Source: Encrypt log data in CloudWatch Logs using AWS KMS, CloudWatch Logs user guide."""
        arn = f"arn:aws:logs:{call.region}:{self._account.id}:log-group:{group}"
        name = str(call.get("kmsKeyId"))
        key = self._keys.find(call.region, name) if name.startswith("arn:") else None
        service = f"logs.{call.region}.amazonaws.com"
        actions = ("Encrypt", "Decrypt", "GenerateDataKey", "ReEncryptFrom", "DescribeKey")
        context = {"kms:EncryptionContext:aws:logs:arn": arn}
        if key is None or not self._keys.lets(key, service, actions, context):
            raise Refusal(
                "AccessDeniedException",
                "The specified KMS key does not exist or is not allowed to be used with Arn "
                f"'{arn}'",
            )

    def _describe_groups(self, call: AwsCall, proceed: Proceed) -> Answer | dict[str, Any]:
        answer = proceed()
        if answer.code >= 300:
            return answer
        result: dict[str, Any] = json.loads(answer.body)
        for group in result["logGroups"]:
            filters = self._filters.of_group(call.region, group["logGroupName"])
            group["metricFilterCount"] = len(filters)
        return result

    def _put_events(self, call: AwsCall, proceed: Proceed) -> Answer:
        answer = proceed()
        if answer.code < 300:
            rejected = json.loads(answer.body or b"{}").get("rejectedLogEventsInfo", {})
            events = call.get("logEvents", [])
            first = int(rejected.get("tooOldLogEventEndIndex", -1)) + 1
            last = int(rejected.get("tooNewLogEventStartIndex", len(events)))
            taken = [(int(e["timestamp"]), e["message"]) for e in events[first:last]]
            self._filters.apply(call.region, call.params["logGroupName"], taken)
        return answer

    def _put_retention(self, call: AwsCall, proceed: Proceed) -> Answer:
        days = call.get("retentionInDays")
        if days not in RETENTION_DAYS:
            raise Refusal(
                "InvalidParameterException",
                f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to "
                f"satisfy constraint: Member must satisfy enum value set: {list(RETENTION_DAYS)}",
            )
        return proceed()

    def _delete_group(self, call: AwsCall, proceed: Proceed) -> Answer:
        answer = proceed()
        if answer.code < 300:
            self._filters.drop_group(call.region, call.params["logGroupName"])
        return answer

    def _filter(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        """FilterLogEvents, oldest first, or newest first with startFromHead=false."""
        group = self._group(call)
        wanted = pattern(call.get("filterPattern", ""))
        limit = int(call.get("limit", PAGE_EVENTS))
        if not 1 <= limit <= PAGE_EVENTS:
            raise Refusal(
                "InvalidParameterException",
                f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy "
                "constraint: Member must have value between 1 and 10000",
            )
        after = _read_token(call.get("nextToken"), group.name)
        newest_first = after.newest_first if after else _newest_first(call)
        rows = sorted(_rows(call, group), key=_position, reverse=newest_first)
        if after:
            rows = [row for row in rows if after.comes_before(_position(row))]
        found: list[dict[str, Any]] = []
        size = looked_at = 0
        for stream, event in rows[:SCAN]:
            size_with = size + len(event.message.encode()) + 26
            if len(found) >= limit or (found and size_with > PAGE_BYTES):
                break
            looked_at += 1
            if wanted.matches(document(event.message)):
                size = size_with
                found.append(_shown(stream, event))
        result: dict[str, Any] = {"events": found, "searchedLogStreams": []}
        if looked_at < len(rows):
            reached = Token(group.name, _position(rows[looked_at - 1]), newest_first)
            result["nextToken"] = reached.written()
        return result

    def _group(self, call: AwsCall) -> LogGroup:
        name, identifier = call.get("logGroupName"), call.get("logGroupIdentifier")
        if (name is None) == (identifier is None):
            text = "Exactly one of logGroupName and logGroupIdentifier must be given"
            raise Refusal("InvalidParameterException", text)
        if name is None and str(identifier).startswith("arn:"):
            name = str(identifier).split(":")[6]
        group = self._account.logs(call.region).groups.get(name or str(identifier))
        if group is None:
            raise Refusal("ResourceNotFoundException", "The specified log group does not exist.")
        return group


Row = tuple[str, LogEvent]


def _rows(call: AwsCall, group: LogGroup) -> Iterable[Row]:
    names, prefix = call.get("logStreamNames"), call.get("logStreamNamePrefix", "")
    start, end = call.get("startTime", 0), call.get("endTime", float("inf"))
    for name, stream in list(group.streams.items()):
        if (names and name not in names) or not name.startswith(prefix):
            continue
        for event in list(stream.events):
            if start <= event.timestamp <= end:
                yield name, event


def _position(row: Row) -> tuple[int, int]:
    return int(row[1].timestamp), row[1].event_id


def _shown(stream: str, event: LogEvent) -> dict[str, Any]:
    return {
        "logStreamName": stream,
        "timestamp": event.timestamp,
        "message": event.message,
        "ingestionTime": event.ingestion_time,
        "eventId": f"{event.event_id:056d}",
    }


@dataclass(frozen=True)
class Token:
    """How far a search has come, and in which direction it goes on."""

    group: str
    position: tuple[int, int]
    newest_first: bool

    def comes_before(self, position: tuple[int, int]) -> bool:
        return position < self.position if self.newest_first else position > self.position

    def written(self) -> str:
        parts = [self.group, *self.position, self.newest_first]
        return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def _read_token(text: str | None, group: str) -> Token | None:
    if text is None:
        return None
    try:
        of_group, at, event, newest_first = json.loads(base64.urlsafe_b64decode(text))
        token = Token(of_group, (int(at), int(event)), bool(newest_first))
    except (ValueError, TypeError) as error:
        raise Refusal("InvalidParameterException", "The specified nextToken is invalid.") from error
    if of_group != group:
        raise Refusal("InvalidParameterException", "The specified nextToken is invalid.")
    return token


def _newest_first(call: AwsCall) -> bool:
    if call.get("startFromHead") is not False:
        return False
    start = call.get("startTime")
    if start is not None and start < FIRST_NEWEST:
        text = "startFromHead may be false only where startTime is in 2024 or later."
        raise Refusal("InvalidParameterException", text)
    return True
