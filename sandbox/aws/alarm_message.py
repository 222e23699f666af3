"""Knows how CloudWatch words an alarm for SNS. Pure."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from moto.cloudwatch.models import Alarm

from sandbox.aws.alarm_state import stamp
from sandbox.aws.backends import aware
from sandbox.aws.regions import display_name


def subject(alarm: Alarm, region: str) -> str:
    """The Subject of the SNS message, cut to SNS's 100 characters."""
    return f'{alarm.state_value}: "{alarm.name}" in {display_name(region)}'[:100]


def message(alarm: Alarm, account: str, region: str, old: str, at: datetime) -> str:
    """The JSON that CloudWatch publishes, with the fields in the order of messages of 2025.

    `alarm` is in its new state; `old` is the one before; `at` is when it changed.
    """
    body: dict[str, Any] = {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": account,
        "AlarmConfigurationUpdatedTimestamp": stamp(aware(alarm.configuration_updated_timestamp)),
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": stamp(at),
        "Region": display_name(region),
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": old,
        "OKActions": list(alarm.ok_actions),
        "AlarmActions": list(alarm.alarm_actions),
        "InsufficientDataActions": list(alarm.insufficient_data_actions),
        "Trigger": _trigger(alarm),
    }
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def _trigger(alarm: Alarm) -> dict[str, Any]:
    trigger: dict[str, Any] = {
        "MetricName": alarm.metric_name,
        "Namespace": alarm.namespace,
        "StatisticType": "Statistic",
        "Statistic": alarm.statistic.upper(),
        "Unit": alarm.unit,
        "Dimensions": [{"value": d.value, "name": d.name} for d in alarm.dimensions],
        "Period": int(alarm.period),
        "EvaluationPeriods": int(alarm.evaluation_periods),
    }
    if alarm.datapoints_to_alarm:
        trigger["DatapointsToAlarm"] = int(alarm.datapoints_to_alarm)
    trigger |= {
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": float(alarm.threshold),
        "TreatMissingData": alarm.treat_missing_data or "missing",
        "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile or "",
    }
    return trigger
