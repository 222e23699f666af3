"""The job that compares with the on-call services: finds what no webhook told. Changes only ours.

Each service is looked at by itself, so that one which is away keeps nothing from the others.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from handlers import news, storms
from handlers.alert_fields import INCOMPLETE
from handlers.deps import Deps
from handlers.jobs.job import JobContext
from handlers.troubles import sweep
from trailwatch.alert import Alert, AlertState, is_newer
from trailwatch.errors import RouterError
from trailwatch.routers.router import Listed, RoutedAlert, RouterName, router_of
from trailwatch.store import alerts, away, jobs

ALL = 1_000_000
"""More alerts than can be open: none is left out."""

KIND = "alert.reconcile"
OVERLAP = timedelta(minutes=10)
"""How far clocks may be apart, and how long a list may be behind."""

log = logging.getLogger(__name__)


def reconcile(deps: Deps, job: JobContext) -> None:
    """Bring every open alert in step: missed ones are shown, changed ones brought up to date; and
    those that were closed since the last comparison before anybody told of them.

    The list tells enough to see what differs; only that is read in full. Raises RouterError where
    no on-call service answers.
    """
    now = deps.clock()
    with deps.db.reading() as tx:
        if jobs.newer_is_due(tx, KIND, job.id, now):
            return  # that one does all of it; in an outage they would add up
        since = {name: at - OVERLAP for name, at in away.compared_at(tx).items()}
    sweep(deps)
    storms.sweep(deps)
    failed: list[RouterError] = []
    asked = 0
    for listed in deps.router.each_open(since=since):
        error = listed.error or _in_step(deps, job, listed)
        asked += listed.name != RouterName.DIRECT
        with deps.db.transaction() as tx:
            if error is None:
                away.back(tx, listed.name)
            if error is None or listed.name not in since:
                # What was closed before the first comparison is none of ours.
                away.compared(tx, listed.name, now)
            if error is None:
                continue
            log.warning("%s was not compared with: %s", listed.name, error)
            away.keep(tx, listed.name, error.what, deps.clock())
        failed.append(error)
    if failed and len(failed) >= asked:
        raise failed[0]


def _in_step(deps: Deps, job: JobContext, listed: Listed) -> RouterError | None:
    """Bring the alerts of one service in step; why it could not be gone on with, else None."""
    with deps.db.reading() as tx:
        here = [one for one in alerts.list_open(tx, ALL) if router_of(one.router_id) == listed.name]
        known = {one.id: alerts.by_router_id(tx, one.id) for one in listed.alerts}
    for router_id in differing(listed.alerts, known, here):
        job.beat()
        try:
            found = news.of_all(deps, router_id)
        except RouterError as error:
            if error.retryable:
                return error
            log.warning("alert %s was not read: %s", router_id, error)
            continue
        with deps.db.transaction() as tx:
            if found is not None:
                news.take(deps, tx, found)
            elif alert := alerts.by_router_id(tx, router_id, lock=True):
                news.take_absence(deps, tx, alert)
    return None


def differing(
    there: Sequence[RoutedAlert], known: dict[str, Alert | None], here: Sequence[Alert]
) -> list[str]:
    """The on-call service's ids of the alerts that it shows otherwise than we do, oldest first."""
    listed = {one.id for one in there}
    changed = [one.id for one in reversed(there) if differs(one, known.get(one.id))]
    gone = [one.router_id for one in here if one.router_id not in listed]
    return [*changed, *gone]


def differs(routed: RoutedAlert, alert: Alert | None) -> bool:
    """Whether an alert is new to us or incomplete here, has another state, count, owner or priority
    there, or was changed since in what the list does not show: a note, an escalation.
    """
    if alert is None or INCOMPLETE in alert.extra:
        return True
    if alert.state is AlertState.CLOSED:
        return False
    ours = (alert.state, alert.count, alert.owner, alert.severity)
    theirs = (
        routed.state,
        max(routed.count, alert.count),
        routed.owner or alert.owner,
        routed.priority or alert.severity,
    )
    return ours != theirs or is_newer(routed.updated_at, alert.updated_at)
