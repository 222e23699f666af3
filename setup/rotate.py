"""Knows how the webhook's secret is renewed. Never shows one."""

from __future__ import annotations

import secrets

from setup.clients import Clients
from setup.pipeline import webhooks
from trailwatch.errors import ConfigError
from trailwatch.site import SiteConfig


def rotate_webhook_secret(config: SiteConfig, clients: Clients) -> None:
    """Store a new version of the webhook's secret, then give it to the on-call service.

    Both the new and the old version have to be accepted until the next rotation: deliveries may be
    on their way. Where the last rotation broke off before the service had it, that one is
    finished instead. Raises ConfigError and RouterError.
    """
    clients = clients.fresh()
    done = False
    for one in webhooks(config):
        current = one.read(clients)
        if current is None:
            continue
        in_use = current["token"]
        if in_use == "current" or not clients.secrets.get(one.token_secret):
            clients.secrets.put(one.token_secret, secrets.token_urlsafe(32))
        one.write(clients, current)
        done = True
    if done:
        return
    if config.router == "direct" and not config.beside:
        raise ConfigError(
            "There is no webhook whose secret could be renewed.",
            "This site has no on-call service: SNS tells the bot itself and signs what it says.",
        )
    by_hand = config.router == "jsm" and not config.jsm_made
    raise ConfigError(
        "There is no webhook whose secret could be renewed.",
        "Jira Service Management's webhook was made by hand."
        if by_hand
        else "No webhook integration has been set up.",
        "Give it another X-Trailwatch-Token there, and the same to JSM_WEBHOOK_TOKEN."
        if by_hand
        else "Set it up first: setup plan, then apply.",
    )
