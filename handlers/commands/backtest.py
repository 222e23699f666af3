"""/trailwatch backtest: what detections would have told of the site's own archive."""

from __future__ import annotations

from handlers.access import Role
from handlers.audit import note
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation, parse_duration
from handlers.deps import Deps
from handlers.request import Reply, Request
from handlers.starting import start_job
from trailwatch.errors import NotFound, UsageError

DEFAULT_SINCE = "24h"


def start(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Start reading the archive; a message in this channel shows how far it is."""
    pack, ids = call.options.get("pack", ""), call.options.get("detection", "")
    if pack and ids:
        raise UsageError("Name a pack or detections, not both.")
    if pack and pack not in deps.catalogue.packs:
        raise NotFound.of("pack", pack, deps.catalogue.packs)
    for detection_id in filter(None, ids.split(",")):
        deps.catalogue[detection_id]  # raises NotFound with near ids
    site = deps.sites.chosen(call.options.get("site"), request.channel)
    seconds = parse_duration(call.options.get("since", DEFAULT_SINCE)).total_seconds()
    with deps.db.transaction() as tx:
        job = start_job(
            deps, tx, request, "backtest.run",
            pack=pack, detections=ids, seconds=seconds, site=site, key=request.key,
        )  # fmt: skip
        subject = pack or ids or "what is wanted here"
        note(deps, tx, request, "backtest", subject, "started", job=job)
    return Reply("Reading the archive; a message in this channel shows how far it is.")


COMMANDS = (
    Command(
        "backtest", "backtest [--pack PACK | --detection ID,…] [--since 24h] [--site SITE]",
        "backtest --pack recommended --since 14d",
        "What detections would have told of the trail's archive", Role.RESPONDER, start,
        options=("pack", "detection", "since", "site"),
    ),
)  # fmt: skip
