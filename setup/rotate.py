"""Knows how the webhook's secret is renewed. Never shows one."""

from __future__ import annotations

import secrets

from setup.clients import Clients
from setup.pipeline import webhook, webhook_secret_name
from trailwatch.errors import ConfigError
from trailwatch.site import SiteConfig


def rotate_webhook_secret(config: SiteConfig, clients: Clients) -> None:
    """Store a new version of the webhook's secret, then give it to Opsgenie.

    Both the new and the old version have to be accepted until the next rotation: deliveries may be
    on their way. Where the last rotation broke off before Opsgenie had its secret, that one is
    finished instead. Raises ConfigError and RouterError.
    """
    clients = clients.fresh()
    for one in webhook(config):
        current = one.read(clients)
        if current is None:
            break
        name = webhook_secret_name(config.site.name)
        in_use = current["token"]
        if in_use == "current" or not clients.secrets.get(name):
            clients.secrets.put(name, secrets.token_urlsafe(32))
        one.write(clients, current)
        return
    raise ConfigError(
        "There is no webhook whose secret could be renewed.",
        "Opsgenie's webhook integration has not been set up.",
        "Set it up first: setup plan, then apply.",
    )
