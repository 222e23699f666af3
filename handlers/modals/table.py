"""Every modal that the bot opens."""

from __future__ import annotations

from handlers.access import check
from handlers.audit import note
from handlers.deps import Deps
from handlers.modals import alert, destroy, events, identity
from handlers.modals.modal import Modal, Submission
from trailwatch.errors import NotAllowed, UsageError

MODALS: tuple[Modal, ...] = (destroy.MODAL, *alert.MODALS, identity.MODAL, events.MODAL)


def modal_of(callback_id: str) -> Modal:
    """The modal of a callback id; raises UsageError for one that is no more."""
    for modal in MODALS:
        if modal.id == callback_id:
            return modal
    raise UsageError("This dialog is from an older version.", fix="Open it anew.")


def submitted(deps: Deps, modal: Modal, submission: Submission) -> None:
    """Do what was filled in; raises NotAllowed and whatever the modal raises."""
    try:
        check(submission.person, modal.role, modal.wish)
    except NotAllowed:
        with deps.db.transaction() as tx:
            note(deps, tx, submission, modal.id, submission.about, "refused")
        raise
    modal.submit(deps, submission)
