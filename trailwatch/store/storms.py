"""Keeps when alerts came to a channel, and the storms that they made. Says nothing."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from trailwatch.alert import AlertState
from trailwatch.store.alerts import lock_alias
from trailwatch.store.tables import alert, alert_pair, arrival
from trailwatch.store.tables import storm as table
from trailwatch.store.upsert import insert_new
from trailwatch.storm import PAGE, Doer, Kind, Storm, StormRules, after_arrival, is_over


@dataclass(frozen=True)
class Member:
    """An alert that a storm took in, on which page of its thread it is listed, and its revision.

    over: whether the storm takes nothing in any more.
    """

    alert: str
    storm: str
    page: int
    rev: int
    over: bool


_MEMBERS = select(
    arrival.c.alert, arrival.c.storm, arrival.c.page, arrival.c.rev, table.c.ended_at.is_not(None)
).select_from(arrival.join(table, table.c.id == arrival.c.storm))


def arrive(
    tx: Connection, channel: str, alert_id: str, title: str, now: datetime, rules: StormRules
) -> Storm | None:
    """Note that a new alert came; the storm that takes it in, None where none does.

    To be called once for each alert, before its message is said. Another transaction that does
    the same for this channel waits until this one ends.
    """
    lock_alias(tx, f"channel {channel}")
    standing = open_in(tx, channel)
    if standing is not None and is_over(standing, now, rules):
        end(tx, standing.id, now)
        standing = None
    since = now - rules.window
    came = select(func.count()).where(arrival.c.channel == channel, arrival.c.at > since)
    storm = after_arrival(standing, int(tx.execute(came).scalar_one()) + 1, now, rules)
    if storm is not None and not storm.id:
        storm = replace(storm, id=secrets.token_hex(6), channel=channel)
        tx.execute(table.insert().values(**vars(storm)))
    elif storm is not None:
        here = table.c.id == storm.id
        tx.execute(update(table).where(here).values(above_at=storm.above_at))
    values: dict[str, Any] = {"alert": alert_id, "channel": channel, "title": title, "at": now}
    values |= {"storm": None, "page": 0, "rev": 0, "shown_rev": 0}
    if storm is not None:
        values |= {"storm": storm.id, "page": size(tx, storm.id) // PAGE, "rev": 1}
    insert_new(tx, arrival, values)
    return storm


def open_in(tx: Connection, channel: str) -> Storm | None:
    """The channel's storm that has not ended."""
    found = tx.execute(
        select(table).where(table.c.channel == channel, table.c.ended_at.is_(None))
    ).first()
    return None if found is None else Storm(**found._mapping)


def standing(tx: Connection) -> list[tuple[Storm, int]]:
    """The storms that have not ended, with how many alerts each has taken in; oldest first."""
    rows = tx.execute(select(table).where(table.c.ended_at.is_(None)).order_by(table.c.began_at))
    return [(found, size(tx, found.id)) for found in (Storm(**row._mapping) for row in rows.all())]


def get(tx: Connection, storm_id: str, *, lock: bool = False) -> Storm | None:
    """The storm of an id. lock: nobody else shows it until this transaction ends."""
    chosen = select(table).where(table.c.id == storm_id)
    row = tx.execute(chosen.with_for_update() if lock else chosen).one_or_none()
    return None if row is None else Storm(**row._mapping)


def has_arrived(tx: Connection, alert_id: str) -> bool:
    """Whether the alert was noted by `arrive`."""
    chosen = select(arrival.c.alert).where(arrival.c.alert == alert_id)
    return tx.execute(chosen).first() is not None


def of_alert(tx: Connection, alert_id: str) -> Member | None:
    """Where a storm lists an alert; None for one that has a message of its own."""
    found = tx.execute(_MEMBERS.where(arrival.c.alert == alert_id)).one_or_none()
    return None if found is None else Member(*found)


def changed(tx: Connection, alert_id: str) -> None:
    """What a storm tells of this alert is no longer true."""
    tx.execute(update(arrival).where(arrival.c.alert == alert_id).values(rev=arrival.c.rev + 1))


def stale(tx: Connection, storm_id: str, pages: int) -> list[Member]:
    """All members on `pages` pages that are to be shown anew: first those never shown before."""
    waiting = (
        select(arrival.c.page)
        .where(arrival.c.storm == storm_id, arrival.c.rev > arrival.c.shown_rev)
        .group_by(arrival.c.page)
        .order_by(func.min(arrival.c.shown_rev), arrival.c.page)
        .limit(pages)
    )
    chosen = list(tx.scalars(waiting))
    rows = tx.execute(
        _MEMBERS.where(arrival.c.storm == storm_id, arrival.c.page.in_(chosen)).order_by(
            arrival.c.page, arrival.c.at, arrival.c.alert
        )
    )
    return [Member(*row) for row in rows]


def unshown(tx: Connection) -> list[str]:
    """The storms that tell something that is no longer true."""
    late = arrival.c.storm.is_not(None), arrival.c.rev > arrival.c.shown_rev
    return list(tx.scalars(select(arrival.c.storm).where(*late).distinct()))


def shown(tx: Connection, members: Iterable[Member]) -> None:
    """These are shown as they were at their revisions; what changed since stays stale."""
    for one in sorted(members, key=lambda member: member.alert):
        here = arrival.c.alert == one.alert
        tx.execute(update(arrival).where(here).values(shown_rev=one.rev))


def size(tx: Connection, storm_id: str) -> int:
    """How many alerts a storm has taken in."""
    chosen = select(func.count()).where(arrival.c.storm == storm_id)
    return int(tx.execute(chosen).scalar_one())


def kinds(tx: Connection, storm_id: str) -> list[Kind]:
    """How many alerts a storm has of each alarm, account, severity and state."""
    same = (arrival.c.title, alert.c.account, alert.c.severity, alert.c.state)
    rows = tx.execute(
        select(*same, func.count())
        .select_from(arrival.join(alert, alert.c.id == arrival.c.alert))
        .where(arrival.c.storm == storm_id)
        .group_by(*same)
        .order_by(*same)
    )
    return [Kind(row[0], row[1], row[2], AlertState(row[3]), row[4]) for row in rows]


def doers(tx: Connection, storm_id: str, limit: int) -> tuple[list[Doer], int]:
    """Who did something behind most alerts of a storm, as far as they were followed, and how many
    there are.
    """
    same = (alert_pair.c.account, alert_pair.c.principal)
    of = func.count(alert_pair.c.alert.distinct())
    found = (
        select(*same, of.label("alerts"))
        .select_from(arrival.join(alert_pair, alert_pair.c.alert == arrival.c.alert))
        .where(arrival.c.storm == storm_id)
        .group_by(*same)
    )
    order = found.order_by(of.desc(), *same).limit(limit)
    total = tx.execute(select(func.count()).select_from(found.subquery())).scalar_one()
    return [Doer(*row) for row in tx.execute(order)], int(total)


def in_states(
    tx: Connection, storm_id: str, states: Collection[AlertState], page: int | None = None
) -> list[str]:
    """The alerts of a storm, or of one of its pages, that are in one of these states; in order."""
    chosen = (
        select(arrival.c.alert)
        .select_from(arrival.join(alert, alert.c.id == arrival.c.alert))
        .where(arrival.c.storm == storm_id, alert.c.state.in_(states))
        .order_by(arrival.c.at, arrival.c.alert)
    )
    if page is not None:
        chosen = chosen.where(arrival.c.page == page)
    return list(tx.scalars(chosen))


def newest_at(tx: Connection, storm_id: str) -> datetime | None:
    """When the newest alert of a storm came."""
    found = tx.execute(select(func.max(arrival.c.at)).where(arrival.c.storm == storm_id)).scalar()
    assert found is None or isinstance(found, datetime)
    return found


def end(tx: Connection, storm_id: str, now: datetime) -> None:
    """The storm takes nothing in any more."""
    here = table.c.id == storm_id
    tx.execute(update(table).where(here, table.c.ended_at.is_(None)).values(ended_at=now))


def asked(tx: Connection, storm_id: str, by: str, now: datetime) -> None:
    """Somebody acknowledged everything."""
    tx.execute(update(table).where(table.c.id == storm_id).values(asked_by=by, asked_at=now))
