"""The job behind /trailwatch coverage: reads what stands and judges it. Changes nothing."""

from __future__ import annotations

from handlers.answering import tell
from handlers.blocks.coverage import coverage_message
from handlers.blocks.errors import error_message
from handlers.deps import Deps
from handlers.drifting import nothing_set_up
from handlers.jobs.job import JobContext, worth_another_try
from setup.coverage import live_filters
from trailwatch.coverage import judge, load_controls
from trailwatch.errors import TrailwatchError


def tell_coverage(deps: Deps, job: JobContext) -> None:
    """Answer the asking person with each control beside the site's live filters."""
    try:
        config = deps.sites.config(job.args.get("site", ""))
        live = live_filters(deps.setup_clients(config.site.name), config.site.region)
        found = judge(load_controls(deps.sites.base), live.filters)
        message = coverage_message(config.site.name, found, live.notes)
        if not live.filters:
            message = nothing_set_up(deps, config.site.name) or message
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        message = error_message(error)
    tell(deps, job, message)
