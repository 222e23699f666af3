"""Knows what Opsgenie is to do with an alarm's message. Pure: never sends the actions."""

from __future__ import annotations

from typing import Any

SEVERITIES = ("P1", "P2", "P3", "P4", "P5")
DEFAULT_PRIORITY = "P3"
TAG = "trailwatch"
"""The tag of every alert of ours, by which the webhook knows them."""

# Each extraction is anchored on one key alone. CloudWatch adds keys between others at will: since
# 2025 one stands between AWSAccountId and NewStateValue, which broke patterns that span both.
_PLAIN = '([^"]+)'
# A JSON string may hold escaped quotes; null matches nothing and leaves the field empty.
_QUOTED = r'((?:[^"\\]|\\.)*)'


def extract(key: str, inside: str = _PLAIN) -> str:
    """The string that gives one key's value. Source: String processing methods, Opsgenie."""
    return '{{Message.extract(/"%s":"%s"/)}}' % (key, inside)  # noqa: UP031


ALIAS = extract("AlarmArn")
DESCRIPTION = extract("AlarmDescription", _QUOTED)


def alert_tags(site: str) -> tuple[str, str]:
    """The tags of a site's alerts: ours, and the site's."""
    return (TAG, f"site:{site}"[:50])


def incoming_actions(site: str, *, auto_close: bool) -> dict[str, list[dict[str, Any]]]:
    """The actions of the Incoming Amazon SNS integration, as its API takes them.

    ALARM makes an alert whose alias is the alarm's ARN, with the priority that the description
    starts with ("[P1] …"). OK adds a note; it closes the alert only with `auto_close`, as a quiet
    minute does not undo what somebody did. The first action that matches is the only one.
    """
    create = [
        _create(
            site, f"{TAG}: ALARM {severity}", order, severity, f'"AlarmDescription":"[{severity}]'
        )
        for order, severity in enumerate(SEVERITIES, start=1)
    ]
    create.append(_create(site, f"{TAG}: ALARM", len(create) + 1, DEFAULT_PRIORITY))
    ok = {
        "type": "close" if auto_close else "addNote",
        "name": f"{TAG}: OK",
        "order": len(create) + 1,
        "filter": _contains('"NewStateValue":"OK"'),
        "user": TAG,
        "note": "The alarm went back to OK.",
        "alias": ALIAS,
    }
    return {
        "ignore": [],
        "create": create,
        "close": [ok] if auto_close else [],
        "acknowledge": [],
        "addNote": [] if auto_close else [ok],
    }


def _create(site: str, name: str, order: int, priority: str, also: str = "") -> dict[str, Any]:
    return {
        "type": "create",
        "name": name,
        "order": order,
        "filter": _contains('"NewStateValue":"ALARM"', *([also] if also else [])),
        "user": TAG,
        "note": "",
        "alias": ALIAS,
        "source": "AmazonSns",
        "message": extract("AlarmName"),
        "description": (
            f"{DESCRIPTION}\n\nAWS account ID: {extract('AWSAccountId')}\n\n"
            f"AWS region: {extract('Region')}"
        ),
        "entity": "",
        "priority": priority,
        "tags": list(alert_tags(site)),
        # These come with the webhook as details, where no text has to be parsed.
        "extraProperties": {
            "alarm_arn": ALIAS,
            "alarm_name": extract("AlarmName"),
            "aws_account": extract("AWSAccountId"),
            "aws_region_name": extract("Region"),
            "description": DESCRIPTION,
            "reason": extract("NewStateReason", _QUOTED),
            "state_change_time": extract("StateChangeTime"),
        },
    }


def _contains(*parts: str) -> dict[str, Any]:
    return {
        "conditionMatchType": "match-all-conditions",
        "conditions": [
            {"field": "Message", "not": False, "operation": "contains", "expectedValue": part}
            for part in parts
        ],
    }
