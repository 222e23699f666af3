"""Knows which on-call services the settings reach. Asks none of them."""

from __future__ import annotations

from bot.settings import Settings
from trailwatch.clock import utc_now
from trailwatch.routers.direct import DirectRouter
from trailwatch.routers.opsgenie import OpsgenieRouter
from trailwatch.routers.router import RouterName, Routers
from trailwatch.store.database import Database


def routers(settings: Settings, db: Database) -> Routers:
    """Every on-call service that the settings reach, and the bot's own store."""
    opsgenie = OpsgenieRouter(settings.opsgenie_api_url, settings.opsgenie_api_key)

    def in_use() -> list[str]:
        # A site that moves away from one has alerts there for a while.
        keyed = [RouterName.OPSGENIE] if settings.opsgenie_api_key else []
        return [*keyed, RouterName.DIRECT]

    return Routers([opsgenie, DirectRouter(db, utc_now)], in_use)
