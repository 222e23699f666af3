"""Knows Opsgenie's outgoing webhook: its secret header and its body. Never acts on one.

Types drift in real payloads: `updatedAt` comes in milliseconds, nanoseconds or as text,
`priority` as a number, lists may be missing, Escalate may carry only an alertId, and actions
appear that no page documents. Description and details come only with Create and custom actions,
cut at 1000 characters ("Webhook integration", support.atlassian.com/opsgenie).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from trailwatch.clock import parse_time, plausible
from trailwatch.notification import Notification
from trailwatch.routers.router import marked
from trailwatch.store.inbox import InboxRow

HEADER = "X-Trailwatch-Token"
LARGEST = 1_000_000
"""Bytes; a webhook's body is a few thousand."""

LONGEST_ID = 200
"""Characters of an alert's id; Opsgenie's have about 50."""
LONGEST_ACTION = 100
LONGEST_ALIAS = 512


class BadPayload(ValueError):
    """A body that is no webhook of Opsgenie's; the message says what is wrong with it."""


def authentic(token: str | None, secrets: Iterable[str]) -> bool:
    """Whether a request's token is one of the secrets in force; in constant time for each."""
    given = (token or "").encode("utf-8", "replace")
    matches = [hmac.compare_digest(given, secret.encode()) for secret in secrets if secret]
    return any(matches)


def notification_of(row: InboxRow) -> Notification:
    """The Notification of a delivery that was parsed before it was stored; raises BadPayload.

    The alert's id says which service it is of.
    """
    found = parse(row.body.encode(), row.at, row.source)
    return replace(found, alert_id=marked(row.source, found.alert_id))


def parse(body: bytes, received: datetime, source: str = "opsgenie") -> Notification:
    """The Notification in a webhook's body; raises BadPayload.

    Any action is taken, known or not. `received` stands in where the body has no time. `source`:
    "opsgenie", or "jsm", which sends the same.
    """
    data = _object(body)
    alert = data.get("alert")
    if not isinstance(alert, Mapping):
        raise BadPayload("the key `alert` is missing or no object")
    alert_id = _text(alert.get("alertId"))
    if not alert_id:
        raise BadPayload("`alert.alertId` is missing")
    if len(alert_id) > LONGEST_ID:
        raise BadPayload(f"`alert.alertId` has more than {LONGEST_ID} characters")
    action = _text(data.get("action"))[:LONGEST_ACTION]
    if not action:
        raise BadPayload("the key `action` is missing")
    updated_at = _moment(alert.get("updatedAt"))
    return Notification(
        key=_key(body, alert_id, action, alert.get("updatedAt"), source),
        source=source,
        action=action,
        alert_id=alert_id,
        updated_at=updated_at or received,
        alias=_text(alert.get("alias"))[:LONGEST_ALIAS],
        tiny_id=_text(alert.get("tinyId")),
        message=_text(alert.get("message")).strip(),
        priority=_priority(alert.get("priority")),
        by=_text(alert.get("username")),
        owner=_text(alert.get("owner")),
        note=_text(alert.get("note")),
        description=_text(alert.get("description")),
        tags=tuple(_texts(alert.get("tags"))),
        details=_details(alert.get("details")),
        snoozed_until=_moment(alert.get("snoozedUntil") or alert.get("snoozeEndDate")),
    )


def body_key(body: bytes, source: str = "opsgenie") -> str:
    """A key for a body that has none of its own: its hash."""
    return f"{source}:sha256:{hashlib.sha256(body).hexdigest()}"


def _object(body: bytes) -> Mapping[str, Any]:
    if len(body) > LARGEST:
        raise BadPayload(f"the body has {len(body)} bytes; at most {LARGEST} are taken")
    try:
        data = json.loads(body.decode("utf-8-sig"))  # it is kept as this text
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"the body is no JSON ({error})") from error
    if not isinstance(data, Mapping):
        raise BadPayload("the body is no JSON object")
    return data


def _key(body: bytes, alert_id: str, action: str, updated_at: Any, source: str) -> str:
    stamp = _text(updated_at)
    # What is no time ("true", "n/a") tells one update from the next no better than nothing.
    if not stamp[:1].isdigit() or stamp == "0" or len(stamp) > 40:
        return body_key(body, source)
    return f"{source}:{alert_id}:{action}:{stamp}"


def _moment(value: Any) -> datetime | None:
    """A time in seconds, milliseconds, microseconds or nanoseconds, told by its size, or ISO."""
    if isinstance(value, str):
        text = value.strip()
        if not (text.isascii() and text.isdigit()):
            return _iso(value)
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 < value < 1e24 or not math.isfinite(value):
        return None
    number = float(value)
    while number > 1e11:  # 1e11 seconds is the year 5138
        number /= 1000
    return plausible(datetime.fromtimestamp(number, UTC))


def _iso(value: str) -> datetime | None:
    try:
        return plausible(parse_time(value))
    except (ValueError, OverflowError):
        return None


def _priority(value: Any) -> str:
    text = _text(value).upper()
    text = text if text.startswith("P") else f"P{text}"
    return text if text in ("P1", "P2", "P3", "P4", "P5") else ""


def _details(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {_text(key): _text(part) for key, part in value.items()}


def _texts(value: Any) -> Iterable[str]:
    return [_text(part) for part in value] if isinstance(value, list) else []


def _text(value: Any) -> str:
    """The text of a scalar; what no database keeps (NUL, halves of characters) is replaced."""
    if value is None or isinstance(value, Mapping | list):
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    return (
        text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )
