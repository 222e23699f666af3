"""The job that names on an alert the others that saw the same event, with their messages.

An alarm is AWS's and each stays an alert of its own; whoever reads one is to know that it is no
second thing that happened. Asks Slack for addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from handlers.blocks.same import same_extra
from handlers.deps import Deps
from handlers.intake import say
from handlers.jobs.job import JobContext, Later
from handlers.permalinks import address_of
from trailwatch.alert import Alert, worst_first
from trailwatch.errors import SlackError
from trailwatch.follow_up import event_key
from trailwatch.store import alerts, jobs, storms

KIND = "alert.link_same"
NEAR = timedelta(minutes=10)
"""How far apart the alarms of one event may go off."""
LOOKED_AT = 100
MOST = 20
SOON = timedelta(seconds=2)
AGAIN = tuple(timedelta(seconds=s) for s in (3, 10, 30, 60))
"""When to ask again for the address of a message that is not posted yet."""


def start(deps: Deps, alert_id: str) -> None:
    """Have it looked for, now that an alert's events are known."""
    with deps.db.transaction() as tx:
        start_in(deps, tx, alert_id)


def start_in(deps: Deps, tx: Connection, alert_id: str) -> None:
    """The same in the caller's transaction."""
    _ask(deps, tx, alert_id, f"same:{alert_id}")


def link_same(deps: Deps, job: JobContext) -> Later | None:
    """Name the others on this alert, and have it named on each of them."""
    with deps.db.reading() as tx:
        alert = alerts.get(tx, str(job.args["alert_id"]))
        if alert is None or storms.of_alert(tx, alert.id) is not None:
            return None  # a storm lists them all in one place
        others = same_as(tx, alert)
    if not others:
        return None
    found = [(one, _url(deps, one.id)) for one in others]
    _keep(deps, alert.id, found, passed_on=bool(job.args.get("tries") or job.args.get("asked")))
    tries = int(job.args.get("tries", 0))
    if all(url for _, url in found) or tries >= len(AGAIN):
        return None
    return Later(AGAIN[tries], {**job.args, "tries": tries + 1})


def same_as(tx: Connection, alert: Alert) -> Sequence[Alert]:
    """Other alarms' alerts of about that time that show an event which this one shows, the worst
    first."""
    keys = _keys(alert)
    near = alerts.between(tx, alert.first_seen - NEAR, alert.first_seen + NEAR, LOOKED_AT)
    same = [
        one
        for one in near
        if one.site == alert.site and one.alias != alert.alias and keys & _keys(one)
    ]
    return worst_first(same)[:MOST]


def _keys(alert: Alert) -> set[str]:
    return {event_key(event) for event in alert.events if event.id}


def _url(deps: Deps, alert_id: str) -> str:
    try:
        return address_of(deps, alert_id)
    except SlackError:
        return ""


def _keep(
    deps: Deps, alert_id: str, found: Sequence[tuple[Alert, str]], *, passed_on: bool
) -> None:
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, alert_id, lock=True)
        if alert is None:
            return
        named = replace(alert, extra={**alert.extra, **same_extra(found)})
        if named != alert:
            alerts.save(tx, named)
            say(deps, tx, named)
        if not passed_on:
            for one, _ in found:
                _ask(deps, tx, one.id, f"same:{one.id}:{alert_id}", asked="yes")


def _ask(deps: Deps, tx: Connection, alert_id: str, key: str, **more: str) -> None:
    arguments = {"alert_id": alert_id, **more}
    jobs.add(tx, KIND, arguments, deps.clock(), key=key, delay=SOON)
