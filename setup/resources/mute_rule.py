"""Knows an alarm mute rule that somebody made over our alarms. Never makes a new one.

Source: PutAlarmMuteRule, GetAlarmMuteRule, ListAlarmMuteRules, CloudWatch API reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from trailwatch.site import Site

if TYPE_CHECKING:
    from setup.clients import Clients

GONE = ("ResourceNotFoundException", "ResourceNotFound")


@dataclass(frozen=True)
class MuteRule:
    """A rule that silences `ours`; what else it silences stays silenced.

    Wanted is the rule without our alarms; a rule of ours alone is deleted.
    """

    kind: ClassVar[str] = "mute_rule"

    site: Site
    name: str
    ours: tuple[str, ...]
    others: tuple[str, ...] = ()

    @property
    def permissions(self) -> tuple[tuple[str, str, str], ...]:
        rule = self.site.arn("cloudwatch", f"alarm-mute-rule:{self.name}")
        return (
            ("read", "cloudwatch:GetAlarmMuteRule", rule),
            ("write", "cloudwatch:PutAlarmMuteRule", rule),
            ("delete", "cloudwatch:DeleteAlarmMuteRule", rule),
            # The right to put a rule has to be had on each alarm that it is left with, too.
            *(
                ("write", "cloudwatch:PutAlarmMuteRule", self.site.alarm_arn(name))
                for name in self.others
            ),
        )

    def wanted(self) -> dict[str, Any]:
        return {"mutes": list(self.others)}

    def read(self, clients: Clients) -> dict[str, Any] | None:
        found = self._found(clients)
        return None if found is None else {"mutes": muted_by(found)}

    def tags(self, clients: Clients) -> dict[str, str] | None:
        return None

    def write(self, clients: Clients, before: Mapping[str, Any] | None) -> None:
        found = self._found(clients)
        if found is None:
            return
        kept = {
            name: found[name]
            for name in ("Name", "Description", "Rule", "StartDate", "ExpireDate")
            if found.get(name)
        }
        clients.call(
            "cloudwatch", "PutAlarmMuteRule", **kept, MuteTargets={"AlarmNames": list(self.others)}
        )

    def delete(self, clients: Clients) -> None:
        clients.find("cloudwatch", "DeleteAlarmMuteRule", GONE, AlarmMuteRuleName=self.name)

    def _found(self, clients: Clients) -> dict[str, Any] | None:
        return clients.find("cloudwatch", "GetAlarmMuteRule", GONE, AlarmMuteRuleName=self.name)


def muted_by(found: Mapping[str, Any]) -> list[str]:
    """The names of the alarms that a rule silences."""
    return sorted(str(name) for name in (found.get("MuteTargets") or {}).get("AlarmNames", ()))


def rules(clients: Clients) -> list[dict[str, Any]]:
    """Every rule that silences alarms now or later, whole; raises AwsError."""
    summaries = clients.pages(
        "cloudwatch",
        "ListAlarmMuteRules",
        "AlarmMuteRuleSummaries",
        "NextToken",
        Statuses=["ACTIVE", "SCHEDULED"],
    )
    names = [str(one["AlarmMuteRuleArn"]).rpartition(":")[2] for one in summaries]
    found = (
        clients.find("cloudwatch", "GetAlarmMuteRule", GONE, AlarmMuteRuleName=name)
        for name in names
    )
    return [
        {"ExpireDate": summary.get("ExpireDate"), **rule}
        for summary, rule in zip(summaries, found, strict=True)
        if rule is not None
    ]


def ends(rule: Mapping[str, Any]) -> datetime | None:
    """When a rule stops silencing for good; None for one without an end."""
    end = rule.get("ExpireDate")
    return end if isinstance(end, datetime) else None
