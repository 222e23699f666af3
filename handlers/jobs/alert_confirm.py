"""The job behind every webhook but the first: shows only what the on-call service confirms."""

from __future__ import annotations

from handlers.deps import Deps
from handlers.intake import alarm_arn, confirmed, names_in
from handlers.jobs.job import JobContext


def confirm(deps: Deps, job: JobContext) -> None:
    """Read the alert from the on-call service and bring ours in step."""
    routed = deps.router.find(job.args["router_id"])
    if routed is None:
        return  # deleted there; what was shown stays shown
    config = deps.sites.watching(alarm_arn(routed.details, routed.alias))
    by = str(job.args.get("by", ""))
    people = names_in(deps, routed, by)
    with deps.db.transaction() as tx:
        confirmed(deps, tx, routed, config, by=by, people=people)
