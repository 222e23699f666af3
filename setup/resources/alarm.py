"""Knows the alarm of a detection. Never sets its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from trailwatch.site import Site

if TYPE_CHECKING:
    from setup.clients import Clients

LATEST_RECORD = timedelta(minutes=15)
"""How late a record may come and still set off its alarm.

CloudTrail delivers with a p99 near 505 s and guarantees nothing. A metric filter puts a late
record into the minute that it happened in, so an alarm that looks at the last minute alone never
sees it. Looking for 1 datapoint in the last 15 minutes, a record ten minutes late still fires."""
MAX_DESCRIPTION = 1024


@dataclass(frozen=True)
class Alarm:
    """Goes off when `threshold` or more events match within one `period`.

    The alarm, its metric and its metric filter share a name. Source: PutMetricAlarm, CloudWatch
    API reference.
    """

    kind: ClassVar[str] = "alarm"

    site: Site
    name: str
    prefix: str
    """What the names of all alarms of the site begin with; they are read together."""
    namespace: str
    topic: str
    description: str
    period: timedelta
    threshold: int
    own_tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return self.site.alarm_arn(self.name)

    @property
    def permissions(self) -> tuple[tuple[str, str, str], ...]:
        ours = self.site.alarm_arn(f"{self.prefix}-*")
        return (
            ("read", "cloudwatch:DescribeAlarms", self.site.alarm_arn("*")),
            ("read", "cloudwatch:ListTagsForResource", ours),
            ("write", "cloudwatch:PutMetricAlarm", ours),
            ("write", "cloudwatch:TagResource", ours),
            ("delete", "cloudwatch:DeleteAlarms", ours),
        )

    def wanted(self) -> dict[str, Any]:
        topic = self.site.topic_arn(self.topic)
        period = int(self.period.total_seconds())
        return {
            "description": self.description[:MAX_DESCRIPTION],
            "metric": self.name,
            "namespace": self.namespace,
            "dimensions": [],
            "statistic": "Sum",
            "period": period,
            "evaluation_periods": max(1, -(-int(LATEST_RECORD.total_seconds()) // period)),
            "datapoints_to_alarm": 1,
            "comparison": "GreaterThanOrEqualToThreshold",
            "threshold": float(self.threshold),
            "missing_data": "notBreaching",
            "actions_enabled": True,
            "alarm_actions": [topic],
            "ok_actions": [topic],
            "insufficient_data_actions": [],
            "tags": dict(self.own_tags),
        }

    def read(self, clients: Clients) -> dict[str, Any] | None:
        found = clients.alarms(f"{self.prefix}-").get(self.name)
        if found is None:
            return None
        periods = int(found.get("EvaluationPeriods", 0))
        return {
            "description": found.get("AlarmDescription", ""),
            "metric": found.get("MetricName", ""),
            "namespace": found.get("Namespace", ""),
            "dimensions": found.get("Dimensions", []),
            "statistic": found.get("Statistic") or found.get("ExtendedStatistic", ""),
            "period": int(found.get("Period", 0)),
            "evaluation_periods": periods,
            "datapoints_to_alarm": int(found.get("DatapointsToAlarm") or periods),
            "comparison": found.get("ComparisonOperator", ""),
            "threshold": float(found.get("Threshold", 0)),
            "missing_data": found.get("TreatMissingData") or "missing",
            "actions_enabled": bool(found.get("ActionsEnabled", True)),
            "alarm_actions": list(found.get("AlarmActions", ())),
            "ok_actions": list(found.get("OKActions", ())),
            "insufficient_data_actions": list(found.get("InsufficientDataActions", ())),
        }

    def tags(self, clients: Clients) -> dict[str, str] | None:
        gone = ("ResourceNotFound", "ResourceNotFoundException")
        found = clients.find("cloudwatch", "ListTagsForResource", gone, ResourceARN=self.arn)
        return {tag["Key"]: tag["Value"] for tag in (found or {}).get("Tags", ())}

    def write(self, clients: Clients, before: Mapping[str, Any] | None) -> None:
        wanted = self.wanted()
        tags = [{"Key": key, "Value": text} for key, text in sorted(wanted["tags"].items())]
        # Tags in PutMetricAlarm count only when it creates the alarm.
        extra = {"Tags": tags} if before is None else {}
        if before is None or any(before.get(key) != wanted[key] for key in wanted if key != "tags"):
            clients.call(
                "cloudwatch",
                "PutMetricAlarm",
                AlarmName=self.name,
                AlarmDescription=wanted["description"],
                MetricName=wanted["metric"],
                Namespace=wanted["namespace"],
                Dimensions=[],
                Statistic=wanted["statistic"],
                Period=wanted["period"],
                EvaluationPeriods=wanted["evaluation_periods"],
                DatapointsToAlarm=wanted["datapoints_to_alarm"],
                ComparisonOperator=wanted["comparison"],
                Threshold=wanted["threshold"],
                TreatMissingData=wanted["missing_data"],
                ActionsEnabled=True,
                AlarmActions=wanted["alarm_actions"],
                OKActions=wanted["ok_actions"],
                InsufficientDataActions=[],
                **extra,
            )
        if before is not None and before.get("tags") != wanted["tags"]:
            clients.call("cloudwatch", "TagResource", ResourceARN=self.arn, Tags=tags)

    def delete(self, clients: Clients) -> None:
        gone = ("ResourceNotFound", "ResourceNotFoundException")
        clients.find("cloudwatch", "DeleteAlarms", gone, AlarmNames=[self.name])
