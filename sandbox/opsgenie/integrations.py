"""Knows the account's integrations, their keys and what each key may do. Never runs one."""

from __future__ import annotations

import hmac
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from sandbox.opsgenie.alert import PRIORITIES
from sandbox.opsgenie.answers import Refusal
from sandbox.opsgenie.payload import Unprocessable, responder, string_map, strings, text
from sandbox.opsgenie.regex import compiles
from sandbox.opsgenie.rules import CATEGORIES, MATCH_TYPES, OPERATIONS
from sandbox.opsgenie.template import bad_regex

TYPES = ("AmazonSns", "API", "Webhook", "CloudWatch")
INCOMING = ("AmazonSns", "API", "CloudWatch")
FLAGS = (
    "enabled",
    "allowReadAccess",
    "allowWriteAccess",
    "allowDeleteAccess",
    "allowConfigurationAccess",
    "suppressNotifications",
    "ignoreRespondersFromPayload",
    "ignoreRecipientsFromPayload",
    "ignoreTeamsFromPayload",
    "ignoreTagsFromPayload",
    "ignoreExtraPropertiesFromPayload",
    "isAdvanced",
    "isGlobal",
    "addAlertDescription",
    "addAlertDetails",
    "forwardingEnabled",
)


@dataclass(frozen=True)
class Rights:
    """What a key may do; `integration` is the one whose key it is, empty for an account key."""

    read: bool = True
    write: bool = True
    delete: bool = True
    configuration: bool = True
    integration: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Integration:
    """An integration: its settings as they were put, its key and its actions."""

    id: str
    key: str
    settings: Mapping[str, Any]
    actions: Mapping[str, list[dict[str, Any]]] = field(
        default_factory=lambda: MappingProxyType({c: [] for c in CATEGORIES})
    )

    @property
    def name(self) -> str:
        return str(self.settings["name"])

    @property
    def type(self) -> str:
        return str(self.settings["type"])

    @property
    def enabled(self) -> bool:
        return bool(self.settings.get("enabled", True))

    def meta(self) -> dict[str, Any]:
        """IntegrationMeta of the API: id, name, enabled, type, teamId."""
        team = self.settings.get("ownerTeam") or {}
        meta = {"id": self.id, "name": self.name, "enabled": self.enabled, "type": self.type}
        return {**meta, "teamId": team.get("id", "")}

    def brief(self) -> Mapping[str, str]:
        """What an alert shows of it: id, name, type."""
        return MappingProxyType({"id": self.id, "name": self.name, "type": self.type})

    def rights(self) -> Rights:
        def may(name: str, default: bool) -> bool:
            value = self.settings.get(name)
            return default if value is None else bool(value)

        write = may("allowWriteAccess", True)
        return Rights(
            read=may("allowReadAccess", True),
            write=write,
            delete=write and may("allowDeleteAccess", True),
            configuration=may("allowConfigurationAccess", False),
            integration=self.brief(),
        )


class Integrations:
    """All integrations of the account, oldest first. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._all: dict[str, Integration] = {}

    def all(self) -> list[Integration]:
        with self._lock:
            return list(self._all.values())

    def get(self, ident: str) -> Integration:
        """Raises Refusal 404."""
        with self._lock:
            if ident not in self._all:
                raise Refusal(404, f"Integration with id [{ident}] does not exist")
            return self._all[ident]

    def by_key(self, key: str) -> Integration | None:
        """The integration of this key; all keys are compared, in constant time."""
        found = None
        for one in self.all():
            if hmac.compare_digest(one.key.encode(), key.encode()):
                found = one
        return found

    def create(
        self, body: Mapping[str, Any], actions: Mapping[str, Any] | None = None
    ) -> Integration:
        """Raises Refusal (409 for a name in use) and Unprocessable."""
        settings = checked_settings(body)
        with self._lock:
            self._need_free_name(settings["name"], None)
            made = Integration(str(uuid.uuid4()), str(uuid.uuid4()), settings)
            if actions is not None:
                made = replace(made, actions=MappingProxyType(checked_actions(actions)))
            self._all[made.id] = made
            return made

    def put(self, ident: str, body: Mapping[str, Any]) -> Integration:
        """Replace the settings; id, key and actions stay. Raises Refusal and Unprocessable."""
        with self._lock:
            there = self.get(ident)
            settings = checked_settings(body)
            if settings["type"] != there.type:
                raise Unprocessable({"type": "Type of an integration can not be changed."})
            self._need_free_name(settings["name"], ident)
            return self._keep(replace(there, settings=settings))

    def enable(self, ident: str, enabled: bool) -> Integration:
        with self._lock:
            there = self.get(ident)
            settings = MappingProxyType({**there.settings, "enabled": enabled})
            return self._keep(replace(there, settings=settings))

    def put_actions(self, ident: str, actions: Mapping[str, Any]) -> Integration:
        """Replace all actions; raises Refusal and Unprocessable."""
        with self._lock:
            there = self.get(ident)
            clean = MappingProxyType(checked_actions(actions))
            return self._keep(replace(there, actions=clean))

    def add_action(self, ident: str, action: Mapping[str, Any]) -> Integration:
        kind = action.get("type")
        if kind not in CATEGORIES:
            raise Unprocessable({"type": f"type should be one of {', '.join(CATEGORIES)}."})
        with self._lock:
            there = self.get(ident)
            added = checked_actions({kind: [action]})[kind]
            actions = {c: [*there.actions.get(c, ())] for c in CATEGORIES}
            actions[kind].extend(added)
            return self._keep(replace(there, actions=MappingProxyType(actions)))

    def delete(self, ident: str) -> None:
        with self._lock:
            self.get(ident)
            del self._all[ident]

    def _keep(self, one: Integration) -> Integration:
        self._all[one.id] = one
        return one

    def _need_free_name(self, name: str, ident: str | None) -> None:
        if any(i.name == name and i.id != ident for i in self._all.values()):
            raise Refusal(409, f"Integration with name [{name}] already exists")


def checked_settings(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of an integration, cleaned; raises Unprocessable, Refusal 403 for the type."""
    kind = text(body, "type", 100, required=True)
    if kind not in TYPES:
        raise Refusal(403, f"Integrations of type [{kind}] are not supported here", code=40302)
    settings: dict[str, Any] = {
        "type": kind,
        "name": text(body, "name", 250, required=True),
        "enabled": True,
        **{flag: body[flag] for flag in FLAGS if body.get(flag) is not None},
    }
    for flag in FLAGS:
        if not isinstance(settings.get(flag, False), bool):
            raise Unprocessable({flag: f"{flag} should be true or false."})
    if body.get("ownerTeam") is not None:
        team = responder(body["ownerTeam"], "ownerTeam", ("team",)) if body["ownerTeam"] else {}
        settings["ownerTeam"] = {k: team[k] for k in ("id", "name") if k in team}
    if body.get("responders") is not None:
        settings["responders"] = _responders(body)
    settings["tags"] = list(strings(body, "tags", 20))
    settings["extraProperties"] = dict(string_map(body, "extraProperties"))
    for name in ("priority", "customPriority"):
        if body.get(name) is not None:
            settings[name] = text(body, name, 200)
    if kind == "Webhook":
        settings |= _webhook_settings(body)
    return MappingProxyType(settings)


def _webhook_settings(body: Mapping[str, Any]) -> dict[str, Any]:
    url = text(body, "url", 4096, required=True)
    if not url.startswith(("http://", "https://")):
        raise Unprocessable({"url": "url should begin with http:// or https://."})
    settings: dict[str, Any] = {"url": url, "headers": dict(string_map(body, "headers"))}
    if body.get("alertFilter") is not None:
        settings["alertFilter"] = _filter(body["alertFilter"], "alertFilter")
    mappings = body.get("forwardingActionMappings")
    if mappings is not None:
        if not isinstance(mappings, list) or not all(
            isinstance(m, dict) and isinstance(m.get("action"), str) for m in mappings
        ):
            raise Unprocessable({"forwardingActionMappings": "should be a list of mappings."})
        settings["forwardingActionMappings"] = mappings
    return settings


def checked_actions(body: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The actions of an integration by category, cleaned; raises Unprocessable."""
    actions: dict[str, list[dict[str, Any]]] = {}
    for category in CATEGORIES:
        given = body.get(category)
        if given is not None and not isinstance(given, list):
            raise Unprocessable({category: f"{category} should be a list of actions."})
        actions[category] = [_action(a, category) for a in given or ()]
    return actions


def _action(value: object, category: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unprocessable({category: "an action should be an object."})
    if value.get("type", category) != category:
        raise Unprocessable({"type": f"type should be {category}."})
    order = value.get("order", 0)
    if isinstance(order, bool) or not isinstance(order, int) or not 0 <= order < 2**31:
        raise Unprocessable({"order": "order should be a number."})
    action: dict[str, Any] = {
        "type": category,
        "name": text(value, "name", 250, required=True),
        "order": order,
        "filter": _filter(value.get("filter"), "filter"),
    }
    if category != "ignore":
        action |= {name: _template(value, name) for name in ("user", "note", "alias")}
    if category == "create":
        action |= _create_fields(value)
    return action


def _create_fields(value: Mapping[str, Any]) -> dict[str, Any]:
    names = ("source", "message", "description", "entity", "customPriority")
    fields: dict[str, Any] = {name: _template(value, name) for name in names}
    if not fields["message"]:
        raise Unprocessable({"message": "Message can not be empty."})
    if value.get("priority") is not None:
        if value["priority"] not in PRIORITIES:
            raise Unprocessable({"priority": f"should be one of {', '.join(PRIORITIES)}."})
        fields["priority"] = value["priority"]
    fields["tags"] = list(strings(value, "tags", 20))
    fields["alertActions"] = list(strings(value, "alertActions", 10))
    fields["extraProperties"] = dict(string_map(value, "extraProperties"))
    fields["responders"] = _responders(value)
    for template in (*fields["tags"], *fields["extraProperties"].values()):
        _check_regex("extraProperties", template)
    for name, flag in value.items():
        if name.startswith("ignore") and isinstance(flag, bool):
            fields[name] = flag
    return fields


def _responders(value: Mapping[str, Any]) -> list[dict[str, str]]:
    given = value.get("responders") or []
    if not isinstance(given, list):
        raise Unprocessable({"responders": "responders should be a list."})
    kinds = ("team", "user", "escalation", "schedule")
    return [dict(responder(r, "responders", kinds)) for r in given]


def _template(value: Mapping[str, Any], name: str) -> str:
    template = text(value, name, 15_000)
    _check_regex(name, template)
    return template


def _check_regex(name: str, template: str) -> None:
    broken = bad_regex(template)
    if broken is not None:
        raise Unprocessable({name: f"Regular expression /{broken}/ can not be compiled."})


def _filter(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unprocessable({name: f"{name} should be an object."})
    kind = value.get("conditionMatchType", "match-all")
    conditions = value.get("conditions") or []
    if kind not in MATCH_TYPES or not isinstance(conditions, list):
        raise Unprocessable(
            {name: f"conditionMatchType should be one of {', '.join(MATCH_TYPES)}."}
        )
    return {"conditionMatchType": kind, "conditions": [_condition(c) for c in conditions]}


def _condition(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("field"), str):
        raise Unprocessable({"conditions": "a condition needs a field."})
    if value.get("operation") not in OPERATIONS:
        raise Unprocessable({"operation": f"should be one of {', '.join(OPERATIONS)}."})
    expected, negated = value.get("expectedValue", ""), value.get("not", False)
    if not isinstance(expected, str) or not isinstance(negated, bool):
        raise Unprocessable({"expectedValue": "expectedValue is a string, not is true or false."})
    if value["operation"] == "matches" and not compiles(expected):
        raise Unprocessable({"expectedValue": f"/{expected}/ can not be compiled."})
    condition = {"field": value["field"], "not": negated, "operation": value["operation"]}
    if isinstance(value.get("key"), str):
        condition["key"] = value["key"]
    return {**condition, "expectedValue": expected}
