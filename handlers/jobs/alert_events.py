"""The jobs that search the events behind an alert: for its message, and for its thread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from handlers.alert_search import SHOWN, alarm_window_of, search
from handlers.blocks.events import events_message
from handlers.deps import Deps
from handlers.intake import message_key, names_of, say
from handlers.jobs import alert_own, alert_who
from handlers.jobs.job import JobContext, Later, worth_another_try
from trailwatch.alert import Search
from trailwatch.culprit import look_again
from trailwatch.errors import AwsError, NotFound, TrailwatchError
from trailwatch.event import Event
from trailwatch.pattern import Pattern, PatternError
from trailwatch.search.logs import EventPage
from trailwatch.store import alerts, outbox
from trailwatch.store.outbox import Outgoing

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
        page, _, _ = search(deps, alert)
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
        newest = tuple(replace(event, raw="") for event in page.events[:SHOWN])
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
        return None
    tries = int(job.args.get("tries", 0))
    wait = look_again(tries)
    if wait is None:
        _keep(deps, alert.id, search=Search.NOTHING, search_note="")
        return None
    if alert.search_note:
        _keep(deps, alert.id, search_note="")
    return Later(wait, {**job.args, "tries": tries + 1})


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
    """Search again, wider, and answer in the alert's thread."""
    with deps.db.reading() as tx:
        alert = alerts.get(tx, job.args["alert_id"])
    if alert is None:
        return
    try:
        page, window, pattern = search(deps, alert)
        learn_names(deps, page.events)
        message = events_message(
            alert,
            page.events,
            page.total,
            (window.start, window.end),
            _note(page),
            why=_why(pattern, page),
            offices=deps.sites.offices(alert.site),
            names=names_of(deps, page.events),
        )
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        window = alarm_window_of(deps, alert)
        message = events_message(alert, (), 0, (window.start, window.end), error=error)
    with deps.db.transaction() as tx:
        outgoing = Outgoing(
            key=f"{message_key(alert.id)}:events:{job.args['key']}",
            lane=deps.sites.channel(alert.site),
            text=message.text,
            blocks=message.blocks,
            metadata={"alert_id": alert.id},
            thread_of=message_key(alert.id),
        )
        outbox.say(tx, outgoing, deps.clock())


def _why(pattern: Pattern, page: EventPage) -> tuple[str, ...]:
    """Why the newest event matched, clause by clause, where its record is at hand."""
    record = page.events[0].raw if page.events else ""
    return tuple(pattern.explain(record).because().lines()) if record else ()


def learn_names(deps: Deps, events: Iterable[Event]) -> None:
    """Ask Organizations where an event is of an account without a name."""
    if any(event.account and not deps.sites.account_name(event.account) for event in events):
        deps.sites.account_names.learn()


def _note(page: EventPage) -> str:
    return "" if page.complete else "There are more: the search stopped at its limit."


def _keep(deps: Deps, alert_id: str, **found: object) -> None:
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, alert_id, lock=True)
        if alert is None:
            return
        changed = replace(alert, **found)  # type: ignore[arg-type]
        if changed != alert:
            alerts.save(tx, changed)
            say(deps, tx, changed)
