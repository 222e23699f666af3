"""The job that compares with the on-call service: finds what no webhook told. Changes only ours."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.deps import Deps
from handlers.intake import alarm_arn, confirmed, names_in
from handlers.jobs.job import JobContext
from handlers.troubles import sweep
from trailwatch.alert import Alert, AlertState
from trailwatch.routers.router import RoutedAlert
from trailwatch.store import alerts


def reconcile(deps: Deps, job: JobContext) -> None:
    """Bring every open alert in step: missed ones are shown, changed ones brought up to date.

    The list tells enough to see what differs; only that is read in full. Raises RouterError.
    """
    sweep(deps)
    there = deps.router.list_open()
    with deps.db.reading() as tx:
        here = alerts.list_open(tx)
        known = {one.id: alerts.by_router_id(tx, one.id) for one in there}
    for router_id in differing(there, known, here):
        job.beat()
        routed = deps.router.find(router_id)
        if routed is None:
            continue  # deleted there; what was shown stays shown
        config = deps.sites.watching(alarm_arn(routed.details, routed.alias))
        people = names_in(deps, routed)
        with deps.db.transaction() as tx:
            confirmed(deps, tx, routed, config, people=people)


def differing(
    there: Sequence[RoutedAlert], known: dict[str, Alert | None], here: Sequence[Alert]
) -> list[str]:
    """The on-call service's ids of the alerts that it shows otherwise than we do, oldest first."""
    listed = {one.id for one in there}
    changed = [one.id for one in reversed(there) if differs(one, known.get(one.id))]
    gone = [one.router_id for one in here if one.router_id not in listed]
    return [*changed, *gone]


def differs(routed: RoutedAlert, alert: Alert | None) -> bool:
    """Whether an alert is new to us, or has another state, count, owner or priority there."""
    if alert is None:
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
    return ours != theirs
