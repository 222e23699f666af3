"""The job behind Acknowledge, Close and Snooze: asks the on-call service until it has answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from handlers import news, twins
from handlers.alert_fields import alarm_arn
from handlers.answering import said, whisper
from handlers.audit import came_of
from handlers.deps import Deps
from handlers.intake import confirmed, names_in, say
from handlers.jobs.job import JobContext, Later
from handlers.noting import keep_note
from handlers.threads import reply, say_in_thread
from trailwatch.alert import Alert, AlertAction, AlertState, reached, settled
from trailwatch.clock import parse_time
from trailwatch.errors import RouterError
from trailwatch.routers.router import RoutedAlert, title_of
from trailwatch.store import alerts, jobs

POLLS = tuple(timedelta(seconds=s) for s in (0.1, 0.2, 0.4, 0.8, 1, 2, 4, 8))
"""When to ask again what became of the request: Opsgenie answers 404 until it is carried out."""

AGAIN = tuple(timedelta(seconds=s) for s in (1, 2, 3, 5, 5, 10))
"""When to try again while the service does not answer; the last one repeats."""

PATIENCE = timedelta(hours=8)
"""How long an action is tried: as long as whoever is on call may still want it."""

SOON = timedelta(seconds=2)
"""So long a first failure goes unsaid, since the second try mostly succeeds."""

ALIKE = timedelta(seconds=1)
"""So far may be apart what was asked for and what a service keeps of it."""

PRIVATE = timedelta(minutes=25)
"""How long the clicker can be answered in private: a response_url lasts 30 minutes."""


def act(deps: Deps, job: JobContext) -> Later | None:
    """Send once, wait until it was carried out, then show what the service itself says.

    While the service does not answer the message says that it is tried again; a refusal clears
    the promise on the message and tells the person why. The audit log says what came of it, and
    the thread what the message does not.
    """
    later = _try(deps, job)
    if later is None:
        with deps.db.transaction() as tx:
            alert = alerts.get(tx, job.args["alert_id"])
            if alert is not None and came_of(deps, tx, job.args, alert.title, "done"):
                _tell(deps, tx, job, alert)
    return later


def _tell(deps: Deps, tx: Connection, job: JobContext, alert: Alert) -> None:
    """Who took an acknowledgement back, and why somebody snoozed it."""
    action, why = AlertAction(job.args["action"]), str(job.args.get("note", ""))
    words = {
        AlertAction.UNACKNOWLEDGE: "took the acknowledgement back.",
        AlertAction.SNOOZE: f"snoozed this: {why}" if why else "",
    }.get(action, "")
    if words and reached(action, alert.state):
        key = f"did:{action.value}:{job.args['asked_at']}"
        say_in_thread(deps, tx, alert, key, f"{job.args['name']} {words}")


def _try(deps: Deps, job: JobContext) -> Later | None:
    with deps.db.reading() as tx:
        alert = alerts.get(tx, job.args["alert_id"])
    if alert is None:
        return None
    alert = twins.within_reach(deps, alert)
    with deps.db.reading() as tx:
        others = alerts.twins(tx, alert.id) if not job.args.get("both") else ()
    if alert.pending != job.args["action"] and not job.args.get("both"):
        return None  # the service's own webhook was faster
    if others:
        with deps.db.transaction() as tx:
            _begin_twins(deps, tx, job, others)
        return Later(timedelta(0), {**job.args, "both": "yes"})
    try:
        return _ask(deps, job, alert)
    except RouterError as error:
        if error.code == "404" and _is_gone(deps, job, alert):
            return None
        if not error.retryable:
            give_up(deps, _arguments(job), str(error))
            return None
        return _wait(deps, job, error)


def _ask(deps: Deps, job: JobContext, alert: Alert) -> Later | None:
    request_id = str(job.args.get("request_id", ""))
    if not request_id:
        # An answer that was lost may have had its effect: look before asking a second time.
        if (job.resumed or job.args.get("waits")) and _stands(deps, job, alert):
            return None
        keep_note_of(deps, job, alert)
        request_id = send(deps, alert, job)
        return Later(timedelta(0), {**job.args, "request_id": request_id, "polls": 0})
    status = deps.router.request_status(request_id)
    if not status.done:
        return _poll_again(deps, job, alert)
    if not status.success:
        if not _stands(deps, job, alert) and not _is_gone(deps, job, alert):
            give_up(deps, _arguments(job), status.reason or "it gave no reason")
        return None
    routed = deps.router.find(alert.router_id)
    if routed is None:
        give_up(deps, _arguments(job), "the alert is gone there")
        return None
    _show(deps, job, routed)
    return None


def _begin_twins(deps: Deps, tx: Connection, job: JobContext, others: tuple[str, ...]) -> None:
    """Have the same done in the service that a site moves to or from, so that nobody is called
    from there. At once: this one may be away for good.
    """
    for twin in filter(deps.router.reaches, others):
        key = f"twin:{twin}:{job.args['action']}:{job.args.get('asked_at', '')}"
        arguments = {k: v for k, v in job.args.items() if k not in ("request_id", "polls", "waits")}
        jobs.add(tx, twins.ACT, {**arguments, "twin": twin}, deps.clock(), key=key)


def keep_note_of(deps: Deps, job: JobContext, alert: Alert) -> None:
    """Keep the note that goes with an action, so that its coming back is no news."""
    if text := str(job.args.get("note", "")):
        key = f"{job.args['action']}:{alert.router_id}:{job.args.get('asked_at', '')}"
        keep_note(deps, key, alert, str(job.args["user"]), text)


def _is_gone(deps: Deps, job: JobContext, alert: Alert) -> bool:
    """Whether the service has the alert no more. Then it can still be closed here."""
    if deps.router.find(alert.router_id) is not None:
        return False
    with deps.db.transaction() as tx:
        found = alerts.get(tx, alert.id, lock=True)
        if found is None or found.state is AlertState.CLOSED:
            return True
        if job.args["action"] == AlertAction.CLOSE:
            news.over(deps, tx, found, str(job.args["user"]))
            return True
    where = title_of(alert.router_id) or "the bot’s own store"
    give_up(deps, _arguments(job), f"It is not in {where} any more; it can be closed here.")
    return True


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
    raise RouterError(f"{action.value} is nothing that can be asked here.")


def give_up(deps: Deps, args: dict[str, str], why: str) -> None:
    """Take the promise back after the last try: the buttons come back and the person is told."""
    now = deps.clock()
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, args["alert_id"], lock=True)
        if alert is None or alert.pending != args["action"]:
            return
        alert = settled(alert)
        alerts.save(tx, alert)
        say(deps, tx, alert)
        came_of(deps, tx, args, alert.title, "failed", why)
        message = said(f"Could not {args['action']} “{alert.title}”.", why)
        asked = args.get("asked_at")
        if asked and now - parse_time(asked) < PRIVATE:
            whisper(deps, tx, args["response_url"], message)
            return
        key = f"refused:{args['action']}:{asked}"
        reply(deps, tx, alert, key, message)


def _stands(deps: Deps, job: JobContext, alert: Alert) -> bool:
    """Whether the service has the alert as wanted already; then it is shown so."""
    routed = deps.router.find(alert.router_id)
    if routed is None or not is_done(job.args, routed):
        return False
    _show(deps, job, routed)
    return True


def is_done(args: Mapping[str, Any], routed: RoutedAlert) -> bool:
    """Whether an alert stands in a service as a job's arguments want it. A longer snooze is not
    there with the one before.
    """
    if args["action"] == AlertAction.SNOOZE and routed.state is AlertState.SNOOZED:
        until = routed.snoozed_until
        return until is not None and abs(until - parse_time(str(args["until"]))) < ALIKE
    return reached(args["action"], routed.state)


def _show(deps: Deps, job: JobContext, routed: RoutedAlert) -> None:
    config = deps.sites.watching(alarm_arn(routed.details, routed.alias))
    people = names_in(deps, routed, str(job.args["user"]))
    with deps.db.transaction() as tx:
        alert = confirmed(deps, tx, routed, config, by=job.args["user"], people=people)
        if alert.pending == job.args["action"]:
            # The service said that it is done, whatever its alert shows.
            alerts.save(tx, settled(alert))
            say(deps, tx, settled(alert))
        if not job.args.get("both"):
            # One may have told of it only meanwhile.
            _begin_twins(deps, tx, job, alerts.twins(tx, alert.id))


def _poll_again(deps: Deps, job: JobContext, alert: Alert) -> Later | None:
    polls = int(job.args.get("polls", 0))
    if polls >= len(POLLS):
        if not _stands(deps, job, alert):
            where = title_of(alert.router_id) or "trailwatch"
            why = f"{where} took the request and has not carried it out."
            give_up(deps, _arguments(job), why)
        return None
    return Later(POLLS[polls], {**job.args, "polls": polls + 1})


def _wait(deps: Deps, job: JobContext, error: RouterError) -> Later | None:
    """Say on the message that it takes longer, and try again; give up after a long while."""
    now = deps.clock()
    waits = int(job.args.get("waits", 0))
    asked = job.args.get("asked_at")
    if asked and now - parse_time(str(asked)) > PATIENCE:
        give_up(deps, _arguments(job), str(error))
        return None
    if waits or (asked and now - parse_time(str(asked)) > SOON):
        _note(deps, job, f"{error.what} It is tried again by itself.")
    pause = AGAIN[min(waits, len(AGAIN) - 1)]
    if error.retry_after is not None:
        pause = max(timedelta(seconds=0.1), timedelta(seconds=min(error.retry_after, 60.0)))
    return Later(pause, {**job.args, "waits": waits + 1})


def _note(deps: Deps, job: JobContext, text: str) -> None:
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, job.args["alert_id"], lock=True)
        if alert is None or alert.pending != job.args["action"] or alert.pending_note == text:
            return
        told_before = bool(alert.pending_note)
        alert = replace(alert, pending_note=text)
        alerts.save(tx, alert)
        say(deps, tx, alert)
        if not told_before:
            whisper(deps, tx, job.args["response_url"], said(f"“{alert.title}”: {text}"))


def _arguments(job: JobContext) -> dict[str, str]:
    return {name: str(value) for name, value in job.args.items()}
