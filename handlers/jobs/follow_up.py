"""The job that follows an alarm's filter while the alarm is on: what is new goes to the thread.

Also when the alert was closed before: until the alarm was OK it tells of nothing more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from handlers.alert_search import SHOWN, alarm_window_of, pattern_of
from handlers.blocks.follow_up import AT_ONCE, pairs_message
from handlers.deps import Deps
from handlers.intake import say
from handlers.jobs import alert_own, alert_same, alert_who
from handlers.jobs.job import JobContext, Later
from handlers.storms import message_key
from handlers.threads import reply
from trailwatch import follow_up as rule
from trailwatch.alert import Alert, AlertState, Search
from trailwatch.clock import iso, parse_time
from trailwatch.errors import AwsError, NotFound
from trailwatch.event import Event
from trailwatch.pattern import PatternError, parse
from trailwatch.search.logs import EventQuery, LogsSource
from trailwatch.store import alerts, follows, jobs, outbox, storms
from trailwatch.store.follows import Follow, Told

KIND = "alert.follow_up"
PAGE = 1000
PAGES = 20
"""Searches of a thousand events that one look makes at most; the next one goes on from there."""
MANY = 20
"""From so many alarms on that are followed each is looked at more seldom."""
REREAD = 30
"""Looks after which the filter's pattern is read anew."""
AT_ONCE_MOST = 100_000
"""Events of one second that are looked for; CloudTrail's times have no fractions."""
MOST = 10
"""Messages of one telling."""


def follow(deps: Deps, job: JobContext) -> Later | None:
    """Look once; again later, until the alert is closed and late records had their time."""
    with deps.db.reading() as tx:
        alert = alerts.get(tx, job.args["alert_id"])
        known = follows.get(tx, alert.id) if alert is not None else None
        now = deps.clock()
        many = jobs.many_due(tx, KIND, now + rule.SELDOM, MANY)
    if alert is None:
        return None
    window = alarm_window_of(deps, alert)
    state = known or Follow(alert.id, window.start)
    looks = int(job.args.get("looks", 0))
    next_look = rule.next_look(now - alert.first_seen, many)
    try:
        source = deps.logs(deps.sites.config(alert.site))
        text = str(job.args.get("pattern", "")) if looks % REREAD else ""
        pattern = parse(text) if text else pattern_of(deps, alert, source)
        end, seen = _end_of(deps, alert, source, job.args, now)
        start_at = max(window.start, state.cursor - rule.OVERLAP)
        until = min(now, end or now)
        query = EventQuery(pattern, start_at, until)
        events, reached = _look(job, source, query, state.cursor)
    except (NotFound, PatternError):
        return None  # the message says already that its events cannot be searched
    except AwsError:
        return Later(next_look, job.args)
    over = rule.is_over(end, now)
    strange = alert_own.strangers(deps, alert, events)
    left = _keep(deps, state, events, reached, now, strange, over=over)
    if reached >= until and over and not left:
        return None
    args = {**job.args, "looks": looks + 1, "pattern": pattern.text, **seen}
    return Later(_wait(end, now, next_look), args)


def _wait(end: datetime | None, now: datetime, next_look: timedelta) -> timedelta:
    if end is None:
        return next_look
    return max(timedelta(seconds=1), min(end + rule.LATE - now, timedelta(minutes=2)))


def _end_of(
    deps: Deps, alert: Alert, source: LogsSource, args: Mapping[str, Any], now: datetime
) -> tuple[datetime | None, dict[str, str]]:
    """Until when events belong to this alert, None while it goes on; and what is to be kept of it.

    It is over when it was closed, or when its alarm was seen to be on no longer after that.
    Raises AwsError.
    """
    closed = _closed_at(alert)
    if closed is None:
        return None, {}
    if "ended" in args:
        return parse_time(str(args["ended"])), {}
    with deps.db.reading() as tx:
        newest = alerts.newest_by_alias(tx, alert.alias) if alert.alias else None
    if newest is not None and newest.id != alert.id:
        ended = newest.first_seen if "on" in args else closed  # that one is followed now
    elif source.alarm_is_on(alert.fields.alarm_arn):
        return None, {"on": "yes"}
    else:
        ended = now if "on" in args else closed
    ended = max(closed, min(ended, now))
    return ended, {"ended": iso(ended)}


def _closed_at(alert: Alert) -> datetime | None:
    if alert.state is not AlertState.CLOSED:
        return None
    return alert.closed_at or alert.updated_at


def _look(
    job: JobContext, source: LogsSource, query: EventQuery, cursor: datetime
) -> tuple[list[Event], datetime]:
    """What matched, and up to when everything was seen: the query's end unless there is too much.

    What was seen before, up to the cursor, is gone through whatever it takes.
    """
    found: dict[str, Event] = {}
    pages, limit = 0, PAGE
    while pages < PAGES or query.start < cursor:
        page = source.search(query, limit=limit)
        for event in page.events:
            found[rule.event_key(event)] = event
        if page.complete:
            return list(found.values()), query.end
        newest = page.events[0].time if page.events else query.start
        pages += 1
        if newest > query.start:
            query, limit = replace(query, start=newest), PAGE
        elif page.total < limit:
            break  # AWS was slow: the next look begins here again
        elif limit < AT_ONCE_MOST:
            limit *= 10  # more in one second than a page: all of them, or it gets no further
        else:
            query, limit = replace(query, start=newest + timedelta(seconds=1)), PAGE
        job.beat()
    return list(found.values()), query.start


def _keep(
    deps: Deps,
    state: Follow,
    events: Sequence[Event],
    reached: datetime,
    now: datetime,
    strangers: Sequence[Event],
    *,
    over: bool,
) -> bool:
    """Count what is new, tell what nobody was told, and bring the message's totals up to date.
    Whether so much is told that there may be more.

    strangers: who is not of the apply behind an alert; new ones are told by alert.follow, loudly.
    over: whether this was the last look.
    """
    new = [event for event in events if rule.event_key(event) not in state.seen]
    with deps.db.transaction() as tx:
        before = alerts.get(tx, state.alert, lock=True)
        if before is None or follows.get(tx, state.alert) not in (state, None):
            return False  # another try of this job was quicker
        follows.count(tx, before.id, rule.pairs_of(new))
        alert = _with_recent(_with_events(before, events), new)
        if state.total == 0:
            # What the message's table shows needs no telling.
            shown = alert_own.shown_events(tx, alert)
            pairs = [rule.pair_of(one) for one in shown]
            follows.mark_told(tx, alert.id, pairs, Told.IN_TABLE)
        fresh = [one for one in strangers if rule.event_key(one) not in state.seen]
        oldest = iso(reached - rule.OVERLAP)
        seen = {**state.seen, **{rule.event_key(one): iso(one.time) for one in new}}
        state = replace(
            state,
            cursor=max(state.cursor, reached),
            total=state.total + len(new),
            seen={key: at for key, at in seen.items() if at >= oldest},
            ended_at=now if over else None,
        )
        if fresh:
            alert_own.look_now(deps, tx, alert, key=iso(reached))
        elsewhere = {rule.pair_of(one).key for one in fresh}
        state, left = _tell(deps, tx, alert, state, now, elsewhere)
        follows.save(tx, state)
        alert = _with_totals(tx, alert, state, now)
        if alert != before:
            alerts.save(tx, alert)
            say(deps, tx, alert)
        if before.search in (Search.NOTHING, Search.FAILED) and alert.search is Search.FOUND:
            # Its own search had ended before there was anybody to ask about.
            alert_who.start_in(deps, tx, alert.id)
            alert_same.start_in(deps, tx, alert.id)
    return left


def _tell(
    deps: Deps,
    tx: Connection,
    alert: Alert,
    state: Follow,
    now: datetime,
    but: Collection[str],
) -> tuple[Follow, bool]:
    """Tell new pairs in the thread where it is time: at once, then at growing gaps. Whether there
    may be more than one telling's.

    but: the keys of those that are told elsewhere.
    """
    told = rule.told_before(state.told, state.told_at, now, deps.follow_gaps)
    over = state.ended_at is not None
    if not (over or rule.tells_now(told, state.told_at, now, deps.follow_gaps)):
        return state, False
    if not outbox.is_said(tx, message_key(alert.id)) and storms.of_alert(tx, alert.id) is None:
        return state, False  # the bot keeps the alarm quiet
    said = 0
    while said < MOST and (pairs := follows.untold(tx, alert.id, AT_ONCE, but)):
        message = pairs_message(pairs, several_accounts=len(alert.accounts) > 1)
        # Nobody looks into the thread of what was dealt with.
        closed = _closed_at(alert)
        loud = closed is not None and any(pair.first_at > closed for pair in pairs)
        key = f"pairs:{pairs[0].key[:16]}"
        reply(deps, tx, alert, key, message, loud=loud, named=loud)
        follows.mark_told(tx, alert.id, pairs)
        said += 1
    if said:
        state = replace(state, told=told + 1, told_at=now)
    return state, said == MOST


def _with_events(alert: Alert, events: Sequence[Event]) -> Alert:
    """The alert with its table, where the first search came before its records.

    What came after it was closed stands in no table that nobody looks at: it is told.
    """
    closed = _closed_at(alert)
    found = [one for one in events if closed is None or one.time <= closed]
    if alert.events or not found:
        return alert
    newest = sorted(found, key=lambda one: one.time, reverse=True)
    return replace(
        alert,
        search=Search.FOUND,
        search_note="",
        events=tuple(replace(event, raw="") for event in newest[:SHOWN]),
        accounts=tuple(dict.fromkeys(event.account for event in newest)),
    )


def _with_recent(alert: Alert, new: Sequence[Event]) -> Alert:
    """The alert with what came since it went off: whoever reads its message looks for that."""
    recent = rule.recent_of(alert.events, alert.recent, new)
    accounts = dict.fromkeys([*alert.accounts, *(event.account for event in recent)])
    kept = tuple(replace(event, raw="") for event in recent)
    return replace(alert, recent=kept, accounts=tuple(accounts))


def _with_totals(tx: Connection, alert: Alert, state: Follow, now: datetime) -> Alert:
    """The alert with the totals that its message shows; repeats alone change it now and then."""
    if not state.total:
        return alert
    pairs, principals, last = follows.totals(tx, alert.id)
    before = alert.extra
    shown_at = parse_time(before["follow_at"]) if "follow_at" in before else None
    over = state.ended_at is not None
    fresh = str(pairs) != before.get("follow_pairs")
    if not (fresh or over or shown_at is None or now - shown_at >= rule.SHOWN_AGAIN):
        return alert
    values = {
        "follow_total": str(state.total),
        "follow_pairs": str(pairs),
        "follow_principals": str(principals),
        "follow_last": iso(last or now),
    }
    if over:
        values["follow_over"] = "yes"
    if {**before, **values} == dict(before):
        return alert
    return replace(
        alert,
        events_total=max(alert.events_total, state.total),
        extra={**before, **values, "follow_at": iso(now)},
    )
