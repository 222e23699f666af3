"""Knows how trails bring records to their bucket and log group. Never what a record means."""

from __future__ import annotations

import gzip
import heapq
import json
import logging
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from moto.cloudtrail.models import Trail
from moto.organizations.models import organizations_backends

from sandbox.aws.backends import Account, millis
from sandbox.aws.event_history import Record, event_time
from sandbox.aws.keys import Keys
from sandbox.aws.log_groups import LogGroups
from sandbox.aws.selectors import takes

log = logging.getLogger(__name__)

LARGEST_LOG_EVENT = 262_144
"""Bytes; larger records are not sent to CloudWatch Logs (CloudTrail User Guide, limits)."""

Due = tuple[float, int, str, Sequence[Record]]


@dataclass(frozen=True)
class DeliveryStatus:
    """When a trail last delivered, and what went wrong last."""

    bucket_at: datetime | None = None
    bucket_error: str | None = None
    logs_at: datetime | None = None
    logs_error: str | None = None


class TrailDelivery:
    """One thread that delivers batches of records when they are due."""

    def __init__(self, account: Account, groups: LogGroups, keys: Keys, delay: float) -> None:
        self._account = account
        self._keys = keys
        self._groups = groups
        self._delay = delay
        """Real seconds between a record's arrival and its delivery."""
        self._status: dict[str, DeliveryStatus] = {}
        self._queue: list[Due] = []
        self._number = 0
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="trail delivery", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        self._thread.join(10)

    def status(self, arn: str) -> DeliveryStatus:
        return self._status.get(arn, DeliveryStatus())

    def state(self) -> object:
        """What is to be kept between two runs: the batches still under way, by seconds to go."""
        now = time.monotonic()
        return [
            (due - now, number, arn, list(records)) for due, number, arn, records in self._queue
        ]

    def restore(self, state: list[Due]) -> None:
        now = time.monotonic()
        self._queue = [(now + left, number, arn, records) for left, number, arn, records in state]
        heapq.heapify(self._queue)
        self._number = max((number for _, number, _, _ in state), default=0)

    def logging(self) -> frozenset[str]:
        """The ARNs of the trails that log now."""
        return frozenset(t.arn for t in self._account.trails() if t.status.is_logging)

    def send(
        self,
        records: Sequence[Record],
        logged: frozenset[str] = frozenset(),
        *,
        members: bool = False,
    ) -> None:
        """Queue, for each trail that logs now, the records that it takes.

        `logged`: trails that logged when it happened; the call that stops a trail is its last.
        `members`: the records are of member accounts, which organization trails alone take.
        """
        for trail in self._account.trails():
            if members and not trail.is_org_trail:
                continue
            logs = trail.status.is_logging or trail.arn in logged
            taken = [r for r in records if logs and _takes(trail, r)]
            if not taken:
                continue
            with self._wake:
                self._number += 1
                due = time.monotonic() + self._delay
                heapq.heappush(self._queue, (due, self._number, trail.arn, taken))
                self._wake.notify_all()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._stopping:
                    wait = self._queue[0][0] - time.monotonic() if self._queue else None
                    if wait is not None and wait <= 0:
                        break
                    self._wake.wait(wait)
                if self._stopping:
                    return
                _, _, arn, records = heapq.heappop(self._queue)
            trail = next((t for t in self._account.trails() if t.arn == arn), None)
            if trail is not None:
                self._deliver(trail, records)

    def _deliver(self, trail: Trail, records: Sequence[Record]) -> None:
        told, now = self.status(trail.arn), datetime.now(UTC)
        try:
            if trail.cw_log_group_arn:
                written = self._to_logs(trail, records)
                told = replace(told, logs_at=now, logs_error=None)
                if not written:
                    told = replace(told, logs_error="The log group does not exist")
            if self._encrypts(trail):
                self._to_bucket(trail, records)
                told = replace(told, bucket_at=now, bucket_error=None)
            else:
                told = replace(told, bucket_error="AccessDenied")
        except Exception as error:  # a bucket or group taken away must not end the delivery
            log.exception("trail %s could not deliver", trail.trail_name)
            told = replace(told, bucket_error=type(error).__name__)
        self._status[trail.arn] = told

    def _to_logs(self, trail: Trail, records: Sequence[Record]) -> bool:
        parts = trail.cw_log_group_arn.split(":")
        streams: dict[str, list[tuple[int, str]]] = {}
        for record in records:
            message = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
            if len(message.encode()) <= LARGEST_LOG_EVENT:
                stream = self._stream(trail, record)
                streams.setdefault(stream, []).append((millis(event_time(record)), message))
        written = [
            self._groups.write(parts[3], parts[6], stream, sorted(events))
            for stream, events in streams.items()
        ]
        return all(written)

    def _stream(self, trail: Trail, record: Record) -> str:
        """Members of an organization have streams of their own, which begin with its id."""
        account = str(record.get("recipientAccountId") or self._account.id)
        name = f"{self._account.id}_CloudTrail_{trail.region_name}"
        if not trail.is_org_trail or account == self._account.id:
            return name
        return f"{organization_id(self._account)}_{account}_CloudTrail_{trail.region_name}"

    def _encrypts(self, trail: Trail) -> bool:
        """Whether the trail's key, where it has one, still works and lets CloudTrail in."""
        if not trail.kms_key_id:
            return True
        key = self._keys.find(trail.region_name, trail.kms_key_id)
        context = {
            "aws:SourceArn": trail.arn,
            "kms:EncryptionContext:aws:cloudtrail:arn": trail.arn,
        }
        service = "cloudtrail.amazonaws.com"
        return key is not None and self._keys.lets(key, service, ("GenerateDataKey",), context)

    def _to_bucket(self, trail: Trail, records: Sequence[Record]) -> None:
        """One object for each account and Region, as CloudTrail lays out its files."""
        batches: dict[tuple[str, str], list[Record]] = {}
        for record in records:
            account = str(record.get("recipientAccountId") or self._account.id)
            region = str(record.get("awsRegion") or trail.region_name)
            batches.setdefault((account, region), []).append(record)
        for (account, region), batch in batches.items():
            body = json.dumps({"Records": batch}, separators=(",", ":"), ensure_ascii=False)
            organization = organization_id(self._account) if trail.is_org_trail else ""
            key = object_key(trail, account, region, datetime.now(UTC), organization)
            self._account.s3.put_object(trail.bucket_name, key, gzip.compress(body.encode()))


def _takes(trail: Trail, record: Record) -> bool:
    region = record.get("awsRegion") or trail.region_name
    if not trail.is_multi_region and region != trail.region_name:
        return False
    return takes(trail.event_selectors, trail.advanced_event_selectors, record)


def organization_id(account: Account) -> str:
    """The id of the organization that an account manages; "" where it manages none."""
    found = organizations_backends[account.id]["aws"].org
    return str(found.id) if found else ""


def object_key(
    trail: Trail, account: str, region: str, now: datetime, organization: str = ""
) -> str:
    """CloudTrail's key: AWSLogs/[o-…/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/FILE.json.gz.

    Source: CloudTrail User Guide, "Finding your CloudTrail log files".
    """
    prefix = f"{trail.s3_key_prefix}/" if trail.s3_key_prefix else ""
    folder = f"{organization}/" if organization else ""
    name = f"{account}_CloudTrail_{region}_{now:%Y%m%dT%H%MZ}_{secrets.token_hex(8)}.json.gz"
    return f"{prefix}AWSLogs/{folder}{account}/CloudTrail/{region}/{now:%Y/%m/%d}/{name}"
