"""The buttons of "Was this you?": one asks, two answer, which only who was asked may press."""

from __future__ import annotations

from handlers.access import Role
from handlers.actions.action import Action
from handlers.asking import answer, asked
from handlers.audit import note
from handlers.blocks.alert_menu import ASK
from handlers.blocks.identity import NO, YES, who_to_ask
from handlers.deps import Deps
from handlers.request import Click, Reply
from handlers.starting import start_dialog, start_job
from trailwatch.alert import AlertState
from trailwatch.errors import NotAllowed, NotFound, UsageError
from trailwatch.store import alerts
from trailwatch.store.questions import Said


def ask(deps: Deps, click: Click) -> Reply:
    """Have a job find the person and ask them; the message says that they were asked."""
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, click.value)
        if alert is None:
            raise NotFound("This alert is no longer kept.", fix="See /trailwatch alerts.")
        if alert.state is AlertState.CLOSED or not who_to_ask(alert):
            raise UsageError(
                "Nobody is to be asked.",
                "The alert is closed, they were asked already, or who it was is not sure.",
            )
        # One question for an alert, whoever asks it.
        job = start_job(deps, tx, click, "identity.ask", f"ask:{alert.id}", alert_id=alert.id)
        of = f"ask:{job}"
        note(deps, tx, click, "identity.ask", alert.title, "asked", alert_id=alert.id, of=of)
    return Reply()


def yes(deps: Deps, click: Click) -> Reply:
    """Open the dialog that asks for the reason; nothing is answered yet."""
    question, _ = _asked(deps, click)
    with deps.db.transaction() as tx:
        start_dialog(deps, tx, click, "identity.open", question_id=question)
    return Reply()


def no(deps: Deps, click: Click) -> Reply:
    """It was somebody else: the alert is escalated."""
    _asked(deps, click)
    with deps.db.transaction() as tx:
        question, _ = asked(tx, click, click.value)
        answer(deps, tx, click, question, Said.NO)
    return Reply()


def _asked(deps: Deps, click: Click) -> tuple[str, str]:
    """The ids of question and alert; who may not answer is written down."""
    try:
        with deps.db.reading() as tx:
            question, alert = asked(tx, click, click.value)
    except NotAllowed:
        with deps.db.transaction() as tx:
            note(deps, tx, click, "identity.answer", click.value, "refused")
        raise
    return question.id, alert.id


ACTIONS = (
    Action(ASK, Role.RESPONDER, "ask who it was", ask),
    Action(YES, Role.VIEWER, "answer", yes),
    Action(NO, Role.VIEWER, "answer", no),
)
