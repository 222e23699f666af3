"""The jobs that search the events behind an alert: for its message, and for its thread."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handlers.alert_search import alarm_window_of, newest_of, search
from handlers.blocks.events import events_message
from handlers.deps import Deps
from handlers.event_pages import learn_names, of_alert, page_message
from handlers.intake import say
from handlers.jobs import alert_own, alert_same, alert_who
from handlers.jobs.job import JobContext, Later, worth_another_try
from handlers.threads import reply
from trailwatch.alert import Search
from trailwatch.clock import iso, parse_time
from trailwatch.culprit import LOOKED_FOR, look_again
from trailwatch.errors import AwsError, NotFound, TrailwatchError
from trailwatch.pattern import PatternError
from trailwatch.store import alerts, event_searches, jobs

FIND = "alert.find_events"
MANY = 20
"""From so many alerts on whose events are awaited they are looked for more seldom."""
OUTAGE_PAUSES = tuple(timedelta(seconds=s) for s in (1, 2, 5, 10, 30))
"""When to search again while AWS does not answer; the last one repeats."""
MOST_OUTAGES = 1000


def find_events(deps: Deps, job: JobContext) -> Later | None:
    """Search for the alert's message; again later while nothing has arrived."""
    with deps.db.reading() as tx:
        alert = alerts.get(tx, job.args["alert_id"])
    if alert is None:
        return None
    try:
        page, window, pattern = search(deps, alert)
        shown = newest_of(deps, alert, page, window, pattern) if page.events else ()
    except (NotFound, PatternError) as error:
        _keep(deps, alert.id, search=Search.FAILED, search_note=str(error))
        return None
    except AwsError as error:
        if not error.retryable:
            _keep(deps, alert.id, search=Search.FAILED, search_note=str(error))
            return None
        return _again(deps, job, alert.id, error)
    if page.events:
        learn_names(deps, page.events)
        newest = tuple(replace(event, raw="") for event in shown)
        own = alert_own.marked(deps, alert, page)
        found = {
            "search": Search.FOUND,
            "search_note": "",
            "events": newest,
            "events_total": page.total,
            "accounts": tuple(dict.fromkeys(event.account for event in page.events)),
        }
        _keep(deps, alert.id, **{**found, **own})
        alert_own.follow_later(deps, alert, page, own)
        alert_who.start(deps, alert.id)
        alert_same.start(deps, alert.id)
        return None
    now = deps.clock()
    since = str(job.args.get("since", iso(now)))
    with deps.db.reading() as tx:
        many = jobs.many_due(tx, FIND, now + LOOKED_FOR, MANY)
    wait = look_again(now - parse_time(since), many)
    if wait is None:
        _keep(deps, alert.id, search=Search.NOTHING, search_note="")
        return None
    if alert.search_note:
        _keep(deps, alert.id, search_note="")
    return Later(wait, {**job.args, "since": since})


def _again(deps: Deps, job: JobContext, alert_id: str, error: AwsError) -> Later | None:
    """While AWS is away: soon at first, then every half minute, for hours."""
    outages = int(job.args.get("outages", 0))
    if outages >= MOST_OUTAGES:
        give_up(deps, alert_id, str(error))
        return None
    _keep(deps, alert_id, search_note=f"{error.what} It is searched again by itself.")
    pause = OUTAGE_PAUSES[min(outages, len(OUTAGE_PAUSES) - 1)]
    return Later(pause, {**job.args, "outages": outages + 1})


def give_up(deps: Deps, alert_id: str, why: str) -> None:
    """Say on the message that its events will not be searched any more."""
    _keep(deps, alert_id, search=Search.FAILED, search_note=why)


def show_events(deps: Deps, job: JobContext) -> None:
    """Search again and answer in the alert's thread with the newest page."""
    with deps.db.reading() as tx:
        alert = alerts.get(tx, job.args["alert_id"])
    if alert is None:
        return
    try:
        wanted = of_alert(deps, alert, event_searches.new_id())
        message = page_message(deps, job, wanted)
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        window = alarm_window_of(deps, alert)
        message = events_message(alert, (), 0, (window.start, window.end), error=error)
    with deps.db.transaction() as tx:
        reply(deps, tx, alert, f"events:{job.args['key']}", message)


def _keep(deps: Deps, alert_id: str, **found: object) -> None:
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, alert_id, lock=True)
        if alert is None:
            return
        changed = replace(alert, **found)  # type: ignore[arg-type]
        if changed != alert:
            if alert.events and changed.events != alert.events:
                # Who followed the alarm was quicker: what its table no longer shows is to be told.
                alert_own.note_table(tx, alert, changed)
            alerts.save(tx, changed)
            say(deps, tx, changed)
