"""Knows the KMS key that encrypts the pipeline. Never encrypts or decrypts anything with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from trailwatch.site import Site

if TYPE_CHECKING:
    from setup.clients import Clients

GONE = ("NotFoundException",)
WINDOW_DAYS = 30
"""How long a key that is given up can be had back: the longest that KMS allows."""
PENDING = "PendingDeletion"
DESCRIPTION = "Encrypts what trailwatch keeps of CloudTrail, and the topic of its alarms."


@dataclass(frozen=True)
class KmsKey:
    """A symmetric key with rotation, known by its alias `name`.

    `mark` is the tag by which a key is found again that was made and got no alias. The policy
    leaves who may use the key to the account's IAM policies, and lets in four services for what
    they do here alone: CloudTrail for one trail, CloudWatch Logs for one log group, CloudWatch
    for our alarms' topic. Source: Configure KMS key policies for CloudTrail, CloudTrail user
    guide; Encrypt log data, CloudWatch Logs user guide; SNS key management, SNS developer guide.
    """

    kind: ClassVar[str] = "kms_key"

    site: Site
    name: str
    trail: str
    log_group: str
    alarm_prefix: str
    mark: str
    own_tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def permissions(self) -> tuple[tuple[str, str, str], ...]:
        keys = self.site.key_arn("*")
        alias = self.site.key_arn(self.name)
        reads = ("DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags")
        writes = ("CancelKeyDeletion", "EnableKey", "EnableKeyRotation", "PutKeyPolicy")
        return (
            *(("read", f"kms:{action}", keys) for action in reads),
            *(("write", f"kms:{action}", keys) for action in (*writes, "TagResource")),
            ("write", "kms:CreateAlias", alias),
            ("write", "kms:CreateAlias", keys),
            # These know no resources in IAM.
            ("write", "kms:CreateKey", "*"),
            ("write", "kms:ListAliases", "*"),
            ("write", "kms:ListKeys", "*"),
            ("delete", "kms:DeleteAlias", alias),
            ("delete", "kms:DeleteAlias", keys),
            ("delete", "kms:ScheduleKeyDeletion", keys),
        )

    def wanted(self) -> dict[str, Any]:
        return {
            "policy": self._policy(),
            "rotation": True,
            "state": "Enabled",
            "tags": dict(self.own_tags),
        }

    def _policy(self) -> dict[str, Any]:
        site = self.site
        group = site.log_group_arn(self.log_group).removesuffix(":*")
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "TheAccountDecides",
                    "Effect": "Allow",
                    "Principal": {"AWS": site.arn("iam", "root", region=False)},
                    "Action": "kms:*",
                    "Resource": "*",
                },
                {
                    "Sid": "OurTrail",
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudtrail.amazonaws.com"},
                    # Decrypt: the bucket uses a bucket key, which CloudTrail has to read.
                    "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*"],
                    "Resource": "*",
                    "Condition": {"StringEquals": {"aws:SourceArn": site.trail_arn(self.trail)}},
                },
                {
                    "Sid": "OurLogGroup",
                    "Effect": "Allow",
                    "Principal": {"Service": site.logs_principal},
                    "Action": [
                        "kms:Decrypt",
                        "kms:Describe*",
                        "kms:Encrypt",
                        "kms:GenerateDataKey*",
                        "kms:ReEncrypt*",
                    ],
                    "Resource": "*",
                    "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": group}},
                },
                {
                    "Sid": "OurAlarms",
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudwatch.amazonaws.com"},
                    "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                    "Resource": "*",
                    "Condition": {
                        "StringEquals": {"aws:SourceAccount": site.account},
                        "ArnLike": {"aws:SourceArn": site.alarm_arn(f"{self.alarm_prefix}-*")},
                    },
                },
            ],
        }

    def read(self, clients: Clients) -> dict[str, Any] | None:
        found = clients.find("kms", "DescribeKey", GONE, KeyId=self.name)
        if found is None:
            return None
        key = found["KeyMetadata"]
        policy, rotation = clients.together(
            lambda: clients.find(
                "kms", "GetKeyPolicy", GONE, KeyId=key["KeyId"], PolicyName="default"
            ),
            lambda: clients.find("kms", "GetKeyRotationStatus", GONE, KeyId=key["KeyId"]),
        )
        return {
            "policy": json.loads((policy or {}).get("Policy") or "{}"),
            "rotation": bool((rotation or {}).get("KeyRotationEnabled")),
            "state": key.get("KeyState", "Enabled"),
        }

    def tags(self, clients: Clients) -> dict[str, str] | None:
        key = clients.key_arn(self.name)
        return _tags_of(clients, key) if key else {}

    def write(self, clients: Clients, before: Mapping[str, Any] | None) -> None:
        wanted = self.wanted()
        tags = [{"TagKey": key, "TagValue": text} for key, text in sorted(wanted["tags"].items())]
        if before is None:
            before = self._create(clients, tags)
        key = clients.key_arn(self.name).rpartition("/")[2]
        # The state first: a key that is to be deleted takes nothing else.
        if before.get("state") == PENDING:
            clients.call("kms", "CancelKeyDeletion", KeyId=key)
        if before.get("state") != "Enabled":
            clients.call("kms", "EnableKey", KeyId=key)
        if before.get("tags") != wanted["tags"]:
            clients.call("kms", "TagResource", KeyId=key, Tags=tags)
        if before.get("policy") != wanted["policy"]:
            policy = json.dumps(wanted["policy"])
            clients.call("kms", "PutKeyPolicy", KeyId=key, PolicyName="default", Policy=policy)
        if not before.get("rotation"):
            clients.call("kms", "EnableKeyRotation", KeyId=key)

    def _create(self, clients: Clients, tags: list[dict[str, str]]) -> dict[str, Any]:
        """Make the key, or take the one that a create which was cut short or a destroy left; then
        give it its alias. A key costs by the month, and old files can't be read without theirs."""
        wanted = self.wanted()
        left = self._without_alias(clients)
        if left:
            found = max(left, key=lambda key: str(key.get("CreationDate")))
            known = {"state": found["KeyState"], "tags": _tags_of(clients, found["KeyId"])}
            if known["state"] == PENDING:
                clients.call("kms", "CancelKeyDeletion", KeyId=found["KeyId"])
                known["state"] = "Disabled"
        else:
            made = clients.call(
                "kms",
                "CreateKey",
                Description=DESCRIPTION,
                Policy=json.dumps(wanted["policy"]),
                Tags=tags,
            )
            found = made["KeyMetadata"]
            known = {"policy": wanted["policy"], "tags": wanted["tags"], "state": "Enabled"}
        clients.call("kms", "CreateAlias", AliasName=self.name, TargetKeyId=found["KeyId"])
        clients.forget(("key_arn", self.name))
        if not left:
            self._remove_twins(clients)
        return known

    def _remove_twins(self, clients: Clients) -> None:
        """Where the answer to CreateKey was lost and it was asked again there are two keys. What
        has no alias and wasn't there before has encrypted nothing."""
        for twin in self._without_alias(clients):
            if twin["KeyState"] != PENDING:
                clients.call(
                    "kms",
                    "ScheduleKeyDeletion",
                    KeyId=twin["KeyId"],
                    PendingWindowInDays=WINDOW_DAYS,
                )

    def _without_alias(self, clients: Clients) -> list[dict[str, Any]]:
        """The keys with our mark and our description that have no alias."""
        keys: list[str] = []
        marker: dict[str, str] = {}
        while True:
            page = clients.call("kms", "ListKeys", Limit=1000, **marker)
            keys += [one["KeyId"] for one in page.get("Keys", ())]
            if not page.get("Truncated"):
                break
            marker = {"Marker": page["NextMarker"]}
        found = clients.together(*(partial(self._ours, clients, key) for key in keys))
        return [key for key in found if key]

    def _ours(self, clients: Clients, key_id: str) -> dict[str, Any]:
        """A key's description where it is ours without an alias; {} for any other."""
        denied = ("AccessDeniedException", "AccessDenied", *GONE)
        tags = _pairs(clients.find("kms", "ListResourceTags", denied, KeyId=key_id) or {})
        if self.mark not in tags or tags[self.mark] != self.own_tags.get(self.mark):
            return {}
        if clients.call("kms", "ListAliases", KeyId=key_id).get("Aliases"):
            return {}
        found = clients.find("kms", "DescribeKey", denied, KeyId=key_id) or {}
        key: dict[str, Any] = found.get("KeyMetadata", {})
        return key if key.get("Description") == DESCRIPTION else {}

    def delete(self, clients: Clients) -> None:
        found = clients.find("kms", "DescribeKey", GONE, KeyId=self.name)
        if found is None:
            return
        key = found["KeyMetadata"]
        # The alias goes last: by it a destroy that was cut short finds the key again.
        if key.get("KeyState") != PENDING:
            clients.call(
                "kms",
                "ScheduleKeyDeletion",
                KeyId=key["KeyId"],
                PendingWindowInDays=WINDOW_DAYS,
            )
        clients.find("kms", "DeleteAlias", GONE, AliasName=self.name)
        clients.forget(("key_arn", self.name))


def _tags_of(clients: Clients, key: str) -> dict[str, str]:
    return _pairs(clients.find("kms", "ListResourceTags", GONE, KeyId=key) or {})


def _pairs(answer: Mapping[str, Any]) -> dict[str, str]:
    return {tag["TagKey"]: tag["TagValue"] for tag in answer.get("Tags", ())}
