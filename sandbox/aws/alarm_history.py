"""Knows what happened to alarms, as DescribeAlarmHistory tells it. Never why it happened."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import Alarm

from sandbox.aws.alarm_state import State, stamp
from sandbox.aws.backends import aware, millis
from sandbox.aws.protocol import AwsCall, Refusal

TYPES = ("ConfigurationUpdate", "StateUpdate", "Action")


@dataclass(frozen=True)
class Item:
    """One line of an alarm's history."""

    region: str
    alarm: str
    at: datetime
    type: str
    summary: str
    data: Mapping[str, Any]

    def as_result(self) -> dict[str, Any]:
        return {
            "AlarmName": self.alarm,
            "AlarmType": "MetricAlarm",
            "Timestamp": self.at,
            "HistoryItemType": self.type,
            "HistorySummary": self.summary,
            "HistoryData": json.dumps(self.data, separators=(",", ":"), ensure_ascii=False),
        }


class AlarmHistory:
    """The last 20,000 items of all alarms; those of a deleted alarm stay, as in AWS."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque(maxlen=20_000)
        self._lock = threading.Lock()

    def configuration(self, region: str, alarm: Alarm, what: str) -> None:
        """`what` is Create, Update or Delete."""
        said = {"Create": "created", "Update": "updated", "Delete": "deleted"}[what]
        data = {"version": "1.0", "type": what, f"{said}Alarm": _configuration(alarm)}
        now = datetime.now(UTC)
        self._add(region, alarm, now, "ConfigurationUpdate", f'Alarm "{alarm.name}" {said}', data)

    def state_update(
        self, region: str, alarm: Alarm, old: State, before: tuple[str, str | None], now: datetime
    ) -> None:
        """`before` is the old state's reason and reason data."""
        data = {
            "version": "1.0",
            "oldState": _state(old, *before),
            "newState": _state(
                State(alarm.state_value), alarm.state_reason, alarm.state_reason_data
            ),
        }
        summary = f"Alarm updated from {old} to {alarm.state_value}"
        self._add(region, alarm, now, "StateUpdate", summary, data)

    def action(
        self, region: str, alarm: Alarm, arn: str, text: str, failure: str | None, now: datetime
    ) -> None:
        """An action that was carried out, or why it failed."""
        data: dict[str, Any] = {
            "actionState": "Failed" if failure else "Succeeded",
            "stateUpdateTimestamp": millis(now),
            "notificationResource": arn,
            "publishedMessage": json.dumps({"default": text}, ensure_ascii=False),
        }
        summary = f"Successfully executed action {arn}"
        if failure:
            data["error"] = failure
            summary = f'Failed to execute action {arn}. Received error: "{failure}"'
        self._add(region, alarm, now, "Action", summary, data)

    def state(self) -> object:
        """What is to be kept between two runs."""
        with self._lock:
            return list(self._items)

    def restore(self, state: list[Item]) -> None:
        self._items.extend(state)

    def describe(self, call: AwsCall) -> dict[str, Any]:
        """DescribeAlarmHistory: filters, order and paging (at most 100 items a page)."""
        kind = call.get("HistoryItemType")
        if kind not in (None, *TYPES):
            raise Refusal("ValidationError", f"HistoryItemType must be one of {', '.join(TYPES)}")
        size = int(call.get("MaxRecords", 100))
        if not 1 <= size <= 100:
            raise Refusal("ValidationError", "MaxRecords must be between 1 and 100")
        start, end = call.get("StartDate"), call.get("EndDate")
        names = [call.get("AlarmName")] if call.get("AlarmName") else None
        with self._lock:
            items = [
                item
                for item in self._items
                if item.region == call.region
                and (names is None or item.alarm in names)
                and kind in (None, item.type)
                and (start is None or item.at >= aware(start))
                and (end is None or item.at <= aware(end))
            ]
        if call.get("ScanBy") != "TimestampAscending":
            items.reverse()
        token = str(call.get("NextToken", "0"))
        if not token.isdigit():
            raise Refusal("InvalidNextToken", "The next token specified is invalid.")
        first = int(token)
        page = [item.as_result() for item in items[first : first + size]]
        result: dict[str, Any] = {"AlarmHistoryItems": page}
        if first + size < len(items):
            result["NextToken"] = str(first + size)
        return result

    def _add(
        self,
        region: str,
        alarm: Alarm,
        at: datetime,
        kind: str,
        summary: str,
        data: Mapping[str, Any],
    ) -> None:
        with self._lock:
            self._items.append(Item(region, alarm.name, at, kind, summary, data))


def _state(value: State, reason: str, data: str | None) -> dict[str, Any]:
    state: dict[str, Any] = {"stateValue": value.value, "stateReason": reason}
    if data and data != "{}":
        state["stateReasonData"] = json.loads(data)
    return state


def _configuration(alarm: Alarm) -> dict[str, Any]:
    return {
        "alarmName": alarm.name,
        "alarmArn": alarm.alarm_arn,
        "namespace": alarm.namespace,
        "metricName": alarm.metric_name,
        "statistic": alarm.statistic,
        "period": alarm.period,
        "evaluationPeriods": alarm.evaluation_periods,
        "datapointsToAlarm": alarm.datapoints_to_alarm,
        "threshold": alarm.threshold,
        "comparisonOperator": alarm.comparison_operator,
        "treatMissingData": alarm.treat_missing_data,
        "actionsEnabled": alarm.actions_enabled,
        "alarmActions": list(alarm.alarm_actions),
        "okActions": list(alarm.ok_actions),
        "insufficientDataActions": list(alarm.insufficient_data_actions),
        "alarmConfigurationUpdatedTimestamp": stamp(aware(alarm.configuration_updated_timestamp)),
    }
