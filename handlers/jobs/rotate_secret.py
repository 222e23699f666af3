"""The job behind setup rotate-secret: a new secret for the webhook, the old one still accepted."""

from __future__ import annotations

from handlers.answering import said, tell
from handlers.blocks.errors import error_message
from handlers.deps import Deps
from handlers.jobs.job import JobContext, worth_another_try
from setup.rotate import rotate_webhook_secret
from trailwatch.errors import TrailwatchError


def rotate(deps: Deps, job: JobContext) -> None:
    """Make a new version, give it to the on-call service, and say so."""
    try:
        config = deps.sites.config(job.args.get("site", ""))
        clients = deps.setup_clients(config.site.name)
        job.step("rotate", lambda: rotate_webhook_secret(config, clients))
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        tell(deps, job, error_message(error))
        return
    reply = said(
        "The webhook's secret was rotated.",
        "Deliveries with the previous one are still accepted until the next rotation.",
    )
    tell(deps, job, reply)
