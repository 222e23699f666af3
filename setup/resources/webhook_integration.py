"""Knows an on-call service's webhook to the bot. Never shows the secret in its header."""

from __future__ import annotations

import hashlib
import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from setup.clients import Clients
    from setup.jsm_api import JsmIntegrationsApi
    from setup.opsgenie_api import IntegrationsApi

TYPE = "Webhook"
HEADER = "X-Trailwatch-Token"


@dataclass(frozen=True)
class WebhookIntegration:
    """The service tells `url` of every change to alerts that carry all of `alert_tags`.

    The header's secret is kept as `token_secret` and made where there is none. Source: Integration
    API and webhook integration, docs.opsgenie.com.
    """

    kind: ClassVar[str] = "webhook_integration"

    name: str
    url: str
    team: str
    alert_tags: tuple[str, ...]
    token_secret: str
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
            "url": self.url,
            "token": "current",
            "add_description": True,
            "add_details": True,
            "alert_filter": self._filter(),
        }

    def _filter(self) -> dict[str, Any]:
        return {
            "conditionMatchType": "match-all-conditions",
            "conditions": [
                {"field": "tags", "not": False, "operation": "contains", "expectedValue": tag}
                for tag in self.alert_tags
            ],
        }

    def read(self, clients: Clients) -> dict[str, Any] | None:
        meta = clients.integration(self.name, TYPE, self.service)
        if meta is None:
            return None
        settings = self._api(clients).get(str(meta["id"]))
        team = settings.get("ownerTeam") or {}
        # An answer without the team's name says nothing about it.
        seen = self.team if team.get("id") and not team.get("name") else team.get("name")
        return {
            "type": TYPE,
            "enabled": bool(settings.get("enabled", meta.get("enabled", True))),
            "team": seen or "none",
            "url": settings.get("url", ""),
            "token": _token_in(settings, clients.secrets.get(self.token_secret)),
            "add_description": bool(settings.get("addAlertDescription")),
            "add_details": bool(settings.get("addAlertDetails")),
            "alert_filter": _filter_in(settings.get("alertFilter") or {}),
        }

    def tags(self, clients: Clients) -> dict[str, str] | None:
        return None

    def write(self, clients: Clients, before: Mapping[str, Any] | None) -> None:
        token = clients.secrets.get(self.token_secret)
        if not token:
            token = random.token_urlsafe(32)
            # Kept before it is used: a webhook with a secret that nobody knows is of no use.
            clients.secrets.put(self.token_secret, token)
        body: dict[str, Any] = {
            "name": self.name,
            "type": TYPE,
            "enabled": True,
            "allowWriteAccess": False,
            "allowConfigurationAccess": False,
            "suppressNotifications": False,
            "url": self.url,
            "headers": {HEADER: token},
            "addAlertDescription": True,
            "addAlertDetails": True,
            "alertFilter": self._filter(),
        }
        if self.team:
            body["ownerTeam"] = {"name": self.team}
        meta = clients.integration(self.name, TYPE, self.service)
        if meta is None:
            self._api(clients).create(body)
            clients.forget(("integrations", self.service))
            return
        self._api(clients).update(str(meta["id"]), body)
        if before is not None and before.get("enabled") is False:
            self._api(clients).enable(str(meta["id"]))

    def delete(self, clients: Clients) -> None:
        meta = clients.integration(self.name, TYPE, self.service)
        if meta is not None:
            self._api(clients).delete(str(meta["id"]))


def _token_in(settings: Mapping[str, Any], current: str | None) -> str:
    headers = settings.get("headers")
    if not current:
        return "unknown"
    if not isinstance(headers, Mapping):
        # An answer without headers says nothing about them.
        return "current"
    token = next((str(v) for name, v in headers.items() if name.lower() == HEADER.lower()), "")
    if token == current:
        return "current"
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()[:12]}" if token else "none"


def _filter_in(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "conditionMatchType": found.get("conditionMatchType", "match-all"),
        "conditions": [
            {
                "field": one.get("field", ""),
                "not": bool(one.get("not", False)),
                "operation": one.get("operation", ""),
                "expectedValue": one.get("expectedValue", ""),
            }
            for one in found.get("conditions") or ()
        ],
    }
