"""Knows the role by which CloudTrail writes to the log group. Never grants more than that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from trailwatch.site import Site

if TYPE_CHECKING:
    from setup.clients import Clients

GONE = ("NoSuchEntity", "NoSuchEntityException")
POLICY = "trailwatch-write-logs"


@dataclass(frozen=True)
class Role:
    """A role that only CloudTrail may take, and that may only write our log group's streams.

    It has no source conditions: CloudTrail does not support aws:SourceArn and aws:SourceAccount
    here, as the same page says. Who may hand it to CloudTrail is bound by iam:PassRole instead.
    Source: Role policy document for CloudTrail to use CloudWatch Logs, CloudTrail user guide.
    """

    kind: ClassVar[str] = "role"

    site: Site
    name: str
    log_group: str
    own_tags: Mapping[str, str] = field(default_factory=dict)
    organization: str = ""
    """The id of the organization whose accounts' streams it writes too."""

    @property
    def permissions(self) -> tuple[tuple[str, str, str], ...]:
        arn = self.site.role_arn(self.name)
        writes = ("CreateRole", "PutRolePolicy", "TagRole", "UpdateAssumeRolePolicy")
        return (
            ("read", "iam:GetRole", arn),
            ("read", "iam:GetRolePolicy", arn),
            *(("write", f"iam:{action}", arn) for action in writes),
            ("delete", "iam:DeleteRole", arn),
            ("delete", "iam:DeleteRolePolicy", arn),
        )

    def wanted(self) -> dict[str, Any]:
        site = self.site
        names = [f"{site.account}_CloudTrail_{site.region}*"]
        names += [f"{self.organization}_*"] if self.organization else []
        streams = [
            site.arn("logs", f"log-group:{self.log_group}:log-stream:{name}") for name in names
        ]
        return {
            "trust": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "OnlyCloudTrail",
                        "Effect": "Allow",
                        "Principal": {"Service": "cloudtrail.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            },
            "policy": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "WriteOurStreams",
                        "Effect": "Allow",
                        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                        "Resource": streams if len(streams) > 1 else streams[0],
                    }
                ],
            },
            "tags": dict(self.own_tags),
        }

    def read(self, clients: Clients) -> dict[str, Any] | None:
        found, policy = clients.together(
            lambda: clients.find("iam", "GetRole", GONE, RoleName=self.name),
            lambda: clients.find(
                "iam", "GetRolePolicy", GONE, RoleName=self.name, PolicyName=POLICY
            ),
        )
        if found is None:
            return None
        role = found["Role"]
        return {
            "trust": _document(role.get("AssumeRolePolicyDocument", {})),
            "policy": _document((policy or {}).get("PolicyDocument", {})),
            "tags": {tag["Key"]: tag["Value"] for tag in role.get("Tags", ())},
        }

    def tags(self, clients: Clients) -> dict[str, str] | None:
        found = clients.find("iam", "GetRole", GONE, RoleName=self.name)
        return {tag["Key"]: tag["Value"] for tag in (found or {}).get("Role", {}).get("Tags", ())}

    def write(self, clients: Clients, before: Mapping[str, Any] | None) -> None:
        wanted = self.wanted()
        tags = [{"Key": key, "Value": text} for key, text in sorted(wanted["tags"].items())]
        if before is None:
            clients.call(
                "iam",
                "CreateRole",
                RoleName=self.name,
                AssumeRolePolicyDocument=json.dumps(wanted["trust"]),
                Description="Lets CloudTrail write to the log group that trailwatch watches.",
                Tags=tags,
            )
            before = {"trust": wanted["trust"], "tags": wanted["tags"]}
        if before.get("tags") != wanted["tags"]:
            clients.call("iam", "TagRole", RoleName=self.name, Tags=tags)
        if before.get("trust") != wanted["trust"]:
            document = json.dumps(wanted["trust"])
            clients.call(
                "iam", "UpdateAssumeRolePolicy", RoleName=self.name, PolicyDocument=document
            )
        if before.get("policy") != wanted["policy"]:
            clients.call(
                "iam",
                "PutRolePolicy",
                RoleName=self.name,
                PolicyName=POLICY,
                PolicyDocument=json.dumps(wanted["policy"]),
            )

    def delete(self, clients: Clients) -> None:
        clients.find("iam", "DeleteRolePolicy", GONE, RoleName=self.name, PolicyName=POLICY)
        clients.find("iam", "DeleteRole", GONE, RoleName=self.name)


def _document(value: Any) -> dict[str, Any]:
    """A policy document; botocore gives it parsed, or as text where it can't."""
    return dict(json.loads(value)) if isinstance(value, str) else dict(value)
