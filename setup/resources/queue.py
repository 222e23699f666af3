"""Knows the SQS queue that holds alarms for a bot without an address. Never reads messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from trailwatch.site import Site

if TYPE_CHECKING:
    from setup.clients import Clients

GONE = (
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "NonExistentQueue",
)
RETENTION = 14 * 24 * 3600
"""Seconds that a message waits for the bot: as long as SQS allows."""
VISIBILITY = 60
"""Seconds in which the bot has to keep a message that it was given, until it is given again."""


@dataclass(frozen=True)
class Queue:
    """A queue to which only the topic may send. Source: SetQueueAttributes, SQS API reference."""

    kind: ClassVar[str] = "queue"

    site: Site
    name: str
    topic: str
    own_tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return self.site.arn("sqs", self.name)

    @property
    def permissions(self) -> tuple[tuple[str, str, str], ...]:
        return (
            ("read", "sqs:GetQueueUrl", self.arn),
            ("read", "sqs:GetQueueAttributes", self.arn),
            ("read", "sqs:ListQueueTags", self.arn),
            ("write", "sqs:CreateQueue", self.arn),
            ("write", "sqs:SetQueueAttributes", self.arn),
            ("write", "sqs:TagQueue", self.arn),
            ("delete", "sqs:DeleteQueue", self.arn),
        )

    def wanted(self) -> dict[str, Any]:
        return {
            "policy": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "OnlyOurTopic",
                        "Effect": "Allow",
                        "Principal": {"Service": "sns.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Resource": self.arn,
                        "Condition": {
                            "ArnEquals": {"aws:SourceArn": self.site.topic_arn(self.topic)}
                        },
                    }
                ],
            },
            "encrypted": True,
            "retention_seconds": RETENTION,
            "visibility_seconds": VISIBILITY,
            "tags": dict(self.own_tags),
        }

    def _attributes(self) -> dict[str, str]:
        wanted = self.wanted()
        return {
            "Policy": json.dumps(wanted["policy"]),
            "SqsManagedSseEnabled": "true",
            "MessageRetentionPeriod": str(RETENTION),
            "VisibilityTimeout": str(VISIBILITY),
        }

    def _url(self, clients: Clients) -> str | None:
        found = clients.find("sqs", "GetQueueUrl", GONE, QueueName=self.name)
        return None if found is None else str(found["QueueUrl"])

    def read(self, clients: Clients) -> dict[str, Any] | None:
        url = self._url(clients)
        if url is None:
            return None
        found = clients.find(
            "sqs", "GetQueueAttributes", GONE, QueueUrl=url, AttributeNames=["All"]
        )
        if found is None:
            return None
        attributes = found.get("Attributes", {})
        own_key = bool(attributes.get("KmsMasterKeyId"))
        return {
            "policy": json.loads(attributes.get("Policy") or "{}"),
            "encrypted": own_key or attributes.get("SqsManagedSseEnabled") == "true",
            "retention_seconds": int(attributes.get("MessageRetentionPeriod", 0)),
            "visibility_seconds": int(attributes.get("VisibilityTimeout", 0)),
        }

    def tags(self, clients: Clients) -> dict[str, str] | None:
        url = self._url(clients)
        if url is None:
            return {}
        found = clients.find("sqs", "ListQueueTags", GONE, QueueUrl=url)
        return {str(k): str(v) for k, v in (found or {}).get("Tags", {}).items()}

    def write(self, clients: Clients, before: Mapping[str, Any] | None) -> None:
        tags = dict(self.own_tags)
        if before is None:
            clients.call(
                "sqs",
                "CreateQueue",
                QueueName=self.name,
                Attributes=self._attributes(),
                tags=tags,
            )
            return
        url = str(clients.call("sqs", "GetQueueUrl", QueueName=self.name)["QueueUrl"])
        wanted = self.wanted()
        if any(before.get(name) != value for name, value in wanted.items() if name != "tags"):
            clients.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes=self._attributes())
        if before.get("tags") != wanted["tags"]:
            clients.call("sqs", "TagQueue", QueueUrl=url, Tags=tags)

    def delete(self, clients: Clients) -> None:
        url = self._url(clients)
        if url is not None:
            clients.find("sqs", "DeleteQueue", GONE, QueueUrl=url)
