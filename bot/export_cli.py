"""`trailwatch export`: prints the wanted pipeline as a file for git; changes nothing in AWS."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from setup.export import FORMATS
from trailwatch.errors import UsageError

if TYPE_CHECKING:
    from bot.settings import Settings
    from handlers.sites import Sites
    from trailwatch.store.database import Database

OK = 0


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `export` to the command line."""
    export = commands.add_parser(
        "export", help="print the wanted pipeline as CloudFormation or Terraform (JSON)"
    )
    export.add_argument("--format", choices=FORMATS, default=FORMATS[0])
    export.add_argument("--site", default="", help="one of the settings; by default the first")
    export.add_argument("--account", default="", help="twelve digits; else AWS is asked")
    export.add_argument(
        "--settings-only",
        action="store_true",
        help="leave out what was chosen in Slack; the store is not opened",
    )
    export.add_argument(
        "--set", metavar="NAME=VALUE,…", default="", help="options of the site, as in setup plan"
    )
    export.add_argument("--output", type=Path, help="a file to write; by default it is printed")
    export.add_argument("--config", type=Path, help="a trailwatch.toml, as for `serve`")
    export.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> int:
    from bot.settings import settings_here
    from setup.export import export
    from trailwatch.site_options import changed, written
    from trailwatch.store.database import open_database

    if options.account and not (options.account.isdigit() and len(options.account) == 12):
        raise UsageError("--account takes twelve digits.")
    settings = settings_here(options.config)
    with tempfile.TemporaryDirectory() as empty:
        # Nothing that was chosen is in a store that is made for this moment.
        blank = f"sqlite:///{empty}/empty.db"
        db = open_database(blank if options.settings_only else settings.database_url)
        try:
            sites = _sites(settings, db, options.account, options.site)
            config = sites.config(options.site)
            config = changed(config, written(options.set)) if options.set else config
            made = export(config, sites.detections(config), options.format)
        finally:
            db.close()
    if options.output:
        options.output.write_text(made.text, encoding="utf-8")
    else:
        print(made.text, end="")
    for sentence in made.left_out:
        print(sentence, file=sys.stderr)
    return OK


def _sites(settings: Settings, db: Database, account: str, chosen: str) -> Sites:
    """The sites of the settings; the chosen one is in `account` where that is given."""
    from bot.clients import SiteClients
    from bot.sites import wanted_site
    from handlers.account_names import AccountNames
    from handlers.sites import Sites
    from trailwatch.clock import utc_now
    from trailwatch.detections import load_catalogue

    clients = SiteClients(settings)
    name = clients.site(chosen).name
    wanted = [wanted_site(settings, site, clients) for site in settings.sites]
    given = [
        replace(one, account=lambda: account) if account and one.name == name else one
        for one in wanted
    ]
    folder = Path(settings.detections_folder) if settings.detections_folder else None
    names = AccountNames(settings.account_names, clients.organization_names, utc_now)
    return Sites(given, db, load_catalogue(folder), names)
