"""Knows which on-call services the settings reach. Asks none of them."""

from __future__ import annotations

from functools import partial

from bot.clients import SiteClients
from bot.queue_poller import QueuePoller
from bot.settings import Settings
from bot.vault import AcceptedSecrets, StoredSecrets
from bot.web import View
from bot.webhooks import opsgenie_view
from handlers.deps import Deps
from handlers.direct import own_topics
from setup.jsm_api import JsmIntegrationsApi
from setup.opsgenie_api import ATTEMPTS, IntegrationsApi
from setup.pipeline import jsm_key_name, jsm_secret_name
from trailwatch.clock import utc_now
from trailwatch.routers.direct import DirectRouter
from trailwatch.routers.jsm import JsmRouter
from trailwatch.routers.opsgenie import OpsgenieRouter
from trailwatch.routers.router import AlertRouter, RouterName, Routers
from trailwatch.site import SiteConfig
from trailwatch.store.database import Database


def queue_poller(settings: Settings, db: Database, deps: Deps) -> QueuePoller:
    """What fetches alarms from the queues of sites that have one; it asks anew as they change."""
    clients = SiteClients(settings)

    def with_queue(name: str) -> SiteConfig | None:
        config = deps.sites.config(name)
        direct = RouterName.DIRECT in (config.router, config.beside)
        return config if direct and not config.public_url else None

    sites = {name: partial(with_queue, name) for name in deps.sites.names}
    return QueuePoller(db, deps.clock, sites, clients.reading, lambda: own_topics(deps))


def routers(settings: Settings, db: Database) -> Routers:
    """Every on-call service that the settings reach, and the bot's own store."""
    opsgenie = OpsgenieRouter(settings.opsgenie_api_url, settings.opsgenie_api_key)

    found: list[AlertRouter] = [opsgenie, DirectRouter(db, utc_now)]
    # A site that moves away from a service has alerts there for a while: its key decides.
    used = [RouterName.DIRECT]
    if settings.opsgenie_api_key:
        used.append(RouterName.OPSGENIE)
    if settings.jsm_cloud_id:
        found.append(jsm_router(settings))
        used.append(RouterName.JSM)
    return Routers(found, lambda: used)


def jsm_router(settings: Settings) -> JsmRouter:
    """Jira Service Management as the settings have it."""
    return JsmRouter(
        settings.jsm_api_url,
        settings.jsm_cloud_id,
        settings.jsm_email,
        settings.jsm_api_token,
        settings.jsm_api_key,
        settings.jsm_site_url,
    )


def integrations_of(settings: Settings, attempts: int = ATTEMPTS) -> IntegrationsApi:
    """Opsgenie's Integration API with the key that may configure."""
    key = settings.opsgenie_setup_api_key or settings.opsgenie_api_key
    return IntegrationsApi(settings.opsgenie_api_url, key, attempts=attempts)


def jsm_integrations(settings: Settings) -> JsmIntegrationsApi | None:
    """Its integrations, where the settings have a token that may configure them."""
    if not (settings.jsm_cloud_id and settings.jsm_setup_api_token):
        return None
    return JsmIntegrationsApi(
        settings.jsm_api_url,
        settings.jsm_cloud_id,
        settings.jsm_email,
        settings.jsm_setup_api_token,
    )


def jsm_routes(
    settings: Settings, db: Database, stored: StoredSecrets
) -> dict[tuple[str, str], View]:
    """The route of Jira Service Management's webhook, where it has a secret."""
    given = settings.jsm_webhook_token
    if not (given or settings.jsm_setup_api_token):
        return {}
    made = AcceptedSecrets(stored, [jsm_secret_name(site.name) for site in settings.sites])

    def secrets(*, anew: bool = False) -> tuple[str, ...]:
        return (*((given,) if given else ()), *made(anew=anew))

    view = opsgenie_view(db, utc_now, secrets, RouterName.JSM.value)
    return {("POST", "/webhooks/jsm"): view}


def keep_jsm_key(settings: Settings, secrets: StoredSecrets) -> None:
    """Keep the key of its SNS integration where setup looks for keys."""
    for site in settings.sites:
        name = jsm_key_name(site.name)
        if settings.jsm_sns_key and secrets.get(name) != settings.jsm_sns_key:
            secrets.put(name, settings.jsm_sns_key)
