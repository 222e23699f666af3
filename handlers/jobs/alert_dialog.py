"""The jobs that open a dialog of an alert. They change nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from handlers.blocks.alert_dialogs import dialog, reason_dialog
from handlers.deps import Deps
from handlers.jobs.dialog import open_dialog
from handlers.jobs.job import JobContext
from trailwatch.errors import NotFound
from trailwatch.store import alerts, questions

AGAIN = "Choose it once more."


def open_chosen(deps: Deps, job: JobContext) -> None:
    """Open it for who clicked; what fails is told to them in private."""
    open_dialog(deps, job, partial(_chosen, deps, job.args), AGAIN)


def open_reason(deps: Deps, job: JobContext) -> None:
    """Open the dialog that asks what it was for."""
    open_dialog(deps, job, partial(_reason, deps, job.args), AGAIN)


def _chosen(deps: Deps, args: Mapping[str, Any]) -> Mapping[str, Any]:
    with deps.db.reading() as tx:
        alert = alerts.get(tx, args["alert_id"])
    if alert is None:
        raise NotFound("This alert is no longer kept.", fix="See /trailwatch alerts.")
    escalation = "" if alert.router_id.startswith("direct:") else deps.escalation
    return dialog(
        str(args["dialog"]),
        alert,
        channel=str(args["channel"]),
        response_url=str(args["response_url"]),
        escalation=escalation,
    )


def _reason(deps: Deps, args: Mapping[str, Any]) -> Mapping[str, Any]:
    with deps.db.reading() as tx:
        question = questions.get(tx, args["question_id"])
        alert = alerts.get(tx, question.alert) if question else None
    if question is None or alert is None:
        raise NotFound("This question is no longer kept.")
    return reason_dialog(question.id, alert.title)
