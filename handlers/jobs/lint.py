"""The job behind /trailwatch setup lint: reads what stands and judges it. Changes nothing."""

from __future__ import annotations

from handlers.answering import tell
from handlers.blocks.errors import error_message
from handlers.blocks.lint import lint_message
from handlers.deps import Deps
from handlers.jobs.job import JobContext, worth_another_try
from setup.lint.live import chain_of_site
from setup.lint.rules import judge
from trailwatch.errors import TrailwatchError


def tell_lint(deps: Deps, job: JobContext) -> None:
    """Answer the asking person with what is wrong, worst first, and how to mend it."""
    try:
        site = deps.sites.config(job.args.get("site", "")).site
        chain = chain_of_site(site, deps.setup_clients(site.name), deps.clock)
        message = lint_message(chain, judge(chain), deps.clock())
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        message = error_message(error)
    tell(deps, job, message)
