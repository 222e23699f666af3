"""Knows how an on-call service's alert becomes one of ours, and what a webhook left out of it.

Stores and posts nothing.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from trailwatch.alert import Alert, AlertFields, AlertState, Search
from trailwatch.clock import parse_time, plausible
from trailwatch.detections import Catalogue
from trailwatch.notification import Notification
from trailwatch.routers.router import RoutedAlert
from trailwatch.site import SiteConfig, parse_arn

MISSING = frozenset({"", "null"})
"""What Opsgenie leaves where an extraction found nothing."""
CUT = 1000
"""Characters after which Opsgenie cuts a description and each detail in its webhooks ("Webhook
integration", support.atlassian.com/opsgenie)."""
INCOMPLETE = "incomplete"
"""In `Alert.extra`: what describes the alert was not all in its webhook, and is to be read."""


def is_incomplete(notification: Notification) -> bool:
    """Whether a Create has no details, as the service sends them only where that was asked for, or
    has texts that may have been cut.
    """
    texts = (notification.description, *notification.details.values())
    return not alarm_name(notification.details) or any(len(text) >= CUT for text in texts)


def completed(
    alert: Alert,
    routed: RoutedAlert,
    config: SiteConfig,
    catalogue: Catalogue,
    account_name: Callable[[str], str],
) -> Alert:
    """An incomplete alert with what the service has of it; where that says more of which events it
    is, they are to be searched anew. The same alert where it is complete.
    """
    if INCOMPLETE not in alert.extra:
        return alert
    found = {key: value for key, value in vars(fields_of(routed, config)).items() if value}
    fields = replace(alert.fields, **found)
    fields = replace(fields, account_name=account_name(fields.account))
    whole = replace(
        alert,
        fields=fields,
        title=_title(fields, routed, catalogue),
        first_seen=fields.state_change or alert.first_seen,
        site=config.site.name if fields.alarm_arn else alert.site,
        extra={key: value for key, value in alert.extra.items() if key != INCOMPLETE},
    )
    if _searched_by(whole.fields) == _searched_by(alert.fields):
        return whole
    return replace(whole, search=Search.WAITING, search_note="")


def _searched_by(fields: AlertFields) -> tuple[Any, ...]:
    return (fields.alarm_name, fields.alarm_arn, fields.reason, fields.state_change)


def new_alert(
    *,
    config: SiteConfig,
    catalogue: Catalogue,
    account_name: Callable[[str], str],
    routed: RoutedAlert,
) -> Alert:
    """An alert of ours from the on-call service's. Pure but for its random id."""
    fields = fields_of(routed, config)
    fields = replace(fields, account_name=account_name(fields.account))
    detection = catalogue.detections.get(fields.detection_id)
    severity = routed.priority or (detection.severity.value if detection else "P3")
    return Alert(
        id=secrets.token_hex(8),
        alias=routed.alias,
        router_id=routed.id,
        tiny_id=routed.tiny_id,
        title=_title(fields, routed, catalogue),
        severity=severity,
        state=AlertState.OPEN,
        fields=fields,
        first_seen=fields.state_change or routed.created_at,
        updated_at=routed.updated_at,
        count=routed.count,
        owner=routed.owner,
        site=config.site.name,
    )


def _title(fields: AlertFields, routed: RoutedAlert, catalogue: Catalogue) -> str:
    detection = catalogue.detections.get(fields.detection_id)
    return detection.title if detection else (fields.alarm_name or routed.message or "Alarm")


def fields_of(routed: RoutedAlert, config: SiteConfig) -> AlertFields:
    """The extracted description fields: from the extra properties, else from alias and text.

    What the integration extracted is text out of a JSON string, so its escapes are undone here.
    The region's code comes from the alarm's ARN: the message names the region for people only.
    """
    details = {key: _plain(value) for key, value in routed.details.items()}
    arn_text = alarm_arn(routed.details, routed.alias)
    arn = parse_arn(arn_text)
    if arn is None or arn.service != "cloudwatch":
        arn, arn_text = None, ""
    name = details.get("alarm_name") or (arn.resource.removeprefix("alarm:") if arn else "")
    name = name or routed.message
    described = details.get("description") or _first_line(routed.description)
    return AlertFields(
        description=described,
        account=details.get("aws_account") or (arn.account if arn else ""),
        region=arn.region if arn else "",
        region_name=details.get("aws_region_name", ""),
        alarm_name=name,
        alarm_arn=arn_text,
        reason=details.get("reason", ""),
        state_change=went_off(details),
        detection_id=config.detection_id(name) or "",
    )


def alarm_arn(details: Mapping[str, str], alias: str) -> str:
    """The ARN of the alarm that an alert is of: from the extra properties, else its alias."""
    return _plain(details.get("alarm_arn", "")) or alias


def alarm_name(details: Mapping[str, str]) -> str:
    """The alarm's name as the extra properties have it, "" where they don't."""
    return _plain(details.get("alarm_name", ""))


def went_off(details: Mapping[str, str]) -> datetime | None:
    """When the alarm went off (UTC), as the extra properties have it."""
    try:
        return plausible(parse_time(details["state_change_time"]))
    except (KeyError, ValueError, OverflowError):
        return None


def _plain(value: str) -> str:
    if value in MISSING or value.startswith("{{"):
        return ""
    try:
        return str(json.loads(f'"{value}"', strict=False))
    except ValueError:
        return value


def _first_line(description: str) -> str:
    return _plain(description.split("\n\n", 1)[0].strip())
