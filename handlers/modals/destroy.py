"""The modal behind Destroy…: the site's name is typed, or the plan is made anew with more in it."""

from __future__ import annotations

from handlers.access import Role
from handlers.audit import note
from handlers.blocks.destroy import CALLBACK, INCLUDE, NAME
from handlers.deps import Deps
from handlers.modals.modal import Modal, Submission
from handlers.planning import discard_plan, proposed, start_apply
from handlers.starting import start_job
from setup.plan import Plan
from setup.survey import RETAINED
from trailwatch.errors import UsageError


def submit(deps: Deps, submission: Submission) -> None:
    """Apply the plan; or, where more is to be deleted than it shows, have it made anew."""
    more = [kind for kind in submission.chosen.get(INCLUDE, ()) if kind in RETAINED]
    if not more:
        start_apply(deps, submission, submission.about, submission.texts.get(NAME, ""))
        return
    with deps.db.reading() as tx:
        row = proposed(tx, submission.about)
    if submission.texts.get(NAME, "").strip() != row.site:
        raise UsageError(f"The name of the site is {row.site}, and it has to be typed as it is.")
    kinds = {change.kind for change in Plan.from_json(row.body).changes}
    include = ",".join(kind for kind in RETAINED if kind in kinds or kind in more)
    discard_plan(deps, submission, row.id)
    with deps.db.transaction() as tx:
        job = start_job(
            deps, tx, submission, "setup.plan",
            channel=row.channel, site=row.site, purpose="destroy", include=include, why=row.why,
        )  # fmt: skip
        note(deps, tx, submission, "setup.plan", row.site, "started", include=include, job=job)


MODAL = Modal(CALLBACK, Role.ADMIN, "take the pipeline down", submit, NAME)
