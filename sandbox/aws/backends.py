"""Knows where moto keeps the account's resources. Never what AWS allows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.cloudtrail.models import CloudTrailBackend, Trail, cloudtrail_backends
from moto.cloudwatch.models import Alarm, CloudWatchBackend, cloudwatch_backends
from moto.core.base_backend import BackendDict
from moto.iam.models import IAMBackend, iam_backends
from moto.logs.models import LogsBackend, logs_backends
from moto.s3.models import S3Backend, s3_backends
from moto.sns.models import SNSBackend, sns_backends

ROLES = ("trailwatch-setup", "trailwatch-run")
"""Roles that exist from the start, so that the sandbox's settings can name them."""


@dataclass(frozen=True)
class Account:
    """One account's resources in moto. moto keeps them for the whole process."""

    id: str
    region: str

    def logs(self, region: str) -> LogsBackend:
        return logs_backends[self.id][region]

    def every_logs(self) -> list[LogsBackend]:
        """CloudWatch Logs of every Region in use."""
        return list(logs_backends[self.id].values())

    def cloudwatch(self, region: str) -> CloudWatchBackend:
        return cloudwatch_backends[self.id][region]

    def sns(self, region: str) -> SNSBackend:
        return sns_backends[self.id][region]

    def cloudtrail(self, region: str) -> CloudTrailBackend:
        return cloudtrail_backends[self.id][region]

    @property
    def s3(self) -> S3Backend:
        return s3_backends[self.id]["aws"]

    @property
    def iam(self) -> IAMBackend:
        return iam_backends[self.id]["aws"]

    def trails(self) -> list[Trail]:
        """Every trail of the account, in every Region."""
        return [t for b in list(cloudtrail_backends[self.id].values()) for t in b.trails.values()]

    def alarms(self) -> Iterator[tuple[str, Alarm]]:
        """Every alarm with its Region."""
        for region, backend in list(cloudwatch_backends[self.id].items()):
            for alarm in list(backend.alarms.values()):
                yield region, alarm

    def clear(self) -> None:
        """Forget everything that moto holds in this process."""
        BackendDict.reset()

    def make_roles(self, trusted: str, external_id: str = "") -> None:
        """Make the roles that settings may name; an account may assume them, with that id."""
        for name in ROLES:
            self.iam.create_role(
                role_name=name,
                assume_role_policy_document=_trust(trusted, external_id),
                path="/",
                permissions_boundary=None,
                description="Made by the sandbox",
                tags=[],
                max_session_duration="3600",
            )
            # What is asked of the simulator, which alone looks at it.
            self.iam.put_role_policy(name, "everything", _everything())


def _trust(account: str, external_id: str) -> str:
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "sts:AssumeRole",
    }
    if external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _everything() -> str:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def aware(moment: datetime) -> datetime:
    """moto's naive UTC as an aware datetime; one that is aware stays."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def naive(moment: datetime) -> datetime:
    """An aware datetime as moto's naive UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def millis(moment: datetime) -> int:
    """Milliseconds since 1970, as CloudWatch Logs counts."""
    return round(aware(moment).timestamp() * 1000)


def from_millis(value: int) -> datetime:
    return datetime.fromtimestamp(value / 1000, UTC)
