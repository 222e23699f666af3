"""Knows the addresses of consoles. Builds links from our own parts only, never from event data."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from trailwatch.site import parse_arn

_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def alarm_url(alarm_arn: str) -> str:
    """CloudWatch's page of an alarm; "" where the text is no alarm's ARN."""
    arn = parse_arn(alarm_arn)
    if arn is None or arn.service != "cloudwatch" or arn.partition not in _CONSOLES:
        return ""
    host = f"{arn.region}.{_CONSOLES[arn.partition]}"
    name = quote(arn.resource.removeprefix("alarm:"), safe="")
    return f"https://{host}/cloudwatch/home?region={arn.region}#alarmsV2:alarm/{name}"


def event_url(event_id: str, region: str, partition: str = "aws") -> str:
    """CloudTrail's page of an event; "" for a region or partition that cannot be one."""
    if partition not in _CONSOLES or not region.replace("-", "").isalnum():
        return ""
    host = f"{region}.{_CONSOLES[partition]}"
    return f"https://{host}/cloudtrailv2/home?region={region}#/events/{quote(event_id, safe='')}"


def opsgenie_url(api_url: str, alert_id: str) -> str:
    """Opsgenie's page of an alert, in the data centre that the API's address names."""
    host = "app.eu.opsgenie.com" if "api.eu." in api_url else "app.opsgenie.com"
    return f"https://{host}/alert/detail/{quote(alert_id, safe='')}/details"


def period_text(start: datetime, end: datetime) -> str:
    """ "2026-11-23 09:00 to 10:00 UTC" for messages that can't use Slack's own dates."""
    same_day = start.date() == end.date()
    last = f"{end:%H:%M}" if same_day else f"{end:%Y-%m-%d %H:%M}"
    return f"{start:%Y-%m-%d %H:%M} to {last} UTC"
