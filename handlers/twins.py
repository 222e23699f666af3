"""Knows how an alert is kept in step that two on-call services have. Writes to the store only.

While a site moves from one service to another both have each alert, under ids of their own, and
both call people. So what somebody does in one of them is done in the other, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from handlers.deps import Deps
from trailwatch.alert import Alert, AlertAction, AlertState, Transition, advance, is_newer, reached
from trailwatch.clock import iso, parse_time
from trailwatch.routers.router import RoutedAlert, RouterName, router_of
from trailwatch.store import alerts, jobs

ACT = "alert.act_twin"
"""The job that does something in a second service."""
NOBODY = "trailwatch"
"""In whose name it is done where the service did not say who it was."""
ALIKE = timedelta(seconds=1)
"""So far may be apart what two services say of when an alarm went off."""
_STANDS = "stands:"
"""Before a service's id of the alert, in `Alert.extra`: how it stood there."""
QUIET = "quiet"
"""In `Alert.extra`: which service told last that the alarm is quiet again, and of when."""
AS_ONE = timedelta(minutes=2)
"""So far may be apart what two services say of when the alarm was quiet again."""
_ACTIONS = {
    AlertState.ACKNOWLEDGED: AlertAction.ACKNOWLEDGE,
    AlertState.SNOOZED: AlertAction.SNOOZE,
    AlertState.CLOSED: AlertAction.CLOSE,
}


@dataclass(frozen=True)
class Stand:
    """How an alert stood in one service when it was looked at last, and since when."""

    state: AlertState
    at: datetime
    until: datetime | None = None


NEW = Stand(AlertState.OPEN, datetime(2000, 1, 1, tzinfo=UTC))


def same_alarm(
    deps: Deps, tx: Connection, router_id: str, arn: str, went_off: datetime | None
) -> Alert | None:
    """The alert of an alarm that another on-call service told of first; it is one alert.

    The open one, or one that was closed before this service told of the same going off. What was
    done to it is done in this service, too. None where there is none.
    """
    if not arn:
        return None
    alerts.lock_alias(tx, arn)
    found = alerts.newest_by_alias(tx, arn, lock=True)
    if found is not None and found.state is AlertState.CLOSED:
        found = alerts.open_by_alias(tx, arn, lock=True) or found
    if found is None or router_of(found.router_id) is router_of(router_id):
        return None
    if found.state is AlertState.CLOSED:
        told = {router_of(one) for one in alerts.twins(tx, found.id)}
        late = _same_moment(found.fields.state_change, went_off)
        if router_of(router_id) in told or not late:
            return None
    alerts.add_twin(tx, found.id, router_id)
    now = Stand(found.state, found.updated_at, found.snoozed_until)
    known = {f"{_STANDS}{found.router_id}": _written(now), **found.extra}
    joined = replace(found, extra={**known, f"{_STANDS}{router_id}": _written(NEW)})
    alerts.save(tx, joined)
    _do_there(deps, tx, joined, router_id, now, "")
    return joined


def within_reach(deps: Deps, alert: Alert) -> Alert:
    """The alert under an id of a service that there is a way to: after a move the settings may
    have none to the old one any more, whose alerts the new one has, too.
    """
    if deps.router.reaches(alert.router_id):
        return alert
    with deps.db.transaction() as tx:
        found = alerts.get(tx, alert.id, lock=True) or alert
        for other in filter(deps.router.reaches, alerts.twins(tx, alert.id)):
            alerts.add_twin(tx, alert.id, found.router_id)
            found = replace(found, router_id=other)
            alerts.save(tx, found)
            break
    return found


def step(alert: Alert, routed: RoutedAlert, change: Transition) -> Alert:
    """The alert after what one service says of it.

    Where two have it, only what changed in that one counts: that it is still open there undoes no
    acknowledgement in the other. Their clocks are not compared with each other.
    """
    stands = _stands(alert.extra)
    if routed.id not in stands:
        return advance(alert, change)
    known, now = stands[routed.id], Stand(routed.state, routed.updated_at, routed.snoozed_until)
    if is_newer(known.at, now.at):
        return alert
    alert = replace(alert, extra={**alert.extra, f"{_STANDS}{routed.id}": _written(now)})
    latest = max(alert.updated_at, change.at)
    if _alike(known, now):
        return replace(alert, updated_at=latest)
    return advance(alert, replace(change, at=latest))


def follow(
    deps: Deps, tx: Connection, before: Alert, after: Alert, source: str, by: str = ""
) -> None:
    """Have the other services do what somebody did in one, whose id of the alert is `source`.

    Not what was asked for in Slack, which is done in all of them by itself. by: who it was, where
    the alert itself does not say.
    """
    known, stands = _stands(before.extra).get(source), _stands(after.extra)
    if known is None or _alike(known, stands[source]) or after.state is not stands[source].state:
        return
    if before.pending and reached(before.pending, after.state):
        return
    for other, stand in stands.items():
        reached_too = other != source and deps.router.reaches(other)
        if reached_too and not _alike(stand, stands[source]):
            _do_there(deps, tx, after, other, stands[source], known.state, by)


def _do_there(
    deps: Deps, tx: Connection, alert: Alert, twin: str, wanted: Stand, was: str, by: str = ""
) -> None:
    """Have a job bring a twin to a state. A snooze ends by itself, in each service."""
    taken_back = wanted.state is AlertState.OPEN and was == AlertState.ACKNOWLEDGED
    action = AlertAction.UNACKNOWLEDGE if taken_back else _ACTIONS.get(wanted.state)
    if action is None:
        return
    user = {
        AlertState.ACKNOWLEDGED: alert.acknowledged_by,
        AlertState.SNOOZED: alert.snoozed_by,
        AlertState.CLOSED: alert.closed_by,
    }.get(wanted.state, "")
    arguments = {
        "alert_id": alert.id,
        "twin": twin,
        "action": action.value,
        "user": user or by or NOBODY,
        "asked_at": iso(deps.clock()),
        "look": "yes",
        **({"until": iso(wanted.until)} if wanted.until else {}),
    }
    key = f"follow:{twin}:{action.value}:{_written(wanted)}"
    jobs.add(tx, ACT, arguments, deps.clock(), key=key)


def heard_quiet(tx: Connection, alert: Alert, service: RouterName, at: datetime) -> Alert | None:
    """The alert after a service told that its alarm is quiet again; None where the other did."""
    if not alerts.twins(tx, alert.id):
        return alert
    by, _, when = alert.extra.get(QUIET, "").partition(" ")
    if when and by != service.value and abs(parse_time(when) - at) < AS_ONE:
        return None
    return replace(alert, extra={**alert.extra, QUIET: f"{service.value} {iso(at)}"})


def _alike(one: Stand, other: Stand) -> bool:
    if one.state is not other.state:
        return False
    snoozed = one.state is AlertState.SNOOZED
    return not snoozed or _same_moment(one.until, other.until)


def _same_moment(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and abs(one - other) < ALIKE


def _stands(extra: Mapping[str, str]) -> dict[str, Stand]:
    """How the alert stands in each service, by its id there; {} where one alone has it."""
    found = {}
    for name, text in extra.items():
        if name.startswith(_STANDS):
            state, at, until = text.split(" ")
            moment = parse_time(until) if until != "-" else None
            found[name.removeprefix(_STANDS)] = Stand(AlertState(state), parse_time(at), moment)
    return found


def _written(stand: Stand) -> str:
    return f"{stand.state.value} {iso(stand.at)} {iso(stand.until) if stand.until else '-'}"
