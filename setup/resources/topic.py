"""Knows the SNS topic that alarms are sent to. Never publishes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from trailwatch.site import Site

if TYPE_CHECKING:
    from setup.clients import Clients

GONE = ("NotFound", "NotFoundException")


@dataclass(frozen=True)
class Topic:
    """A topic to which only our alarms of this account may publish.

    Signature version 2 signs with SHA-256. Source: Access policy, and SetTopicAttributes, SNS.
    """

    kind: ClassVar[str] = "topic"

    site: Site
    name: str
    alarm_prefix: str
    own_tags: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    """An alias of ours or an ARN; "" keeps messages as SNS does by itself."""

    @property
    def arn(self) -> str:
        return self.site.topic_arn(self.name)

    @property
    def permissions(self) -> tuple[tuple[str, str, str], ...]:
        return (
            ("read", "sns:GetTopicAttributes", self.arn),
            ("read", "sns:ListTagsForResource", self.arn),
            ("write", "sns:CreateTopic", self.arn),
            ("write", "sns:SetTopicAttributes", self.arn),
            ("write", "sns:TagResource", self.arn),
            ("delete", "sns:DeleteTopic", self.arn),
        )

    def wanted(self) -> dict[str, Any]:
        alarms = self.site.alarm_arn(f"{self.alarm_prefix}-*")
        return {
            "policy": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "OnlyOurAlarms",
                        "Effect": "Allow",
                        "Principal": {"Service": "cloudwatch.amazonaws.com"},
                        "Action": "sns:Publish",
                        "Resource": self.arn,
                        "Condition": {
                            "StringEquals": {"aws:SourceAccount": self.site.account},
                            "ArnLike": {"aws:SourceArn": alarms},
                        },
                    }
                ],
            },
            "signature_version": "2",
            "kms_key": self.key or "none",
            "tags": dict(self.own_tags),
        }

    def read(self, clients: Clients) -> dict[str, Any] | None:
        found = clients.find("sns", "GetTopicAttributes", GONE, TopicArn=self.arn)
        if found is None:
            return None
        attributes = found.get("Attributes", {})
        fields = {
            "policy": json.loads(attributes.get("Policy") or "{}"),
            "kms_key": clients.key_shown(attributes.get("KmsMasterKeyId"), self.key),
        }
        # An answer without the version says nothing about it.
        if "SignatureVersion" in attributes:
            fields["signature_version"] = attributes["SignatureVersion"]
        return fields

    def tags(self, clients: Clients) -> dict[str, str] | None:
        found = clients.find(
            "sns", "ListTagsForResource", (*GONE, "ResourceNotFound"), ResourceArn=self.arn
        )
        return {tag["Key"]: tag["Value"] for tag in (found or {}).get("Tags", ())}

    def write(self, clients: Clients, before: Mapping[str, Any] | None) -> None:
        wanted = self.wanted()
        tags = [{"Key": key, "Value": text} for key, text in sorted(wanted["tags"].items())]
        if before is None:
            clients.call("sns", "CreateTopic", Name=self.name, Tags=tags)
            before = {"tags": wanted["tags"], "kms_key": "none"}
        if before.get("tags") != wanted["tags"]:
            clients.call("sns", "TagResource", ResourceArn=self.arn, Tags=tags)
        if before.get("policy") != wanted["policy"]:
            self._set(clients, "Policy", json.dumps(wanted["policy"]))
        if before.get("signature_version") != wanted["signature_version"]:
            self._set(clients, "SignatureVersion", wanted["signature_version"])
        if before.get("kms_key") != wanted["kms_key"]:
            self._set(clients, "KmsMasterKeyId", clients.key_arn(self.key))

    def _set(self, clients: Clients, name: str, value: str) -> None:
        clients.call(
            "sns",
            "SetTopicAttributes",
            TopicArn=self.arn,
            AttributeName=name,
            AttributeValue=value,
        )

    def delete(self, clients: Clients) -> None:
        clients.find("sns", "DeleteTopic", GONE, TopicArn=self.arn)
