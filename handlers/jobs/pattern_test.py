"""The job behind /trailwatch pattern test: searches the log group and answers in private."""

from __future__ import annotations

from datetime import timedelta

from handlers.blocks.errors import error_message
from handlers.blocks.pattern import pattern_matches
from handlers.deps import Deps
from handlers.jobs.job import JobContext
from trailwatch.errors import TrailwatchError
from trailwatch.pattern import parse
from trailwatch.search.logs import EventQuery


def search(deps: Deps, job: JobContext) -> None:
    """Search and tell; what fails is told, too."""
    now = deps.clock()
    start = now - timedelta(seconds=float(job.args["seconds"]))
    text = str(job.args["pattern"])
    try:
        source = deps.logs(deps.sites.config())
        page = source.search(EventQuery(parse(text), start, now))
        message = pattern_matches(
            text, page.events, (start, now), complete=page.complete, offices=deps.offices
        )
    except TrailwatchError as error:
        if getattr(error, "retryable", False) and job.attempt < 3:
            raise
        message = error_message(error)
    deps.answer(job.args["response_url"], message.text, message.blocks)
