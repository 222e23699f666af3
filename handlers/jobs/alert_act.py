"""The job behind Acknowledge, Close and Snooze: asks the on-call service until it has answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handlers.deps import Deps
from handlers.intake import confirmed, say
from handlers.jobs.job import JobContext, Later
from trailwatch.alert import Alert, AlertAction
from trailwatch.clock import parse_time
from trailwatch.errors import RouterError, SlackError
from trailwatch.store import alerts

POLLS = tuple(timedelta(seconds=s) for s in (0.1, 0.2, 0.4, 0.8, 1, 2, 4, 8))
"""When to ask again what became of the request: Opsgenie answers 404 until it is carried out."""


def act(deps: Deps, job: JobContext) -> Later | None:
    """Send once, wait until it was carried out, then show what the service itself says.

    A refusal clears the promise on the message and tells the person why.
    """
    with deps.db.reading() as tx:
        alert = alerts.get(tx, job.args["alert_id"])
    if alert is None:
        return None
    try:
        request_id = str(job.step("send", lambda: send(deps, alert, job)))
        status = deps.router.request_status(request_id)
        if not status.done:
            return _poll_again(job)
        if not status.success:
            _refused(deps, job, status.reason or "it gave no reason")
            return None
        routed = deps.router.find(alert.router_id)
    except RouterError as error:
        if error.retryable:
            raise
        _refused(deps, job, str(error))
        return None
    if routed is None:
        _refused(deps, job, "the alert is gone there")
        return None
    config = deps.sites.config_or_blank()
    with deps.db.transaction() as tx:
        confirmed(deps, tx, routed, config, by=job.args["user"])
    return None


def send(deps: Deps, alert: Alert, job: JobContext) -> str:
    """The request's id. Sending twice is harmless: each action leaves the same state."""
    user = job.args["user"]
    action = AlertAction(job.args["action"])
    note = job.args.get("note", "")
    if action is AlertAction.ACKNOWLEDGE:
        return deps.router.acknowledge(alert.router_id, user, note)
    if action is AlertAction.UNACKNOWLEDGE:
        return deps.router.unacknowledge(alert.router_id, user, note)
    if action is AlertAction.CLOSE:
        return deps.router.close(alert.router_id, user, note)
    if action is AlertAction.SNOOZE:
        return deps.router.snooze(alert.router_id, user, parse_time(job.args["until"]), note)
    raise RouterError(f"{action.value} is nothing that can be asked of the on-call service.")


def give_up(deps: Deps, args: dict[str, str], why: str) -> None:
    """Take the promise back after the last try: the buttons come back and the person is told."""
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, args["alert_id"], lock=True)
        if alert is None or alert.pending != args["action"]:
            return
        alert = replace(alert, pending="", pending_by="")
        alerts.save(tx, alert)
        say(deps, tx, alert)
    text = f"Could not {args['action']} “{alert.title}”: {why}"
    try:
        deps.answer(args["response_url"], text, ())
    except SlackError:
        return  # the message itself shows that nothing changed


def _poll_again(job: JobContext) -> Later | None:
    polls = int(job.args.get("polls", 0))
    if polls >= len(POLLS):
        raise RouterError("The on-call service has not carried the request out.", retryable=True)
    return Later(POLLS[polls], {**job.args, "polls": polls + 1})


def _refused(deps: Deps, job: JobContext, why: str) -> None:
    give_up(deps, {k: str(v) for k, v in job.args.items()}, why)
