"""The job that says something to one person in private, after a click."""

from __future__ import annotations

from handlers.deps import Deps
from handlers.jobs.job import JobContext
from trailwatch.errors import SlackError


def answer(deps: Deps, job: JobContext) -> None:
    """Post to the click's response_url; one that is no longer valid is let go."""
    try:
        deps.answer(job.args["response_url"], job.args["text"], job.args.get("blocks") or ())
    except SlackError as error:
        if error.retryable:
            raise
