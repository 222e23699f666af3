"""The job that looks for alarms of which the topic's message never came. Changes only ours."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers.deps import Deps
from handlers.direct import take_alarm
from handlers.jobs.job import JobContext
from trailwatch.alarm_message import AlarmMessage
from trailwatch.aws import Aws
from trailwatch.clock import iso, parse_time
from trailwatch.errors import AwsError
from trailwatch.routers.router import RoutedAlert, RouterName
from trailwatch.site import SiteConfig
from trailwatch.store import direct_alerts

log = logging.getLogger("trailwatch.direct")

WITHIN = timedelta(hours=24)
"""How far back it looks: a bot that is away for longer shows what is on then by other means."""
ON_ITS_WAY = timedelta(minutes=2)
"""So young an alarm may still be told by SNS."""
ALIKE = timedelta(seconds=1)
"""A message and the history may differ by so much."""
PAGES = 20


def catch_up(deps: Deps, job: JobContext) -> None:
    """Take in what CloudWatch's history has and no message told.

    What fails is only logged: the next look is minutes away, and messages come without it.
    """
    for name in deps.sites.names:
        try:
            _catch_up(deps, job, name)
        except AwsError as error:
            log.warning("the alarms' history of %s cannot be read: %s", name, error)


def _catch_up(deps: Deps, job: JobContext, name: str) -> None:
    config = deps.sites.config(name)
    if RouterName.DIRECT in (config.router, config.beside):
        for at, alarm in _went_off(deps.reading(name), config, deps.clock()):
            job.beat()
            with deps.db.transaction() as tx:
                if not told(direct_alerts.newest(tx, alarm.arn), at):
                    take_alarm(deps, tx, alarm, config, key=f"history:{iso(at)}")


def told(newest: RoutedAlert | None, at: datetime) -> bool:
    """Whether a message came of an alarm that went off then, or later."""
    shown = newest.details.get("state_change_time", "") if newest else ""
    return bool(shown) and parse_time(shown) >= at - ALIKE


def _went_off(
    aws: Aws, config: SiteConfig, now: datetime
) -> Iterator[tuple[datetime, AlarmMessage]]:
    """When our alarms went off, oldest first. Source: DescribeAlarmHistory, CloudWatch."""
    token: dict[str, str] = {}
    for _ in range(PAGES):
        page = aws.call(
            "cloudwatch",
            "DescribeAlarmHistory",
            HistoryItemType="StateUpdate",
            StartDate=now - WITHIN,
            EndDate=now - ON_ITS_WAY,
            ScanBy="TimestampAscending",
            MaxRecords=100,
            **token,
        )
        for item in page.get("AlarmHistoryItems", ()):
            found = _alarm(config, item)
            if found is not None:
                yield item["Timestamp"].astimezone(UTC), found
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def _alarm(config: SiteConfig, item: Mapping[str, Any]) -> AlarmMessage | None:
    name = str(item.get("AlarmName", ""))
    if config.detection_id(name) is None:
        return None
    try:
        state = json.loads(item.get("HistoryData") or "{}")["newState"]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(state, Mapping) or state.get("stateValue") != "ALARM":
        return None
    return AlarmMessage(
        name=name,
        arn=config.site.alarm_arn(name),
        state="ALARM",
        account=config.site.account,
        reason=str(state.get("stateReason", "")),
        changed_at=item["Timestamp"].astimezone(UTC),
    )
