"""Knows what the settings want of each site. Asks no service."""

from __future__ import annotations

from bot.clients import SiteClients
from bot.settings import Settings
from bot.site_settings import SiteSettings
from handlers.sites import WantedSite
from trailwatch.site import Site, SiteConfig, partition_of
from trailwatch.site_options import changed


def wanted_site(settings: Settings, site: SiteSettings, clients: SiteClients) -> WantedSite:
    """A site for the handlers."""
    return WantedSite(
        template=site_template(settings, site, site.account),
        account=lambda: clients.account(site.name),
        channel=site.channel,
        account_name=site.account_name,
        reads=site.role_arn,
        builds=site.setup_role[0],
    )


def site_template(settings: Settings, site: SiteSettings, account: str = "") -> SiteConfig:
    """What the settings want of a site."""
    config = SiteConfig(
        site=Site(site.name, account, site.region, partition_of(site.region)),
        pack=site.pack,
        prefix=site.prefix,
        offices=site.offices,
        largest_instance=site.largest_instance,
        deploy_roles=site.deploy_roles,
        break_glass_roles=site.break_glass_roles,
        public_url=settings.public_url,
        router=site.router,
        jsm_url=settings.jsm_api_url if settings.jsm_cloud_id else "",
        jsm_made=bool(settings.jsm_setup_api_token),
        router_url=settings.opsgenie_api_url,
        router_team=site.opsgenie_team,
    )
    return changed(config, site.options)
