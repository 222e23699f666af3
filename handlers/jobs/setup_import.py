"""The job behind setup import, and what its button writes: settings, never anything in AWS."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from handlers.answering import tell
from handlers.audit import note
from handlers.blocks.errors import error_message
from handlers.blocks.imports import import_message, import_written
from handlers.blocks.kit import Message
from handlers.deps import Deps
from handlers.jobs.job import JobContext, worth_another_try
from handlers.request import Request
from setup.imports import look_around
from trailwatch.detections import Detection, facts_of, pattern_at
from trailwatch.errors import StalePlan, TrailwatchError
from trailwatch.site import SiteConfig
from trailwatch.site_options import kept, restored
from trailwatch.store import outbox, site_config
from trailwatch.store.outbox import Outgoing
from trailwatch.store.site_config import StoredConfig

LIFETIME = timedelta(hours=1)
"""How long what was found may be written."""
AGAIN = "Look anew: /trailwatch setup import"


def propose(deps: Deps, job: JobContext) -> None:
    """Read today's state and post it with what it would write; failures go to who asked."""
    try:
        config = deps.sites.config(job.args.get("site", ""))
        clients = deps.setup_clients(config.site.name)
        found = look_around(config, deps.sites.detections(config), _all(deps, config), clients)
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        tell(deps, job, error_message(error))
        return
    site = config.site.name
    channel = str(job.args["channel"])
    with deps.db.transaction() as tx:
        before = site_config.latest(tx, site)
        body = {
            "channel": channel,
            "after": before.version if before else 0,
            "written": False,
            "config": kept(found.config),
        }
        stored = site_config.save(
            tx, _name(site), json.dumps(body), job.args["user_id"], deps.clock()
        )
        assert stored is not None, "saving in any case gives a version"
        value = f"{site}:{stored.version}"
        _show(deps, tx, value, channel, import_message(found, value, str(job.args["name"])))


def write(deps: Deps, request: Request, value: str) -> None:
    """Write what an import found into the site's settings, once; raises StalePlan."""
    site, _, version = value.rpartition(":")
    with deps.db.transaction() as tx:
        stored = _current(deps, tx, site, version)
        body = json.loads(stored.body)
        before = site_config.latest(tx, site)
        if (before.version if before else 0) != body["after"]:
            raise StalePlan("The site's settings were changed since.", fix=AGAIN)
        config = restored(deps.sites.config_or_blank(site), body["config"])
        deps.sites.remember(tx, config, request.person.id, deps.clock())
        done = json.dumps({**body, "written": True})
        site_config.save(tx, _name(site), done, request.person.id, deps.clock())
        taken = {kind: name for kind, name in config.adopted.items() if name}
        message = import_written(site, taken, len(config.watched), request.person.name)
        _show(deps, tx, value, body["channel"], message)
        said = {**taken, "watched": ",".join(config.watched)}
        note(deps, tx, request, "setup.import", f"site {site}", "written", **said)


def _current(deps: Deps, tx: Connection, site: str, version: str) -> StoredConfig:
    stored = site_config.latest(tx, _name(site))
    if stored is None or json.loads(stored.body)["written"]:
        raise StalePlan("This was written already.", fix=AGAIN)
    if str(stored.version) != version:
        raise StalePlan("Somebody has looked anew since.", fix="Use the newest message.")
    if stored.at + LIFETIME <= deps.clock():
        raise StalePlan("This was read more than an hour ago.", fix=AGAIN)
    return stored


def _name(site: str) -> str:
    return f"{site}/import"


def _all(deps: Deps, config: SiteConfig) -> tuple[Detection, ...]:
    """Every detection with its pattern at this site; without those that need what is not set."""
    facts = facts_of(config)
    found = []
    for one in deps.catalogue.detections.values():
        try:
            found.append(replace(one, pattern=pattern_at(one, facts)))
        except TrailwatchError:
            # It needs an option that this site has not set: no filter can be known as the same.
            continue
    return tuple(found)


def _show(deps: Deps, tx: Connection, value: str, channel: str, message: Message) -> None:
    outgoing = Outgoing(
        key=f"import:{value}",
        lane=channel,
        text=message.text,
        blocks=message.blocks,
        metadata={},
    )
    outbox.say(tx, outgoing, deps.clock())
