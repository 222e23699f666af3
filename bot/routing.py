"""Knows which on-call services the settings reach. Asks none of them."""

from __future__ import annotations

from functools import partial

from bot.clients import SiteClients
from bot.queue_poller import QueuePoller
from bot.settings import Settings
from handlers.deps import Deps
from handlers.direct import own_topics
from trailwatch.clock import utc_now
from trailwatch.routers.direct import DirectRouter
from trailwatch.routers.opsgenie import OpsgenieRouter
from trailwatch.routers.router import RouterName, Routers
from trailwatch.site import SiteConfig
from trailwatch.store.database import Database


def queue_poller(settings: Settings, db: Database, deps: Deps) -> QueuePoller:
    """What fetches alarms from the queues of sites that have one; it asks anew as they change."""
    clients = SiteClients(settings)

    def with_queue(name: str) -> SiteConfig | None:
        config = deps.sites.config(name)
        return config if config.router == RouterName.DIRECT and not config.public_url else None

    sites = {name: partial(with_queue, name) for name in deps.sites.names}
    return QueuePoller(db, deps.clock, sites, clients.reading, lambda: own_topics(deps))


def routers(settings: Settings, db: Database) -> Routers:
    """Every on-call service that the settings reach, and the bot's own store."""
    opsgenie = OpsgenieRouter(settings.opsgenie_api_url, settings.opsgenie_api_key)

    def in_use() -> list[str]:
        # A site that moves away from one has alerts there for a while.
        keyed = [RouterName.OPSGENIE] if settings.opsgenie_api_key else []
        return [*keyed, RouterName.DIRECT]

    return Routers([opsgenie, DirectRouter(db, utc_now)], in_use)
