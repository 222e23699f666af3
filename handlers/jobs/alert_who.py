"""The job that tells who is behind an alert's events: a line in its message, more in its thread.

It looks four times: what is new takes longer, records of the session come late, the hour goes on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from handlers.alert_search import search
from handlers.blocks.identity import WHO_ASK
from handlers.blocks.who import SHOWN, Seen, who_facts, who_message
from handlers.deps import Deps
from handlers.intake import say
from handlers.jobs.identity import person_behind
from handlers.jobs.job import JobContext, Later, worth_another_try
from handlers.looking_back import Past, past_of
from handlers.storms import listed_only
from handlers.threads import reply
from handlers.tracing import (
    by_principal,
    counted,
    deeds_of,
    one_person,
    record_of,
    session_of,
    traced,
)
from trailwatch.alert import Alert
from trailwatch.errors import AwsError, NotFound, SlackError
from trailwatch.event import Event
from trailwatch.pattern import PatternError
from trailwatch.profile import news
from trailwatch.profile import sightings as seen_in
from trailwatch.search.logs import LogsSource
from trailwatch.store import alerts, jobs, sightings
from trailwatch.who import session_key

log = logging.getLogger("trailwatch.who")

ROUNDS = (timedelta(seconds=1), timedelta(minutes=12), timedelta(minutes=50))
"""When to look again after the first time, and so on. The first one tells who it was and is quick;
those after it search the past for what is new, too.
"""
LOOK_BACK_SECONDS = 12.0
"""For one alert: others wait for AWS, too."""


def start(deps: Deps, alert_id: str) -> None:
    """Have it found out who is behind an alert whose events were found.

    Not of one that a storm lists: a thousand of them would need many thousand searches. It is
    begun when somebody has it shown whole.
    """
    with deps.db.transaction() as tx:
        start_in(deps, tx, alert_id)


def start_in(deps: Deps, tx: Connection, alert_id: str) -> None:
    """The same in the caller's transaction."""
    if not listed_only(tx, alert_id):
        jobs.add(tx, "alert.who", {"alert_id": alert_id}, deps.clock(), key=f"who:{alert_id}")


def tell_who(deps: Deps, job: JobContext) -> Later | None:
    """Find out who it was and tell it; once more a while later, in the same message."""
    with deps.db.reading() as tx:
        alert = alerts.get(tx, job.args["alert_id"])
    if alert is None:
        return None
    number = int(job.args.get("round", 0))
    again = None
    if number < len(ROUNDS):
        again = Later(ROUNDS[number], {**job.args, "round": number + 1})
    try:
        people, total, person = _people(deps, alert, looks_back=number > 0)
    except (NotFound, PatternError):
        return None
    except AwsError as error:
        if worth_another_try(job, error):
            raise
        # The message stands without it, and the next round may do better.
        log.warning("alert %s: who it was is not known: %s", alert.id, error.code or error.what)
        return again if error.retryable else None
    if people:
        _tell(deps, alert, people, total, person, _is_known(deps, person))
    return again


def _is_known(deps: Deps, name: str) -> bool:
    """Whether a name in AWS leads to somebody in Slack; while Slack does not say, asking will."""
    try:
        return not name or person_behind(deps, name) is not None
    except SlackError:
        return True


def _people(deps: Deps, alert: Alert, *, looks_back: bool) -> tuple[list[Seen], int, str]:
    """The callers of the alert's events, how many there are, and the one sure person behind all.
    Raises AwsError.
    """
    page, _, _ = search(deps, alert)
    config = deps.sites.config(alert.site)
    source = deps.logs(config)
    groups = by_principal(page.events)
    deadline = time.monotonic() + (LOOK_BACK_SECONDS if looks_back else 0)
    people = [_seen(deps, source, events, deadline) for events in list(groups.values())[:SHOWN]]
    with deps.db.transaction() as tx:
        sightings.learn(tx, seen_in(deeds_of(page.events)))
    known = {session_key(record_of(seen.event)): seen.who for seen in people}
    return people, len(groups), one_person(source, page, known)


def _seen(deps: Deps, source: LogsSource, events: Sequence[Event], deadline: float) -> Seen:
    """One caller: who it is, what else they did and, by the deadline, what of it is new."""
    newest = events[0]
    record = record_of(newest)
    who = traced(source, record)
    page = session_of(source, newest, deps.clock())
    theirs = [deed for deed in deeds_of([*events, *page.events]) if deed.principal == who.principal]
    deed = deeds_of([newest])[0]
    begin = min(one.at for one in theirs) if theirs else deed.at
    with deps.db.transaction() as tx:
        known = sightings.known(tx, [who.principal])
        sightings.learn(tx, seen_in(theirs))
    new = news(deed, known, begin) if who.kind != "AWSService" else ()
    past = Past()
    if new and time.monotonic() < deadline:
        past = past_of(source, record, deed, new, begin, deps.look_back, deadline)
    with deps.db.transaction() as tx:
        sightings.learn(tx, past.seen)
    return Seen(
        who=who,
        event=newest,
        count=len(events),
        did=counted(page.events),
        did_total=page.total,
        did_whole=page.complete,
        news=past.news,
        known_since=past.since,
        place=deps.geo(newest.address),
    )


def _tell(
    deps: Deps, alert: Alert, people: Sequence[Seen], total: int, person: str, known: bool
) -> None:
    """known: whether the person can be asked in Slack; else it is said what that would need."""
    offices = deps.sites.config_or_blank(alert.site).offices
    unknown = "" if known else person
    message = who_message(alert, people, total, offices, unknown=unknown)
    with deps.db.transaction() as tx:
        kept = alerts.get(tx, alert.id, lock=True)
        if kept is None:
            return
        extra = {
            **kept.extra,
            "who": who_facts(people[0], offices),
            "who_others": str(total - 1),
            WHO_ASK: person if known else "",
        }
        changed = replace(kept, extra=extra)
        if changed != kept:
            alerts.save(tx, changed)
            say(deps, tx, changed)
        reply(deps, tx, alert, "who", message, aside=True)
