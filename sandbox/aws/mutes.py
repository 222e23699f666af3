"""Knows CloudWatch's alarm mute rules and which alarms they silence. Never evaluates an alarm.

Source: PutAlarmMuteRule, GetAlarmMuteRule, ListAlarmMuteRules, CloudWatch API reference. Of the
schedules only at(...) is known here; cron(...) is refused.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.aws.backends import Account, aware
from sandbox.aws.operations import Handler, Proceed
from sandbox.aws.protocol import AwsCall, Refusal

_AT = re.compile(r"at\((\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?)\)")
_LASTS = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
PAGE = 100


@dataclass(frozen=True)
class MuteRule:
    """One rule: which alarms take no actions from `start` until `end`."""

    name: str
    region: str
    description: str
    schedule: Mapping[str, Any]
    alarms: tuple[str, ...]
    start: datetime
    end: datetime
    updated: datetime

    def status(self, now: datetime) -> str:
        if now >= self.end:
            return "EXPIRED"
        return "ACTIVE" if now >= self.start else "SCHEDULED"


class Mutes:
    """The mute rules of the account, by Region and name."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._rules: dict[tuple[str, str], MuteRule] = {}
        self._lock = threading.Lock()

    def handlers(self) -> dict[str, Handler]:
        return {
            "PutAlarmMuteRule": self._put,
            "GetAlarmMuteRule": self._get,
            "ListAlarmMuteRules": self._list,
            "DeleteAlarmMuteRule": self._delete,
        }

    def silences(self, region: str, alarm: str) -> bool:
        """Whether an alarm takes no actions now."""
        now = datetime.now(UTC)
        return any(
            rule.region == region and alarm in rule.alarms and rule.status(now) == "ACTIVE"
            for rule in self._known()
        )

    def state(self) -> object:
        """What is to be kept between two runs."""
        return self._known()

    def restore(self, state: list[MuteRule]) -> None:
        self._rules = {(rule.region, rule.name): rule for rule in state}

    def _known(self) -> list[MuteRule]:
        with self._lock:
            return sorted(self._rules.values(), key=lambda rule: rule.name)

    def _put(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        schedule = dict((call.get("Rule") or {}).get("Schedule") or {})
        begins = _AT.fullmatch(str(schedule.get("Expression", "")))
        lasts = _LASTS.fullmatch(str(schedule.get("Duration", "")))
        if begins is None or lasts is None or not any(lasts.groups()):
            raise Refusal("ValidationError", "The schedule's expression or duration is invalid.")
        days, hours, minutes = (int(part or 0) for part in lasts.groups())
        start = datetime.fromisoformat(begins[1]).replace(tzinfo=UTC)
        end = start + timedelta(days=days, hours=hours, minutes=minutes)
        expires = call.get("ExpireDate")
        name = str(call.get("Name"))
        rule = MuteRule(
            name,
            call.region,
            str(call.get("Description", "")),
            schedule,
            tuple((call.get("MuteTargets") or {}).get("AlarmNames", ())),
            start,
            min(end, aware(expires)) if expires else end,
            datetime.now(UTC),
        )
        with self._lock:
            self._rules[call.region, name] = rule
        return {}

    def _get(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        rule = self._found(call)
        return {
            "Name": rule.name,
            "AlarmMuteRuleArn": self._arn(rule),
            "Description": rule.description,
            "Rule": {"Schedule": rule.schedule},
            "MuteTargets": {"AlarmNames": list(rule.alarms)},
            "StartDate": rule.start,
            "Status": rule.status(datetime.now(UTC)),
            "LastUpdatedTimestamp": rule.updated,
            "MuteType": "ALARM",
        }

    def _list(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        now = datetime.now(UTC)
        wanted, alarm = call.get("Statuses"), call.get("AlarmName")
        start = int(call.get("NextToken", 0))
        found = [
            rule
            for rule in self._known()
            if rule.region == call.region
            and (not wanted or rule.status(now) in wanted)
            and (not alarm or alarm in rule.alarms)
        ]
        page = found[start : start + PAGE]
        summaries = [
            {
                "AlarmMuteRuleArn": self._arn(rule),
                "Status": rule.status(now),
                "MuteType": "ALARM",
                "LastUpdatedTimestamp": rule.updated,
                "ExpireDate": rule.end,
            }
            for rule in page
        ]
        more = {"NextToken": str(start + PAGE)} if len(found) > start + PAGE else {}
        return {"AlarmMuteRuleSummaries": summaries} | more

    def _delete(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        with self._lock:
            self._rules.pop((call.region, str(call.get("AlarmMuteRuleName"))), None)
        return {}

    def _found(self, call: AwsCall) -> MuteRule:
        name = str(call.get("AlarmMuteRuleName"))
        with self._lock:
            rule = self._rules.get((call.region, name))
        if rule is None:
            raise Refusal("ResourceNotFoundException", f"{name} does not exist.", 404)
        return rule

    def _arn(self, rule: MuteRule) -> str:
        return f"arn:aws:cloudwatch:{rule.region}:{self._account.id}:alarm-mute-rule:{rule.name}"
