"""The job that links a new alert to the one before of the same alarm. Asks Slack for an address."""

from __future__ import annotations

from dataclasses import replace

from handlers.deps import Deps
from handlers.intake import say
from handlers.jobs.job import JobContext, worth_another_try
from handlers.storms import standing_key
from trailwatch.errors import SlackError
from trailwatch.store import alerts, outbox


def link_before(deps: Deps, job: JobContext) -> None:
    """Find where the message before stands, and link it; without one nothing changes."""
    with deps.db.reading() as tx:
        sent = outbox.find(tx, standing_key(tx, str(job.args["before"])))
    if sent is None or sent.channel is None or sent.ts is None:
        return
    try:
        url = deps.permalink(sent.channel, sent.ts)
    except SlackError as error:
        if worth_another_try(job, error):
            raise
        return  # deleted, or in a channel that was left: what it said stays said
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, str(job.args["alert_id"]), lock=True)
        if alert is None or alert.extra.get("before_url") == url:
            return
        linked = replace(alert, extra={**alert.extra, "before_url": url})
        alerts.save(tx, linked)
        say(deps, tx, linked)
