"""Knows the addresses of consoles. An id of an event gets in only in AWS's own form."""

from __future__ import annotations

import re
from urllib.parse import quote

from trailwatch.site import parse_arn, partition_of

_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}

_REGION = re.compile(r"[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}")
_EVENT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def alarm_url(alarm_arn: str) -> str:
    """CloudWatch's page of an alarm; "" where the text is no alarm's ARN."""
    arn = parse_arn(alarm_arn)
    if arn is None or arn.service != "cloudwatch" or arn.partition not in _CONSOLES:
        return ""
    host = f"{arn.region}.{_CONSOLES[arn.partition]}"
    name = quote(arn.resource.removeprefix("alarm:"), safe="")
    return f"https://{host}/cloudwatch/home?region={arn.region}#alarmsV2:alarm/{name}"


def event_url(region: str, event_id: str) -> str:
    """CloudTrail's page of an event in its region's console; "" where either is of no such form.

    The event history keeps management events, for 90 days.
    """
    host = _CONSOLES.get(partition_of(region))
    if host is None or not _REGION.fullmatch(region) or not _EVENT_ID.fullmatch(event_id):
        return ""
    return f"https://{region}.{host}/cloudtrailv2/home?region={region}#/events/{event_id}"


def jsm_url(site_url: str, alert_id: str) -> str:
    """Jira Service Management's page of an alert; "" where Jira's address is not known."""
    return f"{site_url.rstrip('/')}/jira/ops/alerts/{quote(alert_id, safe='')}" if site_url else ""


def opsgenie_url(api_url: str, alert_id: str) -> str:
    """Opsgenie's page of an alert, in the data centre that the API's address names."""
    host = "app.eu.opsgenie.com" if "api.eu." in api_url else "app.opsgenie.com"
    return f"https://{host}/alert/detail/{quote(alert_id, safe='')}/details"
