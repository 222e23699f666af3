"""Knows the trail: what it records and where it delivers. Never reads a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from trailwatch.event_selectors import as_arguments, selectors_in
from trailwatch.site import Site

if TYPE_CHECKING:
    from setup.clients import Clients

GONE = ("TrailNotFoundException", "TrailNotFound")
INSIGHTS = ("ApiCallRateInsight", "ApiErrorRateInsight")


ALL_MANAGEMENT: Sequence[Mapping[str, Any]] = (
    {
        "ReadWriteType": "All",
        "IncludeManagementEvents": True,
        "ExcludeManagementEventSources": [],
        "DataResources": [],
    },
)


@dataclass(frozen=True)
class Trail:
    """A multi-region trail with file validation, to S3 and a log group.

    Source: CreateTrail, PutEventSelectors, PutInsightSelectors, CloudTrail API reference.
    """

    kind: ClassVar[str] = "trail"

    site: Site
    name: str
    bucket: str
    log_group: str
    role: str
    insights: bool
    own_tags: Mapping[str, str] = field(default_factory=dict)
    selectors: Sequence[Mapping[str, Any]] = ALL_MANAGEMENT
    key: str = ""
    """An alias of ours or an ARN; "" leaves encrypting to the bucket."""
    organization: str = ""
    """The id of the organization whose accounts it covers; "" covers this one alone."""

    @property
    def permissions(self) -> tuple[tuple[str, str, str], ...]:
        arn = self.site.trail_arn(self.name)
        reads = ("GetEventSelectors", "GetInsightSelectors", "GetTrailStatus", "ListTags")
        writes = (
            "AddTags",
            "CreateTrail",
            "PutEventSelectors",
            "PutInsightSelectors",
            "StartLogging",
            "UpdateTrail",
        )
        return (
            ("read", "cloudtrail:DescribeTrails", "*"),
            *(("read", f"cloudtrail:{action}", arn) for action in reads),
            *(("write", f"cloudtrail:{action}", arn) for action in writes),
            ("write", "iam:PassRole", self.site.role_arn(self.role)),
            *(self._organization_permissions() if self.organization else ()),
            ("delete", "cloudtrail:DeleteTrail", arn),
        )

    def _organization_permissions(self) -> tuple[tuple[str, str, str], ...]:
        # CloudTrail looks at the organization with the rights of whoever makes the trail. Source:
        # Prepare for creating a trail for your organization, CloudTrail user guide.
        linked = "aws-service-role/cloudtrail.amazonaws.com/AWSServiceRoleForCloudTrail"
        return (
            ("read", "organizations:DescribeOrganization", "*"),
            ("read", "organizations:ListAWSServiceAccessForOrganization", "*"),
            ("write", "iam:CreateServiceLinkedRole", self.site.role_arn(linked)),
            ("write", "iam:GetRole", self.site.role_arn(linked)),
        )

    def wanted(self) -> dict[str, Any]:
        return {
            "bucket": self.bucket,
            "log_group": self.site.log_group_arn(self.log_group),
            "role": self.site.role_arn(self.role),
            "multi_region": True,
            "global_events": True,
            "file_validation": True,
            "logging": True,
            "organization": bool(self.organization),
            "kms_key": self.key or "none",
            "event_selectors": [dict(one) for one in self.selectors],
            "insights": list(INSIGHTS) if self.insights else [],
            "tags": dict(self.own_tags),
        }

    def read(self, clients: Clients) -> dict[str, Any] | None:
        name = self.name
        described, status, selectors, insights = clients.together(
            lambda: {"trailList": clients.trails()},
            lambda: clients.find("cloudtrail", "GetTrailStatus", GONE, Name=name),
            lambda: clients.find("cloudtrail", "GetEventSelectors", GONE, TrailName=name),
            lambda: clients.find(
                "cloudtrail",
                "GetInsightSelectors",
                (*GONE, "InsightNotEnabledException"),
                TrailName=name,
            ),
        )
        home = self.site.region
        found = [
            one
            for one in (described or {})["trailList"]
            if one.get("Name") == name and one.get("HomeRegion", home) == home
        ]
        if not found:
            return None
        trail = found[0]
        return {
            "bucket": trail.get("S3BucketName", ""),
            "log_group": trail.get("CloudWatchLogsLogGroupArn", ""),
            "role": trail.get("CloudWatchLogsRoleArn", ""),
            "multi_region": bool(trail.get("IsMultiRegionTrail")),
            "global_events": bool(trail.get("IncludeGlobalServiceEvents")),
            "file_validation": bool(trail.get("LogFileValidationEnabled")),
            "logging": bool((status or {}).get("IsLogging")),
            "organization": bool(trail.get("IsOrganizationTrail")),
            "kms_key": clients.key_shown(trail.get("KmsKeyId"), self.key),
            "event_selectors": selectors_in(selectors or {}),
            "insights": sorted(
                one["InsightType"] for one in (insights or {}).get("InsightSelectors", ())
            ),
        }

    def tags(self, clients: Clients) -> dict[str, str] | None:
        arn = self.site.trail_arn(self.name)
        found = clients.find("cloudtrail", "ListTags", GONE, ResourceIdList=[arn])
        pairs = [tag for one in (found or {}).get("ResourceTagList", ()) for tag in one["TagsList"]]
        return {tag["Key"]: tag.get("Value", "") for tag in pairs}

    def live(self, clients: Clients) -> dict[str, Any]:
        """GetTrailStatus as it is: the latest deliveries and their errors; {} where it is gone."""
        return clients.find("cloudtrail", "GetTrailStatus", GONE, Name=self.name) or {}

    def write(self, clients: Clients, before: Mapping[str, Any] | None) -> None:
        wanted = self.wanted()
        tags = [{"Key": key, "Value": text} for key, text in sorted(wanted["tags"].items())]
        core: dict[str, Any] = {
            "Name": self.name,
            "S3BucketName": self.bucket,
            "CloudWatchLogsLogGroupArn": wanted["log_group"],
            "CloudWatchLogsRoleArn": wanted["role"],
            "IsMultiRegionTrail": True,
            "IncludeGlobalServiceEvents": True,
            "EnableLogFileValidation": True,
        }
        if self.key:
            core["KmsKeyId"] = clients.key_arn(self.key)
        elif before is not None and before.get("kms_key", "none") != "none":
            core["KmsKeyId"] = ""
        if self.organization or (before or {}).get("organization"):
            core["IsOrganizationTrail"] = bool(self.organization)
        if before is None:
            clients.call("cloudtrail", "CreateTrail", **core, TagsList=tags)
            before = {"tags": wanted["tags"]}
        elif any(before.get(name) != wanted[name] for name in _CORE):
            clients.call("cloudtrail", "UpdateTrail", **core)
        if before.get("tags") != wanted["tags"]:
            arn = self.site.trail_arn(self.name)
            clients.call("cloudtrail", "AddTags", ResourceId=arn, TagsList=tags)
        if before.get("event_selectors") != wanted["event_selectors"]:
            selectors = as_arguments(wanted["event_selectors"])
            clients.call("cloudtrail", "PutEventSelectors", TrailName=self.name, **selectors)
        if sorted(before.get("insights", ())) != sorted(wanted["insights"]):
            kinds = [{"InsightType": kind} for kind in wanted["insights"]]
            clients.call(
                "cloudtrail", "PutInsightSelectors", TrailName=self.name, InsightSelectors=kinds
            )
        if not before.get("logging"):
            clients.call("cloudtrail", "StartLogging", Name=self.name)

    def delete(self, clients: Clients) -> None:
        clients.find("cloudtrail", "DeleteTrail", GONE, Name=self.name)


_CORE = (
    "bucket",
    "log_group",
    "role",
    "multi_region",
    "global_events",
    "file_validation",
    "organization",
    "kms_key",
)
