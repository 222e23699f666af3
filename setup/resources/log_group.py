"""Knows the CloudWatch Logs group that the trail feeds. Never reads what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from trailwatch.site import Site

if TYPE_CHECKING:
    from setup.clients import Clients

GONE = ("ResourceNotFoundException",)


@dataclass(frozen=True)
class LogGroup:
    """A log group that keeps its events for `retention_days`.

    Source: PutRetentionPolicy and AssociateKmsKey, CloudWatch Logs API reference.
    """

    kind: ClassVar[str] = "log_group"

    site: Site
    name: str
    retention_days: int
    own_tags: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    """An alias of ours or an ARN; "" leaves encrypting to CloudWatch Logs."""

    @property
    def permissions(self) -> tuple[tuple[str, str, str], ...]:
        group = self.site.arn("logs", f"log-group:{self.name}")
        # Without a key, one that was wanted before is taken off again.
        encrypt = "AssociateKmsKey" if self.key else "DisassociateKmsKey"
        return (
            ("read", "logs:DescribeLogGroups", self.site.arn("logs", "log-group:*")),
            ("read", "logs:ListTagsForResource", group),
            ("write", f"logs:{encrypt}", f"{group}:*"),
            ("write", "logs:CreateLogGroup", f"{group}:*"),
            ("write", "logs:PutRetentionPolicy", f"{group}:*"),
            ("write", "logs:TagResource", group),
            ("delete", "logs:DeleteLogGroup", f"{group}:*"),
        )

    @property
    def _arn(self) -> str:
        # Tags want the ARN without the ":*" at its end.
        return self.site.log_group_arn(self.name).removesuffix(":*")

    def wanted(self) -> dict[str, Any]:
        return {
            "retention_days": self.retention_days,
            "kms_key": self.key or "none",
            "tags": dict(self.own_tags),
        }

    def read(self, clients: Clients) -> dict[str, Any] | None:
        groups = clients.pages(
            "logs", "DescribeLogGroups", "logGroups", "nextToken", logGroupNamePrefix=self.name
        )
        for group in groups:
            if group["logGroupName"] == self.name:
                return {
                    "retention_days": int(group.get("retentionInDays") or 0),
                    "kms_key": clients.key_shown(group.get("kmsKeyId"), self.key),
                }
        return None

    def tags(self, clients: Clients) -> dict[str, str] | None:
        found = clients.find("logs", "ListTagsForResource", GONE, resourceArn=self._arn)
        return dict((found or {}).get("tags", {}))

    def write(self, clients: Clients, before: Mapping[str, Any] | None) -> None:
        wanted = self.wanted()
        if before is None:
            encrypted = {"kmsKeyId": clients.key_arn(self.key)} if self.key else {}
            clients.call(
                "logs", "CreateLogGroup", logGroupName=self.name, tags=wanted["tags"], **encrypted
            )
            before = {"tags": wanted["tags"], "kms_key": wanted["kms_key"]}
        if before.get("tags") != wanted["tags"]:
            clients.call("logs", "TagResource", resourceArn=self._arn, tags=wanted["tags"])
        if before.get("retention_days") != self.retention_days:
            clients.call(
                "logs",
                "PutRetentionPolicy",
                logGroupName=self.name,
                retentionInDays=self.retention_days,
            )
        if before.get("kms_key") != wanted["kms_key"]:
            self._encrypt(clients)

    def _encrypt(self, clients: Clients) -> None:
        """What is in the group already stays as it was encrypted."""
        if not self.key:
            clients.call("logs", "DisassociateKmsKey", logGroupName=self.name)
            return
        key = clients.key_arn(self.key)
        clients.call("logs", "AssociateKmsKey", logGroupName=self.name, kmsKeyId=key)

    def delete(self, clients: Clients) -> None:
        clients.find("logs", "DeleteLogGroup", GONE, logGroupName=self.name)
