"""The job behind every webhook but the first: shows only what the on-call service confirms."""

from __future__ import annotations

from handlers import news
from handlers.deps import Deps
from handlers.jobs.job import JobContext
from trailwatch.clock import parse_time


def confirm(deps: Deps, job: JobContext) -> None:
    """Read the alert from the on-call service, bring ours in step, and tell what was done."""
    router_id = str(job.args["router_id"])
    by, action = str(job.args.get("by", "")), str(job.args.get("action", ""))
    at, noted = job.args.get("at"), job.args.get("noted") == "yes"
    found = news.of_webhook(
        deps, router_id, by=by, action=action, at=parse_time(at) if at else None, noted=noted
    )
    with deps.db.transaction() as tx:
        if found is not None:
            news.take(deps, tx, found)
        elif action == news.DELETE:
            news.take_deletion(deps, tx, router_id, by)
        # Else what was shown stays shown: the reconciler says that it is gone there.
