"""The job that opens a dialog of an alert: Slack gives three seconds for it."""

from __future__ import annotations

from handlers.answering import tell
from handlers.blocks.alert_dialogs import dialog, reason_dialog
from handlers.blocks.errors import error_message
from handlers.deps import Deps
from handlers.jobs.job import JobContext
from handlers.jobs.setup_destroy import LATE
from trailwatch.errors import NotFound, SlackError, TrailwatchError
from trailwatch.store import alerts, questions


def open_dialog(deps: Deps, job: JobContext) -> None:
    """Open it for who clicked; what fails is told to them in private."""
    try:
        with deps.db.reading() as tx:
            alert = alerts.get(tx, job.args["alert_id"])
        if alert is None:
            raise NotFound("This alert is no longer kept.", fix="See /trailwatch alerts.")
        escalation = "" if alert.router_id.startswith("direct:") else deps.escalation
        view = dialog(
            str(job.args["dialog"]),
            alert,
            channel=str(job.args["channel"]),
            response_url=str(job.args["response_url"]),
            escalation=escalation,
        )
        deps.open_view(str(job.args["trigger_id"]), view)
    except TrailwatchError as error:
        tell(deps, job, error_message(_late(error)))


def open_reason(deps: Deps, job: JobContext) -> None:
    """Open the dialog that asks what it was for."""
    try:
        with deps.db.reading() as tx:
            question = questions.get(tx, job.args["question_id"])
            alert = alerts.get(tx, question.alert) if question else None
        if question is None or alert is None:
            raise NotFound("This question is no longer kept.")
        deps.open_view(str(job.args["trigger_id"]), reason_dialog(question.id, alert.title))
    except TrailwatchError as error:
        tell(deps, job, error_message(_late(error)))


def _late(error: TrailwatchError) -> TrailwatchError:
    """A trigger counts for three seconds: then the same choice once more helps."""
    if isinstance(error, SlackError) and (error.code in LATE or error.retryable):
        return SlackError(
            "The dialog could not be opened in time.",
            "Slack gives three seconds for it.",
            "Choose it once more.",
            operation=error.operation,
            code=error.code,
        )
    return error
