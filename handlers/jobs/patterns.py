"""The jobs behind /trailwatch pattern: search the log group and answer in private."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from handlers.answering import tell
from handlers.blocks.errors import error_message
from handlers.blocks.kit import Message
from handlers.blocks.pattern import pattern_explained, pattern_matches
from handlers.deps import Deps
from handlers.drifting import nothing_set_up
from handlers.jobs.job import JobContext, worth_another_try
from trailwatch.errors import AwsError, NotFound, TrailwatchError
from trailwatch.pattern import parse
from trailwatch.search.logs import EventQuery

LOOK_BACK = timedelta(days=14)
"""How far back a single event is looked for."""


def search(deps: Deps, job: JobContext) -> None:
    """Tell which events a pattern matches."""
    now = deps.clock()
    start = now - timedelta(seconds=float(job.args["seconds"]))
    text = str(job.args["pattern"])

    def look() -> Message:
        config = deps.sites.config(str(job.args.get("site", "")))
        page = deps.logs(config).search(EventQuery(parse(text), start, now))
        return pattern_matches(
            text,
            page.events,
            (start, now),
            complete=page.complete,
            offices=config.offices,
            of=str(job.args.get("detection", "")),
        )

    _tell(deps, job, look)


def explain(deps: Deps, job: JobContext) -> None:
    """Tell clause by clause why a pattern matches one event, or doesn't."""
    now = deps.clock()
    event_id = str(job.args["event_id"])

    def look() -> Message:
        source = deps.logs(deps.sites.config(str(job.args.get("site", ""))))
        query = EventQuery(parse(f'{{ $.eventID = "{event_id}" }}'), now - LOOK_BACK, now)
        page = source.search(query, limit=1)
        if not page.events:
            raise NotFound(
                f"No event {event_id} is in the log group.",
                f"Searched the last {LOOK_BACK.days} days.",
                "Take the eventID from the CloudTrail record.",
            )
        pattern = parse(str(job.args["pattern"]))
        record = page.events[0].raw
        clauses = tuple(pattern.explain(record).lines())
        of = str(job.args.get("detection", ""))
        return pattern_explained(pattern.text, event_id, pattern.matches(record), clauses, of)

    _tell(deps, job, look)


def _tell(deps: Deps, job: JobContext, look: Callable[[], Message]) -> None:
    """Answer the asking person with what was found, or with why nothing could be."""
    try:
        message = look()
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        message = _no_group(deps, job, error) or error_message(error)
    tell(deps, job, message)


def _no_group(deps: Deps, job: JobContext, error: TrailwatchError) -> Message | None:
    """What to say where the log group is missing because nothing is set up; else None."""
    if not isinstance(error, AwsError) or error.code != "ResourceNotFoundException":
        return None
    return nothing_set_up(deps, deps.sites.known(str(job.args.get("site", ""))))
