"""The job behind every webhook: shows of an alert only what the on-call service confirms."""

from __future__ import annotations

from datetime import timedelta

from handlers import news
from handlers.deps import Deps
from handlers.jobs.job import JobContext, Later
from trailwatch.clock import parse_time
from trailwatch.store import alerts

NOT_YET = (timedelta(seconds=5), timedelta(seconds=15))
"""When to ask again for a new alert that the service does not show: it may be behind."""


def confirm(deps: Deps, job: JobContext) -> Later | None:
    """Read the alert from the on-call service, bring ours in step, and tell what was done."""
    router_id = str(job.args["router_id"])
    by, action = str(job.args.get("by", "")), str(job.args.get("action", ""))
    at, noted = job.args.get("at"), job.args.get("noted") == "yes"
    found = news.of_webhook(
        deps, router_id, by=by, action=action, at=parse_time(at) if at else None, noted=noted
    )
    tries = int(job.args.get("tries", 0))
    if found is None and action == news.CREATE and tries < len(NOT_YET):
        return Later(NOT_YET[tries], {**job.args, "tries": tries + 1})
    with deps.db.transaction() as tx:
        if found is not None:
            news.take(deps, tx, found)
        elif action == news.DELETE:
            news.take_deletion(deps, tx, router_id, by)
        elif action == news.CREATE and (alert := alerts.by_router_id(tx, router_id, lock=True)):
            news.take_forgery(deps, tx, alert)
        # Else what was shown stays shown: the reconciler says that it is gone there.
    return None
