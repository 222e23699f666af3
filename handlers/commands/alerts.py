"""/trailwatch alerts, digest and status: what is going on."""

from __future__ import annotations

from handlers.access import Role
from handlers.audit import note
from handlers.blocks.lists import alerts_message, state_message
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation, parse_duration
from handlers.deps import Deps
from handlers.request import Reply, Request
from trailwatch.clock import iso
from trailwatch.store import alerts, inbox, jobs, outbox


def list_alerts(deps: Deps, request: Request, call: Invocation) -> Reply:
    """The open alerts, or with --since all that fired since."""
    now = deps.clock()
    with deps.db.reading() as tx:
        if "since" in call.options:
            since = now - parse_duration(call.options["since"])
            found = alerts.between(tx, since, now)
        else:
            found = alerts.list_open(tx)
    sites = deps.sites.filtered(call.options.get("site"), request.channel)
    mine = tuple(alert for alert in found if deps.sites.known(alert.site) in sites)
    message = alerts_message(mine, now)
    return Reply(message.text, message.blocks)


def digest_now(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Post the digest of the last day, or of --since, into this channel."""
    now = deps.clock()
    sites = deps.sites.filtered(call.options.get("site"), request.channel)
    arguments: dict[str, object] = {
        "until": iso(now),
        "channel": request.channel,
        "key": request.key,
        "sites": list(sites),
    }
    if "since" in call.options:
        arguments["seconds"] = str(parse_duration(call.options["since"]).total_seconds())
    with deps.db.transaction() as tx:
        jobs.add(tx, "digest.post", arguments, now, key=f"digest:{request.key}")
        note(deps, tx, request, "digest.now", request.channel, "started")
    return Reply()


def status(deps: Deps, request: Request, call: Invocation) -> Reply:
    """How the bot itself is: alerts, what waits to be sent, what could not be."""
    with deps.db.reading() as tx:
        open_alerts = alerts.list_open(tx)
        unsent = outbox.dead(tx)
        refused = inbox.dead(tx)
        failed = jobs.dead(tx)
    message = state_message(
        open_alerts=len(open_alerts),
        unsent=[(row.key, row.error) for row in unsent],
        refused=[(row.source, row.error) for row in refused],
        failed=[(row.kind, row.error) for row in failed],
        digest_hour=deps.digest_hour,
        digest_timezone=deps.digest_timezone,
    )
    return Reply(message.text, message.blocks)


COMMANDS = (
    Command(
        "status", "status", "status", "How the bot is: open alerts and what could not be delivered",
        Role.VIEWER, status,
    ),
    Command(
        "alerts", "alerts [--since 24h] [--site SITE]", "alerts --since 7d",
        "The open alerts, or all that fired in a while", Role.VIEWER, list_alerts,
        options=("since", "site"),
    ),
    Command(
        "digest now", "digest now [--since 24h] [--site SITE]", "digest now",
        "Post the digest here: what fired, who was on it, what is open", Role.RESPONDER,
        digest_now, options=("since", "site"),
    ),
)  # fmt: skip
