"""The job that opens the modal behind Destroy…: Slack gives three seconds for it."""

from __future__ import annotations

from handlers.answering import tell
from handlers.blocks.destroy import destroy_view
from handlers.blocks.errors import error_message
from handlers.deps import Deps
from handlers.jobs.job import JobContext
from handlers.planning import proposed
from setup.pipeline import pipeline
from setup.plan import Plan
from setup.survey import RETAINED
from trailwatch.errors import SlackError, TrailwatchError

LATE = ("expired_trigger_id", "trigger_expired", "trigger_exchanged", "exchanged_trigger_id")


def open_dialog(deps: Deps, job: JobContext) -> None:
    """Open the modal for who clicked; what fails is told to them in private."""
    try:
        with deps.db.reading() as tx:
            row = proposed(tx, job.args["plan_id"])
        plan = Plan.from_json(row.body)
        goes = {change.kind for change in plan.changes}
        there = {one.kind for one in pipeline(deps.sites.config_or_blank(row.site), ())}
        stays = [kind for kind in RETAINED if kind in there - goes]
        view = destroy_view(plan, stays, str(job.args["response_url"]))
        deps.open_view(str(job.args["trigger_id"]), view)
    except TrailwatchError as error:
        tell(deps, job, error_message(_late(error)))


def _late(error: TrailwatchError) -> TrailwatchError:
    """A trigger counts for three seconds: then the same click once more helps."""
    if isinstance(error, SlackError) and (error.code in LATE or error.retryable):
        return SlackError(
            "The dialog could not be opened in time.",
            "Slack gives three seconds for it.",
            "Press Destroy… once more.",
            operation=error.operation,
            code=error.code,
        )
    return error
