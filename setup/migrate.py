"""Knows the test alarm of a site that moves between on-call services. Touches nothing else.

While it moves, the topic tells both. The alarm is a real one, set off by hand, so that what it
shows is the road that alarms take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from setup.resource import MARK, Need
from trailwatch.site import SiteConfig

if TYPE_CHECKING:
    from setup.clients import Clients

DESCRIPTION = "[P5] A test of trailwatch's: alarms reach both on-call services. Nothing happened."
REASON = "Set off by /trailwatch migrate, to see by which ways alarms come."


def canary(config: SiteConfig) -> str:
    """The test alarm's name; with our prefix, since the topic takes no other alarm's messages."""
    return f"{config.prefix}-canary"


def canary_arn(config: SiteConfig) -> str:
    return config.site.alarm_arn(canary(config))


def fire(config: SiteConfig, clients: Clients) -> None:
    """Make the test alarm and set it off. Raises AwsError.

    Its metric has no data, so CloudWatch sets it back by itself. One that is on still, since a
    test was cut off, would tell nobody a second time, so it is quiet first. Source: SetAlarmState,
    CloudWatch API reference.
    """
    clients.call(
        "cloudwatch",
        "PutMetricAlarm",
        AlarmName=canary(config),
        AlarmDescription=DESCRIPTION,
        Namespace=config.namespace,
        MetricName=canary(config),
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[config.site.topic_arn(config.topic)],
        Tags=[{"Key": MARK, "Value": config.site.name}],
    )
    for state in ("OK", "ALARM"):
        clients.call(
            "cloudwatch",
            "SetAlarmState",
            AlarmName=canary(config),
            StateValue=state,
            StateReason=REASON,
        )


def remove(config: SiteConfig, clients: Clients) -> None:
    """Delete the test alarm; one that is gone already is fine. Raises AwsError."""
    clients.find("cloudwatch", "DeleteAlarms", ("ResourceNotFound",), AlarmNames=[canary(config)])


def needs(config: SiteConfig) -> list[Need]:
    """The rights for the test alarm."""
    arn = canary_arn(config)
    actions = ("PutMetricAlarm", "SetAlarmState", "DeleteAlarms", "TagResource")
    return [("write", f"cloudwatch:{action}", arn) for action in actions]
