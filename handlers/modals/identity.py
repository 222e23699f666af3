"""The dialog after "Yes, it was me": what it was for."""

from __future__ import annotations

from handlers.access import Role
from handlers.asking import answer, asked
from handlers.blocks.alert_dialogs import WHY
from handlers.blocks.identity import YES
from handlers.deps import Deps
from handlers.modals.modal import Modal, Submission
from trailwatch.errors import UsageError
from trailwatch.store.questions import Said


def submit(deps: Deps, submission: Submission) -> None:
    """Note the answer; an alert of P3 or lower is closed by it."""
    reason = submission.texts.get(WHY, "").strip()
    if not reason:
        raise UsageError("A reason is needed: who looks at the alert later will want it.")
    with deps.db.transaction() as tx:
        question, _ = asked(tx, submission, submission.about)
        answer(deps, tx, submission, question, Said.YES, reason)


MODAL = Modal(YES, Role.VIEWER, "answer", submit, WHY)
