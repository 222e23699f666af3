"""The job that links a new alert to the one before of the same alarm.

Asks Slack for an address, and the on-call service whether the one before is closed where nobody
told of it yet.
"""

from __future__ import annotations

from dataclasses import replace

from handlers import news
from handlers.deps import Deps
from handlers.intake import after, say
from handlers.jobs.job import JobContext, worth_another_try
from handlers.permalinks import address_of
from trailwatch.alert import Alert, AlertState
from trailwatch.errors import SlackError
from trailwatch.store import alerts


def link_before(deps: Deps, job: JobContext) -> None:
    """Find where the message before stands, and link it; without one nothing changes."""
    before = _before(deps, str(job.args["before"]))
    if before is None or before.state is not AlertState.CLOSED:
        return
    url = ""
    try:
        url = address_of(deps, before.id)
    except SlackError as error:
        if worth_another_try(job, error):
            raise
        # Deleted, or in a channel that was left: what it said stays said.
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, str(job.args["alert_id"]), lock=True)
        if alert is None:
            return
        linked = after(alert, before)
        if url:
            linked = replace(linked, extra={**linked.extra, "before_url": url})
        if linked != alert:
            alerts.save(tx, linked)
            say(deps, tx, linked)


def _before(deps: Deps, alert_id: str) -> Alert | None:
    """The alert before as its service has it now. Raises RouterError."""
    with deps.db.reading() as tx:
        before = alerts.get(tx, alert_id)
    if before is None or before.state is AlertState.CLOSED:
        return before
    found = news.of_all(deps, before.router_id)
    if found is None:
        return before
    with deps.db.transaction() as tx:
        news.take(deps, tx, found)
        return alerts.get(tx, alert_id)
