"""Knows the sites and what is wanted in each: settings, overlaid with what was applied in Slack."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from handlers.account_names import AccountNames
from trailwatch.detections import Catalogue, Detection, facts_of, pattern_at
from trailwatch.detections.own import OwnDetection, from_json, to_json, together
from trailwatch.errors import NotFound, UsageError
from trailwatch.routers.router import TITLES, RouterName
from trailwatch.site import SiteConfig, site_of_alarm
from trailwatch.site_options import OPTIONS, Option, kept, restored
from trailwatch.store import site_config
from trailwatch.store.database import Database
from trailwatch.store.site_config import StoredConfig


@dataclass(frozen=True)
class Choice:
    """The value of an option; applied in Slack by and at, or from the settings where `by` is ""."""

    option: Option
    value: str
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class WantedSite:
    """A site as the settings have it.

    template: without an account where only AWS knows it; account: asks AWS, raises AwsError.
    """

    template: SiteConfig
    account: Callable[[], str]
    channel: str
    """The Slack channel for its alerts and digests."""
    account_name: str = ""
    reads: str = ""
    """The role that reads there, "" for the bot's own credentials."""
    builds: str = ""

    @property
    def name(self) -> str:
        return self.template.site.name


class Sites:
    """The sites of this process, the first being the default, which "" means everywhere.

    An account's id is asked of AWS once it is needed. Unknown names raise NotFound.
    """

    def __init__(
        self,
        wanted: Sequence[WantedSite],
        db: Database,
        catalogue: Catalogue,
        names: AccountNames,
    ) -> None:
        self._wanted = {site.name: site for site in wanted}
        self._first = wanted[0]
        self._db = db
        self.base = catalogue
        """The product's detections and those of the team's folder."""
        self._known: tuple[int, Catalogue] = (0, catalogue)
        self.account_names = names
        self._accounts = {site.name: site.template.site.account for site in wanted}
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The default's name."""
        return self._first.name

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all, the default first."""
        return tuple(self._wanted)

    @property
    def several(self) -> bool:
        """Whether messages have to say which site they are about."""
        return len(self._wanted) > 1

    def chosen(self, asked: str | None, channel: str = "") -> str:
        """The site that a command means: the one it names, else the channel's, else the default."""
        if asked:
            return self._site(asked).name
        at_home = self.of_channel(channel)
        return at_home[0] if at_home else self.name

    def wanted(self, name: str) -> WantedSite:
        """A site as the settings have it."""
        return self._site(name)

    def of_channel(self, channel: str) -> tuple[str, ...]:
        """The sites whose alerts are posted in a channel."""
        return tuple(site.name for site in self._wanted.values() if site.channel == channel)

    def filtered(self, asked: str | None, channel: str) -> tuple[str, ...]:
        """The sites that a list is about: the one it names, else the channel's, else all."""
        if asked:
            return (self._site(asked).name,)
        return self.of_channel(channel) or self.names

    def services(self, *sites: str) -> tuple[str, ...]:
        """What the on-call services are called that tell of these sites' alarms, of all where none
        is named; () where the topic tells the bot itself.
        """
        configs = [self.config_or_blank(self.known(name)) for name in sites or self.names]
        routers = [name for config in configs for name in (config.router, config.beside)]
        titles = [TITLES[RouterName(name)] for name in routers if name in list(RouterName)]
        return tuple(dict.fromkeys(title for title in titles if title))

    def known(self, site: str) -> str:
        """The name as it is; the default's for a site that is gone, so that nothing is lost."""
        return site if site in self._wanted else self.name

    def channel(self, site: str) -> str:
        """The channel of a site; that of the default for a site that is gone."""
        return self._wanted.get(site, self._first).channel

    def offices(self, tx: Connection, site: str) -> tuple[str, ...]:
        """The addresses of a site's offices as they were chosen last; those of the default for a
        site that is gone.
        """
        return self._restored(tx, self._wanted.get(site, self._first).template).offices

    def watching(self, alarm_arn: str) -> SiteConfig:
        """What is wanted in the site that an alarm belongs to. Doesn't ask AWS."""
        known = [
            replace(t, site=replace(t.site, account=self._known_account(t.site.name)))
            for t in (wanted.template for wanted in self._wanted.values())
        ]
        return self.config_or_blank(site_of_alarm(alarm_arn, known).site.name)

    def config(self, site: str = "") -> SiteConfig:
        """What is wanted now; raises AwsError where the account's id cannot be had."""
        name = self._site(site).name
        return self._with_account(name, self._known_account(name) or self._learn_account(name))

    def config_or_blank(self, site: str = "") -> SiteConfig:
        """The same, with an empty account id until it is known: AWS is not asked.

        An alert is shown, and acted on, also while AWS does not answer.
        """
        name = self._site(site).name
        return self._with_account(name, self._known_account(name))

    def account_name(self, account: str) -> str:
        """The name to show for an account's id, "" where it has none.

        The settings come first, then the site's own name, then what Organizations says.
        """
        if not account:
            return ""
        ours = [s for s in self._wanted.values() if self._known_account(s.name) == account]
        names = (
            self.account_names.given(account),
            *(site.account_name for site in ours),
            *(site.name for site in ours),
            self.account_names.learnt(account),
        )
        return next((name for name in names if name), "")

    def catalogue(self) -> Catalogue:
        """The base with what was added from Slack; made anew only when that changed."""
        with self._db.reading() as tx:
            stored = site_config.latest(tx, self._own_name)
        if stored is None:
            return self.base
        version, catalogue = self._known
        if version != stored.version:
            catalogue = together(self.base, from_json(stored.body))
            self._known = (stored.version, catalogue)
        return catalogue

    def own_detections(self, tx: Connection, at: datetime | None = None) -> dict[str, OwnDetection]:
        """What was added from Slack, by id, as it is now or was at some moment."""
        stored = (
            site_config.latest(tx, self._own_name)
            if at is None
            else site_config.newest_before(tx, self._own_name, at)
        )
        return {} if stored is None else from_json(stored.body)

    def keep_own(
        self, tx: Connection, own: Mapping[str, OwnDetection], by: str, at: datetime
    ) -> None:
        """Keep the team's own detections as their next version."""
        site_config.save(tx, self._own_name, to_json(own), by, at)

    @property
    def _own_name(self) -> str:
        return f"{self.name}/detections"

    def detections(self, config: SiteConfig) -> tuple[Detection, ...]:
        """The detections that a config wants, in the catalogue's order; raises NotFound."""
        catalogue = self.catalogue()
        wanted = {d.id: d for d in catalogue.pack(config.pack)}
        for detection_id in config.add:
            wanted.setdefault(detection_id, catalogue[detection_id])
        if not wanted.keys() - set(config.drop):
            raise UsageError(
                "Nothing would be left to watch for.",
                f"Pack {config.pack} less what is dropped has no detections.",
                "Take the pipeline down with /trailwatch setup destroy.",
            )
        facts = facts_of(config)
        return tuple(
            replace(d, pattern=pattern_at(d, facts))
            for d in wanted.values()
            if d.id not in config.drop
        )

    def remember(self, tx: Connection, config: SiteConfig, by: str, at: datetime) -> None:
        """Keep what was chosen in an applied config as its site's next version."""
        body = kept(config, self._site(config.site.name).template)
        site_config.save(tx, config.site.name, json.dumps(body), by, at)

    def was_applied(self, site: str) -> bool:
        """Whether a plan with settings of its own was ever applied for a site."""
        with self._db.reading() as tx:
            return site_config.latest(tx, site) is not None

    def choices(self, site: str = "") -> list[Choice]:
        """Every option with its value and where that comes from."""
        config = self.config_or_blank(site)
        with self._db.reading() as tx:
            versions = site_config.history(tx, config.site.name)
        bodies = [(version, json.loads(version.body)) for version in versions]
        found = []
        for option in OPTIONS:
            # The oldest of the newest versions that say the same is who chose the value.
            chosen: StoredConfig | None = None
            for version, body in bodies:
                if option.name not in body or body[option.name] != bodies[0][1].get(option.name):
                    break
                chosen = version
            by, at = (chosen.by, chosen.at) if chosen else ("", None)
            found.append(Choice(option, option.shown(config), by, at))
        return found

    def _site(self, name: str) -> WantedSite:
        if name and name not in self._wanted:
            raise NotFound.of("site", name, self._wanted)
        return self._wanted[name] if name else self._first

    def _with_account(self, name: str, account: str) -> SiteConfig:
        template = self._wanted[name].template
        config = replace(template, site=replace(template.site, account=account))
        with self._db.reading() as tx:
            return self._restored(tx, config)

    def _restored(self, tx: Connection, config: SiteConfig) -> SiteConfig:
        stored = site_config.latest(tx, config.site.name)
        return config if stored is None else restored(config, json.loads(stored.body))

    def _known_account(self, name: str) -> str:
        with self._lock:
            return self._accounts[name]

    def _learn_account(self, name: str) -> str:
        account = self._wanted[name].account()
        with self._lock:
            self._accounts[name] = account
        return account
