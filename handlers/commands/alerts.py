"""/trailwatch alerts, digest and status: what is going on."""

from __future__ import annotations

from handlers.access import Role
from handlers.audit import note
from handlers.blocks.lists import alerts_message
from handlers.blocks.troubles import Health, health_message
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation, parse_duration
from handlers.deps import Deps
from handlers.intake import listed
from handlers.request import Reply, Request
from handlers.resending import send_again
from trailwatch.clock import iso
from trailwatch.routers.router import TITLES, RouterName
from trailwatch.store import alerts, away, channels, jobs, letters, storms
from trailwatch.store.gauges import gauges
from trailwatch.store.health import pulse


def list_alerts(deps: Deps, request: Request, call: Invocation) -> Reply:
    """The open alerts, or with --since all that fired since; the worst first, then the newest."""
    now = deps.clock()
    with deps.db.reading() as tx:
        if "since" in call.options:
            since = now - parse_duration(call.options["since"])
            found = alerts.between(tx, since, now)
        else:
            found = alerts.list_open(tx)
    sites = deps.sites.filtered(call.options.get("site"), request.channel)
    mine = listed(deps, (one for one in found if deps.sites.known(one.site) in sites))
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
        job = jobs.add(tx, "digest.post", arguments, now, key=f"digest:{request.key}")
        note(deps, tx, request, "digest.now", "", "started", job=str(job))
    return Reply()


def status(deps: Deps, request: Request, call: Invocation) -> Reply:
    """How the bot itself is: alerts, what waits, what could not be delivered, what is due."""
    now = deps.clock()
    with deps.db.reading() as tx:
        beat = pulse(tx)
        numbers = gauges(tx, now)
        health = Health(
            open_alerts=alerts.count_open(tx),
            waiting={
                "inbox": int(numbers["inbox_new"] + numbers["inbox_taken"]),
                # What is due later does not wait.
                "job": int(numbers["job_due"]),
                "message": sum(beat.lanes.values()),
            },
            oldest={
                name: numbers[f"{name}_oldest_seconds"] for name in ("inbox", "job", "message")
            },
            lanes=beat.lanes,
            letters=letters.dead(tx),
            last_webhook=beat.last_delivery,
            last_reconcile=beat.last_reconcile,
            schedules=beat.schedules,
            lost=channels.lost(tx, now),
            storms=[(one.channel, one.began_at, many) for one, many in storms.standing(tx)],
            services=deps.sites.services(),
            away={TITLES[RouterName(k)]: v for k, v in away.services(tx).items()},
        )
    digest = f"daily at {deps.digest_hour:02}:00 {deps.digest_timezone}"
    admin = request.person.role is Role.ADMIN
    message = health_message(health, now, digest, admin=admin)
    return Reply(message.text, message.blocks)


def resend(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Try a dead letter again, or all of them."""
    return send_again(deps, request, call.words[0])


COMMANDS = (
    Command(
        "status", "status", "status", "How the bot is: what waits, is due or was not delivered",
        Role.VIEWER, status,
    ),
    Command(
        "resend", "resend ID|all", "resend all",
        "Try again what could not be delivered; status shows the ids", Role.ADMIN, resend,
        least=1, most=1,
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
