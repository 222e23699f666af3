"""Knows CloudWatch's calls on alarms and metric data. Never how an alarm is evaluated."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import Alarm

from sandbox.aws.alarm_history import AlarmHistory
from sandbox.aws.alarm_state import COMPARISONS, MISSING, State, Verdict
from sandbox.aws.alarms import Alarms
from sandbox.aws.backends import Account
from sandbox.aws.metrics import Metrics
from sandbox.aws.operations import Handler, Proceed
from sandbox.aws.protocol import AwsCall, Refusal
from sandbox.wire import Answer

STATISTICS = ("Sum", "Average", "Minimum", "Maximum", "SampleCount")
PAGE = 50
ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")


class CloudWatch:
    """The calls that moto answers otherwise than AWS does."""

    def __init__(
        self, account: Account, metrics: Metrics, alarms: Alarms, history: AlarmHistory
    ) -> None:
        self._account = account
        self._metrics = metrics
        self._alarms = alarms
        self._history = history

    def handlers(self) -> dict[str, Handler]:
        return {
            "PutMetricAlarm": self._put_alarm,
            "PutCompositeAlarm": _refuse_composite,
            "DescribeAlarms": self._describe,
            "DescribeAlarmHistory": lambda call, _: self._history.describe(call),
            "SetAlarmState": self._set_state,
            "DeleteAlarms": self._delete,
            "PutMetricData": self._put_data,
        }

    def _put_alarm(self, call: AwsCall, proceed: Proceed) -> Answer:
        _check_alarm(call)
        backend = self._account.cloudwatch(call.region)
        name = call.params["AlarmName"]
        with self._alarms.lock:
            old = backend.alarms.get(name)
            answer = proceed()
            new = backend.alarms.get(name)
            if answer.code >= 300 or new is None:
                return answer
            if old is None:
                new.state_value = State.INSUFFICIENT_DATA.value
            else:
                new.state_value = old.state_value
                new.state_reason = old.state_reason
                new.state_reason_data = old.state_reason_data
                new.state_updated_timestamp = old.state_updated_timestamp
                vars(new).update(_transition(old))
            self._history.configuration(call.region, new, "Update" if old else "Create")
        self._alarms.changed()
        return answer

    def _describe(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        size = int(call.get("MaxRecords", PAGE))
        if not 1 <= size <= 100:
            raise Refusal("ValidationError", "MaxRecords must be between 1 and 100")
        token = str(call.get("NextToken", "0"))
        if not token.isdigit():
            raise Refusal("InvalidNextToken", "The next token specified is invalid.")
        types = call.get("AlarmTypes") or ["MetricAlarm"]
        alarms = list(self._account.cloudwatch(call.region).alarms.values())
        found = (
            sorted(_select(call, alarms), key=lambda a: a.name) if "MetricAlarm" in types else []
        )
        first = int(token)
        result: dict[str, Any] = {
            "MetricAlarms": found[first : first + size],
            "CompositeAlarms": [],
        }
        if first + size < len(found):
            result["NextToken"] = str(first + size)
        return result

    def _set_state(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        alarm = self._account.cloudwatch(call.region).alarms.get(call.params["AlarmName"])
        if alarm is None:
            raise Refusal("ResourceNotFound", "Alarm does not exist", 404)
        value, data = call.get("StateValue"), call.get("StateReasonData")
        if value not in tuple(State):
            raise Refusal("ValidationError", f"StateValue must be one of {', '.join(State)}")
        try:
            json.loads(data or "{}")
        except ValueError as error:
            raise Refusal("InvalidFormat", "StateReasonData is not JSON") from error
        verdict = Verdict(State(value), call.get("StateReason", ""), data or "")
        self._alarms.set_state(call.region, alarm, verdict)
        return {}

    def _delete(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        """Names that don't exist are passed over: the others are deleted all the same."""
        backend = self._account.cloudwatch(call.region)
        with self._alarms.lock:
            for name in call.get("AlarmNames", []):
                alarm = backend.alarms.pop(name, None)
                if alarm is not None:
                    self._history.configuration(call.region, alarm, "Delete")
        self._alarms.changed()
        return {}

    def _put_data(self, call: AwsCall, proceed: Proceed) -> Answer:
        answer = proceed()
        if answer.code < 300:
            data = call.get("MetricData", [])
            self._metrics.put(call.region, call.params["Namespace"], data, datetime.now(UTC))
        return answer


def _select(call: AwsCall, alarms: Iterable[Alarm]) -> Iterable[Alarm]:
    names, prefix = call.get("AlarmNames"), call.get("AlarmNamePrefix")
    action, state = call.get("ActionPrefix"), call.get("StateValue")
    if names and prefix:
        raise Refusal(
            "ValidationError", "AlarmNames and AlarmNamePrefix cannot be given in one call"
        )
    for alarm in alarms:
        actions = [*alarm.alarm_actions, *alarm.ok_actions, *alarm.insufficient_data_actions]
        if (
            (not names or alarm.name in names)
            and (not prefix or alarm.name.startswith(prefix))
            and (not state or alarm.state_value == state)
            and (not action or any(a.startswith(action) for a in actions))
        ):
            yield alarm


def _transition(alarm: Alarm) -> dict[str, Any]:
    """When the state last changed, which moto's class does not hold by itself."""
    name = "state_transitioned_timestamp"
    return {name: vars(alarm)[name]} if name in vars(alarm) else {}


def _refuse_composite(call: AwsCall, proceed: Proceed) -> dict[str, Any]:
    raise Refusal("ValidationError", "The sandbox has no composite alarms")


def _check_alarm(call: AwsCall) -> None:
    """What PutMetricAlarm refuses. Source: its page in the CloudWatch API Reference."""
    for wrong, text in _complaints(call):
        if wrong:
            raise Refusal("ValidationError", text)
    for key in ACTIONS:
        for arn in call.get(key, []):
            parts = arn.split(":")
            if len(parts) < 6 or parts[0] != "arn":
                raise Refusal("ValidationError", f"Invalid arn syntax: {arn}")
            if parts[2] == "sns" and parts[3] != call.region:
                text = f"Invalid region {parts[3]} specified. Only {call.region} is supported."
                raise Refusal("ValidationError", text)


def _complaints(call: AwsCall) -> Iterable[tuple[bool, str]]:
    name = call.get("AlarmName", "")
    yield not 1 <= len(name) <= 255, "AlarmName must have 1 to 255 characters"
    yield bool(call.get("Metrics")), "The sandbox evaluates alarms on one metric only"
    yield (
        len(call.get("AlarmDescription", "")) > 1024,
        (
            "1 validation error detected: Value at 'alarmDescription' failed to satisfy "
            "constraint: Member must have length less than or equal to 1024"
        ),
    )
    operator = call.get("ComparisonOperator")
    yield (
        operator not in COMPARISONS,
        (
            f"1 validation error detected: Value '{operator}' at 'comparisonOperator' failed to "
            f"satisfy constraint: Member must satisfy enum value set: [{', '.join(COMPARISONS)}]"
        ),
    )
    for key in ("MetricName", "Namespace", "Period", "EvaluationPeriods", "Threshold"):
        yield call.get(key) is None, f"The parameter {key} is required."
    chosen = call.get("Statistic")
    yield chosen not in STATISTICS, f"Statistic must be one of {', '.join(STATISTICS)}"
    period, periods = int(call.params["Period"]), int(call.params["EvaluationPeriods"])
    short = (10, 20, 30)
    yield (
        period not in short and (period < 60 or period % 60 != 0),
        ("Period must be 10, 20, 30 or a multiple of 60"),
    )
    yield periods < 1, "EvaluationPeriods must be at least 1"
    limit = 604_800 if period >= 3600 else 86_400
    yield (
        period * periods > limit,
        (
            f"Metrics cannot be checked across more than {limit // 86_400} days "
            "(EvaluationPeriods * Period)"
        ),
    )
    datapoints = call.get("DatapointsToAlarm")
    yield (
        datapoints is not None and not 1 <= int(datapoints) <= periods,
        ("DatapointsToAlarm must be at least 1 and at most EvaluationPeriods"),
    )
    missing = call.get("TreatMissingData")
    yield missing not in (None, *MISSING), f"TreatMissingData must be one of {', '.join(MISSING)}"
    for key in ACTIONS:
        yield len(call.get(key, [])) > 5, f"{key} may hold at most 5 actions"
