"""Knows how a job opens a dialog, for which Slack gives three seconds, and what is told instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from handlers.answering import tell
from handlers.blocks.errors import error_message
from handlers.deps import Deps
from handlers.jobs.job import JobContext
from trailwatch.errors import SlackError, TrailwatchError

LATE = ("expired_trigger_id", "trigger_expired", "trigger_exchanged", "exchanged_trigger_id")


def open_dialog(
    deps: Deps, job: JobContext, make: Callable[[], Mapping[str, Any]], again: str
) -> None:
    """Open what `make` makes for who asked; what fails is told to them in private.

    again: what helps where it came too late, as a sentence.
    """
    try:
        deps.open_view(str(job.args["trigger_id"]), make())
    except TrailwatchError as error:
        tell(deps, job, error_message(_late(error, again)))


def _late(error: TrailwatchError, again: str) -> TrailwatchError:
    if isinstance(error, SlackError) and (error.code in LATE or error.retryable):
        return SlackError(
            "The dialog could not be opened in time.",
            "Slack gives three seconds for it.",
            again,
            operation=error.operation,
            code=error.code,
        )
    return error
