"""Knows what is wanted in the site: settings, overlaid with what was applied from Slack."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from trailwatch.detections import Catalogue, Detection, facts_of, pattern_at
from trailwatch.detections.own import OwnDetection, from_json, to_json, together
from trailwatch.errors import UsageError
from trailwatch.site import Site, SiteConfig, partition_of
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


class Sites:
    """The one site of this process. The account's id is asked of AWS once it is needed."""

    def __init__(
        self,
        template: SiteConfig,
        account: Callable[[], str],
        db: Database,
        catalogue: Catalogue,
        names: Mapping[str, str],
    ) -> None:
        self._template = template
        self._ask_account = account
        self._db = db
        self.base = catalogue
        """The product's detections and those of the team's folder."""
        self._known: tuple[int, Catalogue] = (0, catalogue)
        self._names = names
        self._account = ""
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._template.site.name

    def config(self) -> SiteConfig:
        """What is wanted now; raises AwsError where the account's id cannot be had."""
        return self._with_account(self._known_account() or self._learn_account())

    def config_or_blank(self) -> SiteConfig:
        """The same, with an empty account id until it is known: AWS is not asked.

        An alert is shown, and acted on, also while AWS does not answer.
        """
        return self._with_account(self._known_account())

    def account_name(self, account: str) -> str:
        """The name to show for an account's id, "" where it has none."""
        if account in self._names:
            return self._names[account]
        return self.name if account and account == self._known_account() else ""

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

    def own_detections(self, tx: Connection) -> dict[str, OwnDetection]:
        """What was added from Slack, by id."""
        stored = site_config.latest(tx, self._own_name)
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
        """Keep what was chosen in an applied config as the site's next version."""
        body = kept(config, self._template)
        site_config.save(tx, self.name, json.dumps(body), by, at)

    def choices(self) -> list[Choice]:
        """Every option with its value and where that comes from."""
        config = self.config_or_blank()
        with self._db.reading() as tx:
            versions = site_config.history(tx, self.name)
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

    def _with_account(self, account: str) -> SiteConfig:
        site = self._template.site
        region = site.region
        full = Site(site.name, account, region, partition_of(region))
        config = replace(self._template, site=full)
        with self._db.reading() as tx:
            stored = site_config.latest(tx, self.name)
        if stored is None:
            return config
        return restored(config, json.loads(stored.body))

    def _known_account(self) -> str:
        with self._lock:
            return self._account

    def _learn_account(self) -> str:
        account = self._ask_account()
        with self._lock:
            self._account = account
        return account
