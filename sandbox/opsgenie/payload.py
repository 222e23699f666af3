"""Knows which request bodies the alert API takes, and cleans them. Never touches an alert."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sandbox.opsgenie.alert import (
    ALIAS_LIMIT,
    DESCRIPTION_LIMIT,
    MESSAGE_LIMIT,
    PRIORITIES,
    TAG_LIMIT,
    stable_id,
)

SNOOZE_LIMIT_MS = 7 * 24 * 3600 * 1000
RESPONDER_TYPES = ("user", "team", "escalation", "schedule")


class Unprocessable(Exception):
    """A body that Opsgenie answers with 422; `errors` maps each field to what is wrong with it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{k}: {v}" for k, v in errors.items()))
        self.errors = dict(errors)


def text(body: Mapping[str, Any], name: str, limit: int, *, required: bool = False) -> str:
    """The string field, "" where absent; raises Unprocessable: missing, too long, no string."""
    value = body.get(name)
    if value is None or value == "":
        if required:
            raise Unprocessable({name: f"{name.capitalize()} can not be empty."})
        return ""
    if not isinstance(value, str):
        raise Unprocessable({name: f"{name} should be a string."})
    if len(value) > limit:
        raise Unprocessable(
            {name: f"{name.capitalize()} can not be longer than {limit} characters."}
        )
    return value


def strings(
    body: Mapping[str, Any], name: str, limit: int, *, required: bool = False
) -> tuple[str, ...]:
    """The list-of-strings field; raises Unprocessable."""
    value = body.get(name)
    if value is None and not required:
        return ()
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise Unprocessable({name: f"{name} should be a list of strings."})
    if required and not value:
        raise Unprocessable({name: f"{name} can not be empty."})
    if len(value) > limit:
        raise Unprocessable({name: f"At most {limit} {name} can be specified."})
    return tuple(value)


def string_map(body: Mapping[str, Any], name: str, *, required: bool = False) -> Mapping[str, str]:
    """The field that maps strings to strings; raises Unprocessable."""
    value = body.get(name)
    if value is None and not required:
        return MappingProxyType({})
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise Unprocessable({name: f"{name} should be an object whose values are strings."})
    return MappingProxyType(dict(value))


def priority(body: Mapping[str, Any], *, required: bool = False) -> str:
    value = body.get("priority")
    if value is None and not required:
        return "P3"
    if value not in PRIORITIES:
        raise Unprocessable({"priority": f"Priority should be one of {', '.join(PRIORITIES)}."})
    return str(value)


def responder(value: object, name: str, kinds: tuple[str, ...]) -> Mapping[str, str]:
    """A responder as {"type","id","name"}; the id follows from the name where none is given."""
    if not isinstance(value, dict):
        raise Unprocessable({name: f"{name} should be an object."})
    kind = value.get("type", kinds[0])
    label = value.get("username") or value.get("name")
    ident = value.get("id")
    if kind not in kinds:
        raise Unprocessable({name: f"type should be one of {', '.join(kinds)}."})
    for part in (label, ident):
        if part is not None and not isinstance(part, str):
            raise Unprocessable({name: "id, name and username should be strings."})
    if not label and not ident:
        raise Unprocessable({name: "either id or name should be given."})
    known = str(ident or stable_id(str(kind), str(label)))
    return MappingProxyType({"type": str(kind), "id": known, "name": str(label or known)})


def _responders(body: Mapping[str, Any]) -> tuple[Mapping[str, str], ...]:
    value = body.get("responders")
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > 50:
        raise Unprocessable({"responders": "responders should be a list of at most 50."})
    return tuple(responder(v, "responders", RESPONDER_TYPES) for v in value)


def _common(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "user": text(body, "user", 100),
        "source": text(body, "source", 100),
        "note": text(body, "note", 25_000),
    }


def create(body: Mapping[str, Any]) -> dict[str, Any]:
    """CreateAlertPayload, checked; limits from Opsgenie's "Alerts and Alert Fields"."""
    return {
        **_common(body),
        "message": text(body, "message", MESSAGE_LIMIT, required=True),
        "alias": text(body, "alias", ALIAS_LIMIT),
        "description": text(body, "description", DESCRIPTION_LIMIT),
        "entity": text(body, "entity", 512),
        "priority": priority(body),
        "tags": strings(body, "tags", TAG_LIMIT),
        "actions": strings(body, "actions", 10),
        "details": string_map(body, "details"),
        "responders": _responders(body),
    }


def _snooze(body: Mapping[str, Any]) -> dict[str, Any]:
    value = body.get("endTime")
    try:
        end = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        end = None
    if end is None:
        raise Unprocessable({"endTime": "endTime should be an ISO 8601 date and time."})
    if end.tzinfo is None:
        end = end.replace(tzinfo=UTC)
    ms = int(end.timestamp() * 1000)
    now = int(datetime.now(UTC).timestamp() * 1000)
    if not now < ms <= now + SNOOZE_LIMIT_MS:
        raise Unprocessable({"endTime": "endTime should lie in the next seven days."})
    return {**_common(body), "endTime": ms}


def _assign(body: Mapping[str, Any]) -> dict[str, Any]:
    owner = responder(body.get("owner"), "owner", ("user",))
    return {**_common(body), "owner": owner["name"]}


def _responder(body: Mapping[str, Any]) -> dict[str, Any]:
    found = responder(
        body.get("responder"), "responder", ("user", "team", "schedule", "escalation")
    )
    return {**_common(body), "responder": found}


Check = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Cleans a body for sandbox.opsgenie.alert.ACTIONS; raises Unprocessable."""

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "acknowledge": _common,
        "unacknowledge": _common,
        "close": _common,
        "delete": _common,
        "note": lambda b: {**_common(b), "note": text(b, "note", 25_000, required=True)},
        "snooze": _snooze,
        "assign": _assign,
        "tags": lambda b: {
            **_common(b),
            "tags": strings(b, "tags", TAG_LIMIT, required=True),
        },
        "remove-tags": lambda b: {**_common(b), "tags": strings(b, "tags", 1000, required=True)},
        "details": lambda b: {**_common(b), "details": string_map(b, "details", required=True)},
        "remove-details": lambda b: {
            **_common(b),
            "keys": strings(b, "keys", 1000, required=True),
        },
        "priority": lambda b: {**_common(b), "priority": priority(b, required=True)},
        "message": lambda b: {
            **_common(b),
            "message": text(b, "message", MESSAGE_LIMIT, required=True),
        },
        "description": lambda b: {
            **_common(b),
            "description": text(b, "description", DESCRIPTION_LIMIT, required=True),
        },
        "responders": _responder,
        "teams": lambda b: {**_common(b), "team": responder(b.get("team"), "team", ("team",))},
        "escalate": lambda b: {
            **_common(b),
            "escalation": responder(b.get("escalation"), "escalation", ("escalation",)),
        },
        "custom": lambda b: {
            **_common(b),
            "actionName": text(b, "actionName", 50, required=True),
        },
    }
)
