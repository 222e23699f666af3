"""The job behind a note, an owner, a priority and an escalation: asks the on-call service.

Unlike an acknowledgement these change no state, so that several may be under way at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from handlers import news
from handlers.alert_fields import alarm_arn
from handlers.answering import said, whisper
from handlers.audit import came_of
from handlers.blocks.notes import with_note
from handlers.calling import again
from handlers.changing import HIGHEST
from handlers.channels import mentioned
from handlers.deps import Deps
from handlers.intake import confirmed, names_in
from handlers.jobs.alert_act import AGAIN, PATIENCE, POLLS, PRIVATE
from handlers.jobs.job import JobContext, Later
from handlers.noting import keep_note
from handlers.threads import say_in_thread
from handlers.told import CLOCKS, escalates
from handlers.twins import within_reach
from trailwatch.alert import Alert, AlertAction, AlertState
from trailwatch.clock import iso, parse_time
from trailwatch.errors import RouterError
from trailwatch.routers.router import title_of
from trailwatch.store import alert_notes, alerts, jobs

SETTLED = timedelta(seconds=3)
"""How long a request whose answer was lost may take to have its effect."""

WORDS = {
    AlertAction.NOTE: "add the note",
    AlertAction.ASSIGN: "assign the alert",
    AlertAction.PRIORITY: "change the priority",
    AlertAction.ESCALATE: "escalate the alert",
}


def change(deps: Deps, job: JobContext) -> Later | None:
    """Send, wait until it was carried out, bring the message in step and say so in the thread.

    Before a request whose answer was lost is sent again, the service is asked whether it was
    carried out all the same.
    """
    with deps.db.reading() as tx:
        alert = alerts.get(tx, job.args["alert_id"])
    if alert is None:
        return None
    alert = within_reach(deps, alert)
    try:
        return _ask(deps, job, alert)
    except RouterError as error:
        now, waits = deps.clock(), int(job.args.get("waits", 0))
        if not error.retryable or now - parse_time(job.args["asked_at"]) > PATIENCE:
            refused(deps, job.args["alert_id"], dict(job.args), str(error))
            return None
        if waits == 1 and job.args.get("loud") == "yes":
            _say_that_it_takes_longer(deps, job, error)
        pause = max(SETTLED, AGAIN[min(waits, len(AGAIN) - 1)])
        if error.retry_after is not None:
            pause = max(timedelta(seconds=0.1), timedelta(seconds=min(error.retry_after, 60.0)))
        return Later(pause, {**job.args, "waits": waits + 1})


def _ask(deps: Deps, job: JobContext, alert: Alert) -> Later | None:
    request_id = str(job.args.get("request_id", ""))
    if not request_id:
        if (job.resumed or job.args.get("waits")) and _was_done(deps, job, alert):
            _show(deps, job, alert)
            return None
        _keep_note(deps, job, alert)
        return Later(timedelta(0), {**job.args, "request_id": _send(deps, job, alert)})
    status = deps.router.request_status(request_id)
    if not status.done:
        polls = int(job.args.get("polls", 0))
        if polls < len(POLLS):
            return Later(POLLS[polls], {**job.args, "polls": polls + 1})
        where = title_of(alert.router_id) or "trailwatch"
        why = f"{where} took the request and has not carried it out."
        refused(deps, alert.id, dict(job.args), why)
        return None
    if not status.success:
        refused(deps, alert.id, dict(job.args), status.reason or "It gave no reason.")
        return None
    _show(deps, job, alert)
    return None


def _say_that_it_takes_longer(deps: Deps, job: JobContext, error: RouterError) -> None:
    """An escalation is told in the channel also while nobody can be called: people read it."""
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, job.args["alert_id"])
        if alert is not None and alert.state is not AlertState.CLOSED:
            who, why = job.args.get("name", ""), _because(job.args)
            words = f"{who} wants to escalate this{why}. {error.what} It is tried again by itself."
            key = f"waits:{job.args['action']}:{job.args['key']}"
            say_in_thread(deps, tx, alert, key, words, loud=True)


def _because(args: Mapping[str, Any]) -> str:
    note = str(args.get("note", ""))
    return f" (“{note}”)" if note else ""


def _send(deps: Deps, job: JobContext, alert: Alert) -> str:
    user, to = str(job.args["user"]), str(job.args.get("to", ""))
    note = _note(job)
    action = AlertAction(job.args["action"])
    if action is AlertAction.NOTE:
        return deps.router.add_note(alert.router_id, user, note)
    if action is AlertAction.ASSIGN:
        return deps.router.assign(alert.router_id, user, to, note)
    if action is AlertAction.ESCALATE:
        return deps.router.escalate(alert.router_id, user, to, note)
    if action is AlertAction.PRIORITY:
        return deps.router.set_priority(alert.router_id, to)
    raise RouterError(f"{action.value} is nothing that can be asked here.")


def _note(job: JobContext) -> str:
    """What is noted with it. An escalation always says something: it is known by that."""
    note = str(job.args.get("note", ""))
    if job.args["action"] == AlertAction.ESCALATE:
        return f"{job.args.get('name', '')} escalated this from Slack{f': {note}' if note else '.'}"
    return note


def _keep_note(deps: Deps, job: JobContext, alert: Alert) -> None:
    """So that the note is not told as somebody else's, and is found where its answer is lost."""
    text = _note(job)
    if text and deps.router.takes_note(alert.router_id, job.args["action"]):
        keep_note(deps, note_key(job.args), alert, str(job.args["user"]), text)


def note_key(args: Mapping[str, Any]) -> str:
    """The key of the note that a job gives to the service."""
    return f"{args['action']}:{args['key']}"


def _was_done(deps: Deps, job: JobContext, alert: Alert) -> bool:
    """Whether a request whose answer was lost was carried out. Raises RouterError."""
    action, to = AlertAction(job.args["action"]), str(job.args.get("to", ""))
    found = news.of_notes(deps, alert.router_id)
    if found is None:
        return False
    if action is AlertAction.PRIORITY:
        return found.routed.priority == to
    if action is AlertAction.ASSIGN:
        return found.routed.owner == to
    with deps.db.transaction() as tx:
        news.take(deps, tx, found)
        if alert_notes.is_there(tx, note_key(job.args)):
            return True
    if action is AlertAction.ESCALATE and not deps.router.takes_note(alert.router_id, action):
        since = parse_time(job.args["asked_at"]) - CLOCKS
        log = deps.router.log(alert.router_id)
        return any(one.at >= since and escalates(one.text) for one in log)
    return False


def _show(deps: Deps, job: JobContext, alert: Alert) -> None:
    routed = deps.router.find(alert.router_id)
    people = names_in(deps, routed, str(job.args["user"])) if routed else {}
    with deps.db.transaction() as tx:
        if routed is not None:
            config = deps.sites.watching(alarm_arn(routed.details, routed.alias))
            alert = confirmed(deps, tx, routed, config, people=people)
        words, loud = str(job.args.get("words", "")), job.args.get("loud") == "yes"
        _note_apart(deps, tx, job, alert)
        came_of(deps, tx, job.args, alert.title, "done")
        if words:
            key = f"did:{job.args['action']}:{job.args['key']}"
            say_in_thread(deps, tx, alert, key, words, loud=loud)
            if job.args.get("again") and (called := mentioned(deps, alert)):
                again(deps, tx, alert, f"{key}:again", called)
        if job.args["action"] == AlertAction.NOTE and not job.args.get("apart"):
            now = alerts.get(tx, alert.id, lock=True) or alert
            noted = with_note(now, str(job.args.get("name", "")), str(job.args["note"]))
            news.show_note(deps, tx, now, noted)


def _note_apart(deps: Deps, tx: Connection, job: JobContext, alert: Alert) -> None:
    """Add the note by itself where the service takes none with such a change."""
    action, text = job.args["action"], _note(job)
    if not text or deps.router.takes_note(alert.router_id, action):
        return
    apart = {k: v for k, v in job.args.items() if k not in ("request_id", "waits", "polls", "to")}
    apart |= {"action": AlertAction.NOTE.value, "note": text, "words": "", "loud": ""}
    apart |= {"apart": "yes", "of": ""}
    apart |= {"key": f"{job.args['key']}:{action}", "response_url": ""}
    key = f"change:{action}:noted:{job.args['key']}"
    jobs.add(tx, "alert.change", apart, deps.clock(), key=key)


def refused(deps: Deps, alert_id: str, args: dict[str, str], why: str) -> None:
    """Tell who asked, in private while that is possible, else in the thread.

    An escalation is told in the channel, whatever has become of it.
    """
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, alert_id)
        if alert is None:
            return
        alert_notes.forget(tx, note_key(args))
        came_of(deps, tx, args, alert.title, "failed", why)
        doing = WORDS.get(AlertAction(args["action"]), "change the alert")
        loud = args.get("loud") == "yes"
        in_time = deps.clock() - parse_time(args["asked_at"]) < PRIVATE
        if args.get("response_url") and in_time and not loud:
            whisper(deps, tx, args["response_url"], said(f"Could not {doing}.", why))
            return
        words = (
            f"{args.get('name', '')} asked to {doing}{_because(args)}, which could not be done: "
        )
        key = f"refused:{args['action']}:{args['key']}"
        say_in_thread(deps, tx, alert, key, f"{words}{why}", loud=loud)
        if args["action"] == AlertAction.ESCALATE:
            _raise_instead(deps, tx, alert, args)


def _raise_instead(deps: Deps, tx: Connection, alert: Alert, args: Mapping[str, str]) -> None:
    """What cannot be escalated, since there is no such policy any more, gets the highest priority,
    which calls whom the service and the routes call for it.
    """
    if alert.severity == HIGHEST or alert.state is AlertState.CLOSED:
        return
    key = f"{args['key']}:instead"
    raised = {
        "alert_id": alert.id,
        "action": AlertAction.PRIORITY.value,
        "user": args["user"],
        "name": args.get("name", ""),
        "asked_at": iso(deps.clock()),
        "to": HIGHEST,
        "words": f"It is {HIGHEST} now, since it could not be escalated.",
        "loud": "yes",
        "key": key,
    }
    jobs.add(tx, "alert.change", raised, deps.clock(), key=f"change:priority:{key}")
