"""The job behind the morning's digest and /trailwatch digest now."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from handlers.blocks.digest import digest_message
from handlers.deps import Deps
from handlers.intake import listed
from handlers.jobs.job import JobContext
from trailwatch.clock import parse_time
from trailwatch.digest import make_digest
from trailwatch.store import alerts, outbox
from trailwatch.store.outbox import Outgoing

PERIOD = timedelta(days=1)


def post_digest(deps: Deps, job: JobContext) -> None:
    """Post what fired in the day up to `until`, or up to when the schedule was `due` (ISO 8601).

    A schedule's goes to each channel of a site, with that channel's sites.
    """
    until = parse_time(str(job.args.get("until") or job.args["due"]))
    since = until - timedelta(seconds=float(job.args.get("seconds", PERIOD.total_seconds())))
    with deps.db.transaction() as tx:
        fired = alerts.between(tx, since, until)
        still_open = alerts.list_open(tx)
        distinct = {alert.id: alert for alert in [*fired, *still_open]}
        for key, channel, sites in _wanted(deps, job, until):
            mine = listed(deps, (a for a in distinct.values() if deps.sites.known(a.site) in sites))
            named = [site for site in deps.sites.names if site in sites]
            digest = make_digest(mine, since, until, deps.clock())
            message = digest_message(digest, named if deps.sites.several else ())
            outgoing = Outgoing(
                key=f"digest:{key}",
                lane=channel,
                text=message.text,
                blocks=message.blocks,
                metadata={"until": until.isoformat()},
            )
            outbox.say(tx, outgoing, deps.clock())


def _wanted(deps: Deps, job: JobContext, until: datetime) -> list[tuple[str, str, Collection[str]]]:
    """Key, channel and sites of each digest; the first channel's key is the due time alone."""
    if job.args.get("channel"):
        sites = job.args.get("sites") or deps.sites.names
        return [(str(job.args.get("key") or until.isoformat()), str(job.args["channel"]), sites)]
    found: list[tuple[str, str, Collection[str]]] = []
    for channel in sorted({deps.sites.channel(site) for site in deps.sites.names}):
        first = channel == deps.sites.channel(deps.sites.name)
        key = until.isoformat() if first else f"{until.isoformat()}:{channel}"
        found.append((key, channel, deps.sites.of_channel(channel)))
    return found
