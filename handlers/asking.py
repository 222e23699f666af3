"""Knows what follows from asking somebody whether an alert was their doing. Calls no service."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from handlers.answering import promise_in
from handlers.audit import note
from handlers.blocks.identity import answered_message
from handlers.changing import ask_change, ask_escalation
from handlers.deps import Deps
from handlers.intake import say
from handlers.request import Request
from handlers.threads import say_in_thread
from trailwatch.alert import Alert, AlertAction, AlertState
from trailwatch.errors import NotAllowed, NotFound, UsageError
from trailwatch.store import alerts, outbox, questions
from trailwatch.store.outbox import Outgoing
from trailwatch.store.questions import Question, Said

CLOSES = frozenset({"P3", "P4", "P5"})
"""Priorities of alerts that a "yes" closes; the others stay for somebody else to look at."""


def asked(tx: Connection, request: Request, question_id: str) -> tuple[Question, Alert]:
    """A question that this person may answer now; raises NotFound, NotAllowed and UsageError."""
    question = questions.get(tx, question_id)
    alert = alerts.get(tx, question.alert) if question else None
    if question is None or alert is None:
        raise NotFound("This question is no longer kept.")
    if question.person != request.person.id:
        raise NotAllowed(f"Only {question.name} can answer this.", "")
    if question.answer is not Said.WAITING:
        raise UsageError("This question is answered or over already.")
    return question, alert


def answer(
    deps: Deps, tx: Connection, request: Request, question: Question, said: Said, reason: str = ""
) -> Alert | None:
    """Write the answer down and show it. A "yes" closes an alert of P3 or lower; no answer and "no"
    escalate one that is not closed. None for a second answer.
    """
    now = deps.clock()
    if questions.answered(tx, question.id, said, reason, now) is None:
        return None
    alert = alerts.get(tx, question.alert, lock=True)
    if alert is None:
        return None
    extra = {**alert.extra, "you_answer": said.value, "you_reason": reason}
    alert = replace(alert, extra=extra)
    alerts.save(tx, alert)
    say(deps, tx, alert)
    _edit(deps, tx, question, alert.title, said, reason)
    note(
        deps, tx, request, "identity.answer", alert.title, said.value,
        alert_id=alert.id, asked=question.person, reason=reason,
    )  # fmt: skip
    if said is Said.YES:
        words = f"{question.name} says that it was them: {reason}"
        # The message itself says it as an answer, so not as a note as well.
        more = {"note": words, "apart": "yes"}
        ask_change(deps, tx, request, alert, AlertAction.NOTE, words, **more)
        if alert.severity in CLOSES:
            # The answer is noted with its reason already.
            promise_in(deps, tx, request, alert.id, AlertAction.CLOSE, instead=True)
    elif alert.state is not AlertState.CLOSED:
        did = "says that it was not them" if said is Said.NO else "did not answer in time"
        ask_escalation(deps, tx, request, alert, f"{question.name} {did}")
    elif said is Said.NO:
        # No service escalates what is closed, and somebody closed what is worth a look.
        words = f"{question.name} says that it was not them, and this is closed already."
        say_in_thread(deps, tx, alert, f"not-them:{question.id}", words, loud=True)
    return alert


def _edit(
    deps: Deps, tx: Connection, question: Question, title: str, said: Said, reason: str
) -> None:
    sent = outbox.find(tx, message_key(question.id))
    if sent is None:
        return
    message = answered_message(title, said.value, reason)
    metadata = {"question": question.id}
    outgoing = Outgoing(sent.key, sent.lane, message.text, message.blocks, metadata)
    outbox.say(tx, outgoing, deps.clock())


def message_key(question_id: str) -> str:
    """The outbox key of the direct message that asks."""
    return f"question:{question_id}"
