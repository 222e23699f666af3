"""The job that opens the modal behind Destroy…. It changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from handlers.blocks.destroy import destroy_view
from handlers.deps import Deps
from handlers.jobs.dialog import open_dialog
from handlers.jobs.job import JobContext
from handlers.planning import proposed
from setup.pipeline import pipeline
from setup.plan import Plan
from setup.survey import RETAINED


def open_modal(deps: Deps, job: JobContext) -> None:
    """Open the modal for who clicked; what fails is told to them in private."""
    open_dialog(deps, job, partial(_view, deps, job.args), "Press Destroy… once more.")


def _view(deps: Deps, args: Mapping[str, Any]) -> Mapping[str, Any]:
    with deps.db.reading() as tx:
        row = proposed(tx, args["plan_id"])
    plan = Plan.from_json(row.body)
    goes = {change.kind for change in plan.changes}
    there = {one.kind for one in pipeline(deps.sites.config_or_blank(row.site), ())}
    stays = [kind for kind in RETAINED if kind in there - goes]
    return destroy_view(plan, stays, str(args["response_url"]))
