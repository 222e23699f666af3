"""The job behind the morning's digest and /trailwatch digest now."""

from __future__ import annotations

from datetime import timedelta

from handlers.blocks.digest import digest_message
from handlers.deps import Deps
from handlers.jobs.job import JobContext
from trailwatch.clock import parse_time
from trailwatch.digest import make_digest
from trailwatch.store import alerts, outbox
from trailwatch.store.outbox import Outgoing

PERIOD = timedelta(days=1)


def post_digest(deps: Deps, job: JobContext) -> None:
    """Post what fired in the day up to `until`, or up to when the schedule was `due` (ISO 8601)."""
    until = parse_time(str(job.args.get("until") or job.args["due"]))
    since = until - timedelta(seconds=float(job.args.get("seconds", PERIOD.total_seconds())))
    with deps.db.transaction() as tx:
        fired = alerts.between(tx, since, until)
        still_open = alerts.list_open(tx)
        distinct = {alert.id: alert for alert in [*fired, *still_open]}
        digest = make_digest(tuple(distinct.values()), since, until, deps.clock())
        message = digest_message(digest)
        outgoing = Outgoing(
            key=f"digest:{job.args.get('key') or until.isoformat()}",
            lane=str(job.args.get("channel") or deps.channel),
            text=message.text,
            blocks=message.blocks,
            metadata={"until": until.isoformat()},
        )
        outbox.say(tx, outgoing, deps.clock())
