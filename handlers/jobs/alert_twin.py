"""The job that does in a site's other on-call service what somebody did to an alert.

While a site moves from one to another both have the alert, and nobody is to be called by the one
in which it was not done. Tried as long as the action itself, so that an outage undoes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from handlers import news
from handlers.deps import Deps
from handlers.jobs import alert_act
from handlers.jobs.job import JobContext, Later
from handlers.threads import say_in_thread
from trailwatch.alert import Alert, AlertState
from trailwatch.clock import parse_time
from trailwatch.errors import RouterError
from trailwatch.routers.router import title_of
from trailwatch.store import alerts

log = logging.getLogger(__name__)


def act(deps: Deps, job: JobContext) -> Later | None:
    """Send once, wait until it was carried out; what fails for good is told in the thread."""
    with deps.db.reading() as tx:
        alert = alerts.get(tx, job.args["alert_id"])
    if alert is None:
        return None
    try:
        return _ask(deps, job, alert)
    except RouterError as error:
        now, waits = deps.clock(), int(job.args.get("waits", 0))
        if not error.retryable or now - parse_time(job.args["asked_at"]) > alert_act.PATIENCE:
            give_up(deps, job.args, str(error))
            return None
        pause = alert_act.AGAIN[min(waits, len(alert_act.AGAIN) - 1)]
        if error.retry_after is not None:
            pause = max(timedelta(seconds=0.1), timedelta(seconds=min(error.retry_after, 60.0)))
        return Later(pause, {**job.args, "waits": waits + 1})


def _ask(deps: Deps, job: JobContext, alert: Alert) -> Later | None:
    twin, request_id = str(job.args["twin"]), str(job.args.get("request_id", ""))
    if not request_id:
        looked = job.resumed or job.args.get("waits") or job.args.get("look")
        if looked and _stands(deps, job, twin):
            return None
        other = replace(alert, router_id=twin)
        alert_act.keep_note_of(deps, job, other)
        request_id = alert_act.send(deps, other, job)
        return Later(timedelta(0), {**job.args, "request_id": request_id, "polls": 0})
    status = deps.router.request_status(request_id)
    polls = int(job.args.get("polls", 0))
    if not status.done and polls < len(alert_act.POLLS):
        return Later(alert_act.POLLS[polls], {**job.args, "polls": polls + 1})
    if not _stands(deps, job, twin) and not status.success:
        give_up(deps, job.args, status.reason or "It gave no reason.")
    return None


def _stands(deps: Deps, job: JobContext, twin: str) -> bool:
    """Whether the service has the alert as wanted; then ours is brought in step."""
    found = news.of_webhook(deps, twin, by="", action="", at=None, noted=False)
    if found is None:
        return True  # nobody is called for what is gone
    if not alert_act.is_done(job.args, found.routed):
        return False
    with deps.db.transaction() as tx:
        news.take(deps, tx, replace(found, by=str(job.args["user"])))
    return True


def give_up(deps: Deps, args: Mapping[str, Any], why: str) -> None:
    """Say in the thread that the other service was not told."""
    twin, action = str(args["twin"]), str(args["action"])
    log.warning("%s was not done for the twin %s: %s", action, twin, why)
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, str(args["alert_id"]), lock=True)
        if alert is None or (alert.state is AlertState.CLOSED and action != "close"):
            return
        there = title_of(twin) or "the bot’s own store"
        words = f"This could not be done in {there}, too ({action}): {why}"
        say_in_thread(deps, tx, alert, f"twin:{twin}:{action}:{args.get('asked_at', '')}", words)
