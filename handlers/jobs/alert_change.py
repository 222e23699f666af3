"""The job behind a note, an owner, a priority and an escalation: asks the on-call service.

Unlike an acknowledgement these change no state, so that several may be under way at a time.
"""

from __future__ import annotations

from datetime import timedelta

from handlers.answering import said, whisper
from handlers.deps import Deps
from handlers.intake import alarm_arn, confirmed, names_in
from handlers.jobs.alert_act import AGAIN, PATIENCE, POLLS, PRIVATE
from handlers.jobs.job import JobContext, Later
from handlers.threads import say_in_thread
from trailwatch.alert import Alert, AlertAction
from trailwatch.clock import parse_time
from trailwatch.errors import RouterError
from trailwatch.store import alerts

WORDS = {
    AlertAction.NOTE: "add the note",
    AlertAction.ASSIGN: "assign the alert",
    AlertAction.PRIORITY: "change the priority",
    AlertAction.ESCALATE: "escalate the alert",
}


def change(deps: Deps, job: JobContext) -> Later | None:
    """Send, wait until it was carried out, bring the message in step and say so in the thread.

    A request whose answer was lost is sent again: a note may stand there twice then, which is
    better than not at all.
    """
    with deps.db.reading() as tx:
        alert = alerts.get(tx, job.args["alert_id"])
    if alert is None:
        return None
    try:
        return _ask(deps, job, alert)
    except RouterError as error:
        now, waits = deps.clock(), int(job.args.get("waits", 0))
        if not error.retryable or now - parse_time(job.args["asked_at"]) > PATIENCE:
            refused(deps, job.args["alert_id"], dict(job.args), str(error))
            return None
        pause = AGAIN[min(waits, len(AGAIN) - 1)]
        if error.retry_after is not None:
            pause = max(timedelta(seconds=0.1), timedelta(seconds=min(error.retry_after, 60.0)))
        return Later(pause, {**job.args, "waits": waits + 1})


def _ask(deps: Deps, job: JobContext, alert: Alert) -> Later | None:
    request_id = str(job.args.get("request_id", ""))
    if not request_id:
        return Later(timedelta(0), {**job.args, "request_id": _send(deps, job, alert)})
    status = deps.router.request_status(request_id)
    if not status.done:
        polls = int(job.args.get("polls", 0))
        if polls < len(POLLS):
            return Later(POLLS[polls], {**job.args, "polls": polls + 1})
        why = "The on-call service took the request and has not carried it out."
        refused(deps, alert.id, dict(job.args), why)
        return None
    if not status.success:
        refused(deps, alert.id, dict(job.args), status.reason or "It gave no reason.")
        return None
    _show(deps, job, alert)
    return None


def _send(deps: Deps, job: JobContext, alert: Alert) -> str:
    user, to = str(job.args["user"]), str(job.args.get("to", ""))
    note = str(job.args.get("note", ""))
    action = AlertAction(job.args["action"])
    if action is AlertAction.NOTE:
        return deps.router.add_note(alert.router_id, user, note)
    if action is AlertAction.ASSIGN:
        return deps.router.assign(alert.router_id, user, to, note)
    if action is AlertAction.ESCALATE:
        return deps.router.escalate(alert.router_id, user, to, note)
    if action is AlertAction.PRIORITY:
        return deps.router.set_priority(alert.router_id, to)
    raise RouterError(f"{action.value} is nothing that can be asked of the on-call service.")


def _show(deps: Deps, job: JobContext, alert: Alert) -> None:
    routed = deps.router.find(alert.router_id)
    people = names_in(deps, routed, str(job.args["user"])) if routed else {}
    with deps.db.transaction() as tx:
        if routed is not None:
            config = deps.sites.watching(alarm_arn(routed.details, routed.alias))
            confirmed(deps, tx, routed, config, by=str(job.args["user"]), people=people)
        words, loud = str(job.args.get("words", "")), job.args.get("loud") == "yes"
        if words:
            key = f"did:{job.args['action']}:{job.args['key']}"
            say_in_thread(deps, tx, alert, key, words, loud=loud)


def refused(deps: Deps, alert_id: str, args: dict[str, str], why: str) -> None:
    """Tell who asked, in private while that is possible, else in the thread.

    An escalation is told in the channel, whatever has become of it.
    """
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, alert_id)
        if alert is None:
            return
        doing = WORDS.get(AlertAction(args["action"]), "change the alert")
        loud = args.get("loud") == "yes"
        in_time = deps.clock() - parse_time(args["asked_at"]) < PRIVATE
        if args.get("response_url") and in_time and not loud:
            whisper(deps, tx, args["response_url"], said(f"Could not {doing}.", why))
            return
        words = f"{args.get('name', '')} asked to {doing}, which could not be done: {why}"
        key = f"refused:{args['action']}:{args['key']}"
        say_in_thread(deps, tx, alert, key, f"{words} {args.get('words', '')}", loud=loud)
