"""The jobs behind "Was this you?": ask in a direct message, and go on where no answer comes."""

from __future__ import annotations

import secrets
from dataclasses import replace

from sqlalchemy import Connection

from handlers.access import Person
from handlers.alert_search import search
from handlers.answering import said, whisper
from handlers.asking import answer, message_key
from handlers.audit import noted
from handlers.blocks.identity import question_message, who_to_ask
from handlers.deps import Deps
from handlers.intake import say
from handlers.jobs.job import JobContext, Later, worth_another_try
from handlers.request import Request
from handlers.tracing import one_person
from trailwatch.alert import Alert
from trailwatch.errors import AwsError, NotFound, SlackError
from trailwatch.pattern import PatternError
from trailwatch.store import alerts, jobs, outbox, questions
from trailwatch.store.outbox import Outgoing
from trailwatch.store.questions import Question, Said

ITSELF = "trailwatch"
SOMEBODY_ELSE = "By now there are events of others, or such of which nobody is sure."


def ask(deps: Deps, job: JobContext) -> None:
    """Ask the one person in Slack behind the name in the events; else say why nobody is asked."""
    with deps.db.reading() as tx:
        alert = alerts.get(tx, job.args["alert_id"])
    if alert is None or not who_to_ask(alert):
        return
    name = ""
    try:
        name = _sure_now(deps, alert)
        if not name:
            _not_asked(deps, job, "Nobody is asked.", SOMEBODY_ELSE)
            return
        person = person_behind(deps, name)
        channel = deps.open_direct(person.id) if person else ""
    except AwsError as error:
        if worth_another_try(job, error):
            raise
        _not_asked(deps, job, "Nobody is asked: who it was is not known for sure.", str(error))
        return
    except SlackError as error:
        if worth_another_try(job, error):
            raise
        _not_asked(deps, job, f"Slack does not let {name} be asked.", str(error))
        return
    if person is None:
        fix = "An IAM user's person is named by the setting TRAILWATCH_PEOPLE."
        _not_asked(deps, job, f"{name} is nobody who is known in Slack.", fix)
        return
    now = deps.clock()
    question = Question(
        id=secrets.token_hex(8),
        alert=alert.id,
        person=person.id,
        name=person.name,
        asked_by=str(job.args["name"]),
        at=now,
        until=now + deps.answer_time,
    )
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, alert.id, lock=True)
        if alert is None or not questions.add(tx, question):
            return
        message = question_message(alert, question.id, question.asked_by, question.until)
        metadata = {"question": question.id}
        key = message_key(question.id)
        outbox.say(tx, Outgoing(key, channel, message.text, message.blocks, metadata), now)
        jobs.add(tx, "identity.over", {"question_id": question.id}, now, delay=deps.answer_time)
        alert = replace(alert, extra={**alert.extra, "you_name": person.name, "you_answer": ""})
        alerts.save(tx, alert)
        say(deps, tx, alert)
        _came_of(deps, tx, job, alert.title, f"{person.name} was asked")


def _sure_now(deps: Deps, alert: Alert) -> str:
    """The one sure person behind all of the alert's events until now; "" where there is none.

    An alarm that is on already does not go off again for somebody else. Raises AwsError.
    """
    try:
        page, _, _ = search(deps, alert, deps.clock())
    except (NotFound, PatternError):
        return who_to_ask(alert)
    if not page.events:
        return who_to_ask(alert)
    return one_person(deps.logs(deps.sites.config(alert.site)), page)


def person_behind(deps: Deps, name: str) -> Person | None:
    """The one full member behind a name of AWS's: by the settings, else by e-mail address.

    Names in Slack are their owners' own choice, so none is compared. Raises SlackError.
    """
    known = deps.aws_people.get(name)
    if known is None:
        return deps.people.by_email(name)
    person = deps.people.find(known)
    return person if person.member else None


def over(deps: Deps, job: JobContext) -> Later | None:
    """No answer in time: the alert is escalated."""
    now = deps.clock()
    with deps.db.transaction() as tx:
        question = questions.get(tx, job.args["question_id"])
        if question is None or question.answer is not Said.WAITING:
            return None
        if now < question.until:
            return Later(question.until - now)
        itself = Request(Person("", ITSELF), "", "", "", f"over:{question.id}")
        answer(deps, tx, itself, question, Said.NOTHING)
    return None


def _not_asked(deps: Deps, job: JobContext, what: str, why: str) -> None:
    with deps.db.transaction() as tx:
        whisper(deps, tx, str(job.args.get("response_url", "")), said(what, why))
        alert = alerts.get(tx, str(job.args["alert_id"]))
        _came_of(deps, tx, job, alert.title if alert else "", "nobody was asked")


def _came_of(deps: Deps, tx: Connection, job: JobContext, title: str, outcome: str) -> None:
    detail = {"of": f"ask:{job.id}", "alert_id": str(job.args["alert_id"])}
    noted(deps, tx, str(job.args.get("name", "")), "identity.ask", title, outcome, **detail)
