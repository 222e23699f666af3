"""Knows an on-call service's incoming Amazon SNS integration and its actions, never its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from setup.clients import Clients
    from setup.jsm_api import JsmIntegrationsApi
    from setup.opsgenie_api import IntegrationsApi

TYPE = "AmazonSns"
CATEGORIES = ("ignore", "create", "close", "acknowledge", "addNote")


@dataclass(frozen=True)
class IncomingIntegration:
    """The integration that makes alerts of what the topic sends.

    `actions` is the body of "PUT /v2/integrations/ID/actions". The key that Opsgenie gives it is
    kept as the secret `key_secret`; Opsgenie tells it only once, so where it was lost it is learnt
    from the topic's subscription, or the integration is made anew. Source: Integration API.
    """

    kind: ClassVar[str] = "incoming_integration"

    name: str
    team: str
    actions: Mapping[str, Any]
    key_secret: str
    topic_arn: str
    endpoint: str
    """The subscription's address without its key."""
    service: str = "opsgenie"
    """Or "jsm"."""

    def _api(self, clients: Clients) -> IntegrationsApi | JsmIntegrationsApi:
        return clients.integrations_of(self.service)

    @property
    def permissions(self) -> tuple[tuple[str, str, str], ...]:
        return ()

    def wanted(self) -> dict[str, Any]:
        return {
            "type": TYPE,
            "enabled": True,
            "team": self.team or "none",
            "notifications": True,
            "key": "stored",
            "actions": {name: _lean(self.actions.get(name, ())) for name in CATEGORIES},
        }

    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "name": self.name,
            "type": TYPE,
            "enabled": True,
            "allowWriteAccess": True,
            "allowConfigurationAccess": False,
            "suppressNotifications": False,
            "ignoreRespondersFromPayload": False,
        }
        if self.team:
            body["ownerTeam"] = {"name": self.team}
            body["responders"] = [{"type": "team", "name": self.team}]
        return body

    def read(self, clients: Clients) -> dict[str, Any] | None:
        meta = clients.integration(self.name, TYPE, self.service)
        if meta is None:
            return None
        ident = str(meta["id"])
        settings, actions = clients.together(
            lambda: self._api(clients).get(ident), lambda: self._api(clients).actions(ident)
        )
        team = settings.get("ownerTeam") or {}
        # An answer without the team's name says nothing about it.
        seen = self.team if team.get("id") and not team.get("name") else team.get("name")
        return {
            "type": TYPE,
            "enabled": bool(settings.get("enabled", meta.get("enabled", True))),
            "team": seen or "none",
            "notifications": not settings.get("suppressNotifications", False),
            "key": "stored" if clients.secrets.get(self.key_secret) else "unknown",
            "actions": {
                name: _like(_lean(actions.get(name) or ()), self.actions.get(name, ()))
                for name in CATEGORIES
            },
        }

    def tags(self, clients: Clients) -> dict[str, str] | None:
        return None

    def write(self, clients: Clients, before: Mapping[str, Any] | None) -> None:
        wanted = self.wanted()
        meta = clients.integration(self.name, TYPE, self.service)
        if meta is not None and not self._know_key(clients):
            self._api(clients).delete(str(meta["id"]))
            meta, before = None, None
        if meta is None:
            made = self._api(clients).create(self._body())
            clients.secrets.put(self.key_secret, str(made["apiKey"]))
            clients.forget(("integrations", self.service))
            ident, before = str(made["id"]), {}
        else:
            ident, before = str(meta["id"]), before or {}
            if any(
                before.get(name) != wanted[name] for name in ("enabled", "team", "notifications")
            ):
                self._api(clients).update(ident, self._body())
                if before.get("enabled") is False:
                    self._api(clients).enable(ident)
        if before.get("actions") != wanted["actions"]:
            body = {name: list(self.actions.get(name, ())) for name in CATEGORIES}
            self._api(clients).put_actions(ident, body)

    def _know_key(self, clients: Clients) -> bool:
        """Whether the key is stored, if need be after learning it from the subscription."""
        if clients.secrets.get(self.key_secret):
            return True
        for subscription in clients.subscriptions(self.topic_arn):
            address, _, _ = str(subscription.get("Endpoint", "")).partition("?")
            if address == self.endpoint:
                query = parse_qs(urlsplit(subscription["Endpoint"]).query)
                if query.get("apiKey"):
                    clients.secrets.put(self.key_secret, query["apiKey"][0])
                    return True
        return False

    def delete(self, clients: Clients) -> None:
        meta = clients.integration(self.name, TYPE, self.service)
        if meta is not None:
            self._api(clients).delete(str(meta["id"]))


def _lean(value: Any) -> Any:
    """The value without what is empty or off: Opsgenie adds and drops those at will."""
    if isinstance(value, Mapping):
        lean = {key: _lean(below) for key, below in value.items()}
        return {key: below for key, below in lean.items() if below not in (None, "", False, [], {})}
    if isinstance(value, list | tuple):
        return [_lean(item) for item in value]
    return value


def _like(found: list[Any], wanted: Any) -> list[Any]:
    """The actions that stand, with those keys only that some wanted action sets."""
    known = {key for action in wanted for key in action}
    return [
        {key: value for key, value in action.items() if key in known} if known else action
        for action in found
    ]
