"""Knows the addresses of consoles. Builds links from our own parts only, never from event data."""

from __future__ import annotations

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


def opsgenie_url(api_url: str, alert_id: str) -> str:
    """Opsgenie's page of an alert, in the data centre that the API's address names."""
    host = "app.eu.opsgenie.com" if "api.eu." in api_url else "app.opsgenie.com"
    return f"https://{host}/alert/detail/{quote(alert_id, safe='')}/details"
