"""Knows the trail: what it records and where it delivers. Never reads a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from trailwatch.site import Site

if TYPE_CHECKING:
    from setup.clients import Clients

GONE = ("TrailNotFoundException", "TrailNotFound")
INSIGHTS = ("ApiCallRateInsight", "ApiErrorRateInsight")


@dataclass(frozen=True)
class Trail:
    """A multi-region trail of management events, with file validation, to S3 and a log group.

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
            ("delete", "cloudtrail:DeleteTrail", arn),
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
            "event_selectors": [
                {
                    "ReadWriteType": "All",
                    "IncludeManagementEvents": True,
                    "ExcludeManagementEventSources": [],
                    "DataResources": [],
                }
            ],
            "insights": list(INSIGHTS) if self.insights else [],
            "tags": dict(self.own_tags),
        }

    def read(self, clients: Clients) -> dict[str, Any] | None:
        name = self.name
        described, status, selectors, insights = clients.together(
            lambda: clients.find(
                "cloudtrail",
                "DescribeTrails",
                GONE,
                trailNameList=[name],
                includeShadowTrails=False,
            ),
            lambda: clients.find("cloudtrail", "GetTrailStatus", GONE, Name=name),
            lambda: clients.find("cloudtrail", "GetEventSelectors", GONE, TrailName=name),
            lambda: clients.find(
                "cloudtrail",
                "GetInsightSelectors",
                (*GONE, "InsightNotEnabledException"),
                TrailName=name,
            ),
        )
        found = [one for one in (described or {}).get("trailList", ()) if one.get("Name") == name]
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
            "event_selectors": _selectors_in(selectors or {}),
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
        core = {
            "Name": self.name,
            "S3BucketName": self.bucket,
            "CloudWatchLogsLogGroupArn": wanted["log_group"],
            "CloudWatchLogsRoleArn": wanted["role"],
            "IsMultiRegionTrail": True,
            "IncludeGlobalServiceEvents": True,
            "EnableLogFileValidation": True,
        }
        if before is None:
            clients.call("cloudtrail", "CreateTrail", **core, TagsList=tags)
            before = {"tags": wanted["tags"]}
        elif any(before.get(name) != wanted[name] for name in _CORE):
            clients.call("cloudtrail", "UpdateTrail", **core)
        if before.get("tags") != wanted["tags"]:
            arn = self.site.trail_arn(self.name)
            clients.call("cloudtrail", "AddTags", ResourceId=arn, TagsList=tags)
        if before.get("event_selectors") != wanted["event_selectors"]:
            selectors = wanted["event_selectors"]
            clients.call(
                "cloudtrail", "PutEventSelectors", TrailName=self.name, EventSelectors=selectors
            )
        if sorted(before.get("insights", ())) != sorted(wanted["insights"]):
            kinds = [{"InsightType": kind} for kind in wanted["insights"]]
            clients.call(
                "cloudtrail", "PutInsightSelectors", TrailName=self.name, InsightSelectors=kinds
            )
        if not before.get("logging"):
            clients.call("cloudtrail", "StartLogging", Name=self.name)

    def delete(self, clients: Clients) -> None:
        clients.find("cloudtrail", "DeleteTrail", GONE, Name=self.name)


_CORE = ("bucket", "log_group", "role", "multi_region", "global_events", "file_validation")


def _selectors_in(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    advanced = answer.get("AdvancedEventSelectors")
    if advanced:
        return [{"Name": one.get("Name", ""), **one} for one in advanced]
    return [
        {
            "ReadWriteType": one.get("ReadWriteType", "All"),
            "IncludeManagementEvents": bool(one.get("IncludeManagementEvents", True)),
            "ExcludeManagementEventSources": list(one.get("ExcludeManagementEventSources", ())),
            "DataResources": list(one.get("DataResources", ())),
        }
        for one in answer.get("EventSelectors", ())
    ]
