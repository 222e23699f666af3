"""Knows whether an alert has a message of its own or stands in a storm's. Writes to the store only.

A storm has one message in its channel; what it took in is listed in the thread of that.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from handlers.blocks.storm import called_message
from handlers.channels import channel_of, mentioned
from handlers.deps import Deps
from trailwatch.alert import Alert, AlertAction, AlertState
from trailwatch.store import jobs, outbox, storms
from trailwatch.store.outbox import Outgoing
from trailwatch.store.storms import Member

SHOW = "storm.show"
GAP = timedelta(seconds=3)
"""Between two looks at what of a storm changed; each makes a few calls to Slack, at its pace."""


def message_key(alert_id: str) -> str:
    """The outbox key of an alert's message."""
    return f"alert:{alert_id}"


def storm_key(storm_id: str) -> str:
    """The outbox key of a storm's message."""
    return f"storm:{storm_id}"


def page_key(storm_id: str, page: int) -> str:
    """The outbox key of a page in a storm's thread."""
    return f"{storm_key(storm_id)}:{page}"


def arrive(deps: Deps, tx: Connection, alert: Alert) -> None:
    """Decide once for each alert whether it gets a message of its own or goes into a storm."""
    if not deps.storms.limit or storms.has_arrived(tx, alert.id):
        return
    channel = channel_of(deps, tx, alert)
    storm = storms.arrive(tx, channel, alert.id, alert.title, deps.clock(), deps.storms)
    if storm is None:
        return
    show_soon(deps, tx, storm.id)
    called = mentioned(deps, alert)
    if called:
        # An edited message calls nobody, so this one does: once for the same people.
        message = called_message(alert, called)
        outgoing = Outgoing(
            key=f"{storm_key(storm.id)}:called:{','.join(called)}",
            lane=channel,
            text=message.text,
            blocks=message.blocks,
            thread_of=storm_key(storm.id),
            broadcast=True,
        )
        if not outbox.is_said(tx, outgoing.key):
            outbox.say(tx, outgoing, deps.clock())


def changed(deps: Deps, tx: Connection, alert: Alert) -> Member | None:
    """The storm that lists the alert, which is to show it as it is now; None for a single one."""
    member = storms.of_alert(tx, alert.id)
    if member is None:
        return None
    storms.changed(tx, alert.id)
    if member.over:
        # While a storm goes on its job does; afterwards each change has one of its own.
        key = f"{storm_key(member.storm)}:{alert.id}:{member.rev}"
        jobs.add(tx, SHOW, {"storm": member.storm}, deps.clock(), key=key, delay=GAP)
    return member


def sweep(deps: Deps) -> None:
    """Have storms shown whose last change nobody showed, since it came with their end."""
    with deps.db.transaction() as tx:
        for storm_id in storms.unshown(tx):
            show_soon(deps, tx, storm_id)


def show_soon(deps: Deps, tx: Connection, storm_id: str) -> None:
    """Have a storm shown as it is; while it goes on it is looked at again and again."""
    jobs.add(tx, SHOW, {"storm": storm_id}, deps.clock(), key=storm_key(storm_id))


def standing_key(tx: Connection, alert_id: str) -> str:
    """The key of the message in which an alert is to be seen: its own, else a storm's page."""
    own, member = message_key(alert_id), storms.of_alert(tx, alert_id)
    if member is None or outbox.is_said(tx, own):
        return own
    return page_key(member.storm, member.page)


def listed_only(tx: Connection, alert_id: str) -> bool:
    """Whether an alert stands in a storm's lists and has no message of its own."""
    return standing_key(tx, alert_id) != message_key(alert_id)


def thread_key(tx: Connection, alert_id: str) -> str:
    """The key of the message in whose thread an alert is spoken of."""
    member = storms.of_alert(tx, alert_id)
    return message_key(alert_id) if member is None else storm_key(member.storm)


def acted_on(action: AlertAction) -> frozenset[AlertState]:
    """The states of those alerts of a storm that an action on all of it is for."""
    if action is AlertAction.ACKNOWLEDGE:
        return frozenset({AlertState.OPEN})
    return frozenset(AlertState) - {AlertState.CLOSED}
