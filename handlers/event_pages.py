"""Knows how a kept search becomes one page of events, where it is shown, and what the next is."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from handlers.alert_search import alarm_window_of, pattern_of
from handlers.answering import tell
from handlers.archive_pages import PLACE, archive_page
from handlers.blocks.events import (
    SHOWN_EVENTS,
    Found,
    Pages,
    archive_running,
    events_message,
    search_message,
)
from handlers.blocks.kit import Message
from handlers.deps import Deps
from handlers.intake import names_of
from handlers.jobs.job import JobContext, worth_another_try
from handlers.storms import thread_key
from trailwatch.alert import Alert
from trailwatch.clock import parse_time
from trailwatch.errors import NotFound, TrailwatchError
from trailwatch.event import Event
from trailwatch.pattern import parse
from trailwatch.search.logs import EventQuery, NewestPage
from trailwatch.store import alerts, event_searches, outbox
from trailwatch.store.event_searches import EventSearch
from trailwatch.store.outbox import Outgoing

PAGE = "events.page"
"""The kind of job that shows one page, and can be cancelled."""
SHORT = timedelta(days=1)
"""What the log group may lack at the far end of a window before the archive is offered."""
TICK = timedelta(microseconds=1)
TELL_EVERY = 3.0
"""Seconds between two looks at how far a search of the archive is."""
STOPPED = "The search stopped after 20 seconds: Older goes on from there."
KEPT = "Ask for the events anew: [Show events], or /trailwatch events."


@dataclass(frozen=True)
class Page:
    """One page: its search, what was found, and the search of the page after it."""

    search: EventSearch
    events: tuple[Event, ...]
    older: EventSearch | None
    note: str = ""
    archive: EventSearch | None = None
    """The search that goes on in the archive, where the log group's records begin too late."""
    reached: datetime | None = None
    """Back to when it was looked, where that is not the whole window."""


def of_alert(deps: Deps, alert: Alert, search_id: str) -> EventSearch:
    """The search for the events behind an alert: from its alarm's window until it was closed and
    its alarm was quiet, or until now, since its alarm may have gone off again. Raises AwsError.
    """
    source = deps.logs(deps.sites.config(alert.site))
    window = alarm_window_of(deps, alert)
    over = alert.closed_at or deps.clock()
    last = parse_time(alert.extra["follow_last"]) if "follow_last" in alert.extra else over
    end = max(window.end, over, last)
    with deps.db.reading() as tx:
        parent = thread_key(tx, alert.id)
    return EventSearch(
        id=search_id,
        site=deps.sites.known(alert.site),
        pattern=pattern_of(deps, alert, source).text,
        start=window.start,
        end=end,
        first_end=end,
        alert_id=alert.id,
        channel=deps.sites.channel(alert.site),
        thread_of=parent,
    )


def kept_search(deps: Deps, search_id: str, person_id: str) -> EventSearch:
    """The search that a button's value stands for; raises NotFound, also for somebody else's."""
    with deps.db.reading() as tx:
        found = event_searches.get(tx, search_id)
    if found is None or found.asked_by not in ("", person_id):
        raise NotFound("This search is no longer kept.", fix=KEPT)
    return found


def look(deps: Deps, job: JobContext, search: EventSearch) -> Page:
    """Search one page, and keep what its buttons stand for. Raises AwsError."""
    in_archive = search.place == PLACE
    page = _in_archive(deps, job, search, search) if in_archive else _in_log_group(deps, search)
    if page.archive is not None and not page.events and job.kind == PAGE:
        # Who asks for a time of which the log group knows nothing need not ask twice.
        found = _in_archive(deps, job, page.archive, search)
        page = replace(found, note=f"The log group has none. {found.note}")
    with deps.db.transaction() as tx:
        for one in (page.search, page.older, page.archive):
            if one is not None:
                event_searches.keep(tx, one, deps.clock())
    return page


def _in_log_group(deps: Deps, search: EventSearch) -> Page:
    source = deps.logs(deps.sites.config(search.site))
    query = EventQuery(parse(search.pattern), search.start, search.end)
    found = source.newest(query, want=SHOWN_EVENTS, skip=search.skip)
    older = _older(search, found)
    note = "" if found.complete else STOPPED
    oldest = None
    if older is None and deps.clock() - search.start > SHORT:
        oldest = source.oldest(search.start, search.end)
        if oldest is None or oldest - search.start > SHORT:
            where = search.shown + len(found.events)
            archive = replace(
                search,
                id=f"{search.id.split('.')[0]}.{where}-archive",
                end=oldest - TICK if oldest else search.end,
                skip=0,
                shown=where,
                place=PLACE,
            )
            known = f"since {oldest:%Y-%m-%d %H:%M} UTC" if oldest else "of this time"
            note = f"The log group has {'' if oldest else 'no '}records {known}."
            return Page(search, found.events, None, note, archive, oldest)
    return Page(search, found.events, older, note)


def _in_archive(deps: Deps, job: JobContext, search: EventSearch, asked: EventSearch) -> Page:
    """asked: the search in whose place it is shown how far this one is."""
    told = 0.0

    def tell(day: datetime, records: int, matches: int) -> None:
        nonlocal told
        now = time.monotonic()
        # An answer in private can be given five times, and none of them edited.
        if job.kind != PAGE or (told and (search.asked_by or now - told < TELL_EVERY)):
            return
        told = now
        show(deps, job, asked, archive_running(day, records, matches, job.id))

    found = archive_page(deps, job, search, tell)
    return Page(search, found.events, found.older, found.note, reached=found.reached)


def show(deps: Deps, job: JobContext, search: EventSearch, message: Message) -> None:
    """Show a page where its search belongs: in a thread, in a channel or in private."""
    if search.asked_by:
        tell(deps, job, message)
    else:
        put(deps, search, message)


def put(deps: Deps, search: EventSearch, message: Message, key: str = "") -> None:
    """Post a page, once: the same page asked for again is the same message."""
    own = key or f"events:{search.id}"
    outgoing = Outgoing(
        key=own,
        lane=search.channel,
        text=message.text,
        blocks=message.blocks,
        metadata={"alert_id": search.alert_id} if search.alert_id else {},
        thread_of=None if search.thread_of in ("", own) else search.thread_of,
    )
    with deps.db.transaction() as tx:
        outbox.say(tx, outgoing, deps.clock())


def learn_names(deps: Deps, events: Iterable[Event]) -> None:
    """Ask Organizations where an event is of an account without a name."""
    if any(event.account and not deps.sites.account_name(event.account) for event in events):
        deps.sites.account_names.learn()


def _older(search: EventSearch, found: NewestPage) -> EventSearch | None:
    if found.next is None:
        return None
    end, skip = found.next
    return replace(
        search,
        # The same page has the same next one, however often it is asked for.
        id=f"{search.id.split('.')[0]}.{search.shown + len(found.events)}",
        end=end,
        skip=skip,
        shown=search.shown + len(found.events),
    )


def page_message(deps: Deps, job: JobContext, search: EventSearch) -> Message:
    """The page as a message; an error is told in its place unless the job is worth another try."""
    alert = None
    if search.alert_id:
        with deps.db.reading() as tx:
            alert = alerts.get(tx, search.alert_id)
    try:
        page = look(deps, job, search)
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        if alert is not None:
            return events_message(alert, (), 0, (search.start, search.end), error=error)
        found = Found((), 0, (search.start, search.end))
        return search_message(search.pattern, found, error, by=_by(job, search))
    return _shown(deps, page, alert, _by(job, search))


def _by(job: JobContext, search: EventSearch) -> str:
    """Who asked, where others see the answer."""
    return "" if search.asked_by else str(job.args.get("name", ""))


def _shown(deps: Deps, page: Page, alert: Alert | None, by: str) -> Message:
    search = page.search
    total = search.shown + len(page.events)
    pages = Pages(
        this=search.id,
        older=page.older.id if page.older else "",
        before=search.shown,
        files=not search.asked_by,
        archive=page.archive.id if page.archive else "",
    )
    searched = (
        page.reached or search.start,
        search.end if search.shown else search.first_end,
    )
    offices = deps.sites.config_or_blank(search.site).offices
    learn_names(deps, page.events)
    names = names_of(deps, page.events)
    if alert is None:
        found = Found(page.events, total, searched, page.note, offices, names, pages)
        return search_message(search.pattern, found, by=by)
    if page.older and search.start == alarm_window_of(deps, alert).start:
        total = max(total, alert.events_total)
    return events_message(
        alert,
        page.events,
        total,
        searched,
        page.note,
        offices=offices,
        names=names,
        why=() if search.shown else _why(search, page.events),
        pages=pages,
    )


def _why(search: EventSearch, events: Sequence[Event]) -> tuple[str, ...]:
    """Why the newest event matched, clause by clause, where its record is at hand."""
    record = events[0].raw if events else ""
    return tuple(parse(search.pattern).explain(record).because().lines()) if record else ()
