"""Deletes what nobody needs any more. Never what is unfinished, and no dead letter early."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    delete,
    func,
    literal,
    select,
    tuple_,
)

from trailwatch.alert import AlertState
from trailwatch.store.inbox import InboxState
from trailwatch.store.jobs import JobState
from trailwatch.store.outbox import MessageState
from trailwatch.store.tables import (
    alert,
    alert_follow,
    alert_note,
    alert_pair,
    alert_twin,
    arrival,
    audit,
    direct_alert,
    drift,
    event_search,
    inbox,
    job,
    message,
    mute,
    plan,
    question,
    sighting,
    storm,
    tick,
)

AT_ONCE = 2_000
"""Rows that one call deletes of a table, so that a transaction stays short."""


@dataclass(frozen=True)
class Keep:
    """How long finished things are kept.

    inbox: also how long a delivery that comes again is known. messages: after their last change,
    where their alert is closed; an older one cannot be edited any more.
    """

    inbox: timedelta = timedelta(days=30)
    jobs: timedelta = timedelta(days=14)
    dead: timedelta = timedelta(days=90)
    messages: timedelta = timedelta(days=180)
    alerts: timedelta = timedelta(days=400)
    plans: timedelta = timedelta(days=400)
    audit: timedelta = timedelta(days=800)
    sightings: timedelta = timedelta(days=90)
    """How long something that is not seen again stays known of a principal."""
    searches: timedelta = timedelta(days=30)


def prune(tx: Connection, now: datetime, keep: Keep | None = None) -> dict[str, int]:
    """Delete what is older than `keep` says, at most 2,000 rows of each table; how many of each.

    To be called again, in a new transaction, while it gives a number as high as that.
    """
    keep = keep or Keep()
    old_dead = now - keep.dead
    doomed: list[tuple[Table, ColumnElement[bool]]] = [
        (inbox, (inbox.c.state == InboxState.DONE) & (inbox.c.finished_at < now - keep.inbox)),
        (inbox, (inbox.c.state == InboxState.DEAD) & (inbox.c.finished_at < old_dead)),
        (job, (job.c.state == JobState.DONE) & (job.c.finished_at < now - keep.jobs)),
        (job, (job.c.state == JobState.DEAD) & (job.c.finished_at < old_dead)),
        (tick, tick.c.at < now - keep.jobs),
        (
            message,
            message.c.state.in_((MessageState.SENT, MessageState.RETRACTED, MessageState.DEAD))
            & message.c.verify_at.is_(None)
            & (message.c.updated_at < now - keep.messages)
            & ~_still_told_of(),
        ),
        (
            alert,
            (alert.c.state == AlertState.CLOSED) & (alert.c.updated_at < now - keep.alerts),
        ),
        (
            direct_alert,
            direct_alert.c.closed & (direct_alert.c.updated_at < now - keep.alerts),
        ),
        (alert_twin, alert_twin.c.alert.not_in(select(alert.c.id))),
        (alert_note, alert_note.c.alert.not_in(select(alert.c.id))),
        (alert_pair, alert_pair.c.alert.not_in(select(alert.c.id))),
        (alert_follow, alert_follow.c.alert.not_in(select(alert.c.id))),
        (arrival, arrival.c.alert.not_in(select(alert.c.id))),
        (storm, storm.c.ended_at < now - keep.alerts),
        (question, question.c.alert.not_in(select(alert.c.id))),
        (mute, mute.c.ended_at < now - keep.alerts),
        (drift, drift.c.gone_at < now - keep.alerts),
        (event_search, event_search.c.at < now - keep.searches),
        (plan, plan.c.created_at < now - keep.plans),
        (audit, audit.c.at < now - keep.audit),
    ]
    counts: dict[str, int] = {sighting.name: _forget(tx, now - keep.sightings)}
    for table, condition in doomed:
        key = next(iter(table.primary_key))
        some = select(key).where(condition).limit(AT_ONCE)
        gone = tx.execute(delete(table).where(key.in_(some))).rowcount
        counts[table.name] = counts.get(table.name, 0) + gone
    return counts


def _still_told_of() -> ColumnElement[bool]:
    """Messages of alerts and storms that are not over, by their keys (handlers.storms): what is
    not known any more would be posted anew when its alert changes.
    """
    is_open = alert.c.state != AlertState.CLOSED
    own = select(literal("alert:") + alert.c.id).where(is_open)
    taken_in = select(literal("storm:") + arrival.c.storm).where(arrival.c.storm.is_not(None))
    in_storms = taken_in.join(alert, alert.c.id == arrival.c.alert).where(is_open)
    threads = func.coalesce(message.c.thread_of, message.c.key)
    return message.c.key.in_(own) | threads.in_(own) | threads.in_(in_storms)


def _forget(tx: Connection, before: datetime) -> int:
    """Delete sightings of long ago, whose key has three parts; how many."""
    key = tuple_(sighting.c.principal, sighting.c.kind, sighting.c.value)
    columns = (sighting.c.principal, sighting.c.kind, sighting.c.value)
    some = select(*columns).where(sighting.c.last_at < before).limit(AT_ONCE)
    return tx.execute(delete(sighting).where(key.in_(some))).rowcount
