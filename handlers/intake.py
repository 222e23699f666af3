"""Knows how a notification becomes an alert and an alert a message. Writes to the store only.

Everything here happens in the caller's transaction: the alert, its message and the jobs that
follow are there together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from handlers import applies, told, twins
from handlers.alert_fields import (
    INCOMPLETE,
    alarm_arn,
    completed,
    is_incomplete,
    new_alert,
    went_off,
)
from handlers.blocks.accounts import as_listed
from handlers.blocks.alert import alert_message
from handlers.blocks.alert_menu import AlertLinks
from handlers.blocks.notes import found as found_again
from handlers.calling import call
from handlers.channels import channel_of, mentioned
from handlers.deps import Deps
from handlers.links import alarm_url, event_url, jsm_url, opsgenie_url
from handlers.storms import arrive, changed, message_key, storm_key
from handlers.threads import say_in_thread
from handlers.told import Asked
from setup.pipeline import description
from trailwatch.alert import (
    Alert,
    AlertAction,
    AlertState,
    Search,
    Transition,
    worst_first,
)
from trailwatch.clock import iso, parse_time
from trailwatch.event import Event
from trailwatch.follow_up import FIRST_LOOK
from trailwatch.notification import Notification
from trailwatch.routers.router import Remark, RoutedAlert, RouterName, router_of
from trailwatch.site import SiteConfig
from trailwatch.store import alerts, jobs, mutes, outbox, storms
from trailwatch.store.mutes import Way
from trailwatch.store.outbox import Outgoing
from trailwatch.store.storms import Member

CONFIRMED_AFTER = timedelta(seconds=1)
"""When a new alert is asked for: its message and its events go first."""
CONFIRMED_AT_ONCE = 20
"""New alerts that are asked for one by one when more than one comes at once."""
AGAIN = timedelta(seconds=20)
"""When to look whose an alarm is that went off again: its events may come late."""
LATELY = timedelta(hours=1)
"""So long after it was done a change of ours may come back as news."""


def take(deps: Deps, tx: Connection, notification: Notification, config: SiteConfig) -> None:
    """Take one notification in: a new alert is shown at once, any other news is confirmed first.

    A webhook's secret may leak, so a change of state is believed only when the on-call service
    itself confirms it (job alert.confirm); also for alerts that are not known here. A new alert is
    asked for as soon as it is shown, and says so where the service has none.
    """
    delay = timedelta(0)
    # No row to lock may be there yet: two replicas must not both make the alert.
    alerts.lock_alias(tx, notification.alert_id)
    known = alerts.by_router_id(tx, notification.alert_id, lock=True)
    if known is None and notification.action == "Create":
        arn = alarm_arn(notification.details, notification.alias)
        at = went_off(notification.details)
        if twins.same_alarm(deps, tx, notification.alert_id, arn, at):
            return
        alert = alert_from_notification(deps, notification, config)
        if is_incomplete(notification):
            show_new(deps, tx, replace(alert, extra={**alert.extra, INCOMPLETE: "yes"}))
        else:
            show_new(deps, tx, alert)
            soon = deps.clock() + CONFIRMED_AFTER
            if jobs.many_due(tx, "alert.confirm", soon, CONFIRMED_AT_ONCE):
                return  # the comparison with the service looks at all of them
            delay = CONFIRMED_AFTER
    elif notification.action == "Create":
        return
    jobs.add(
        tx,
        "alert.confirm",
        {
            "router_id": notification.alert_id,
            "by": notification.by,
            "action": notification.action,
            "at": iso(notification.updated_at),
            "noted": "yes" if notification.note or notification.action == "AddNote" else "",
        },
        deps.clock(),
        key=f"confirm:{notification.key}",
        delay=delay,
    )


def show_new(deps: Deps, tx: Connection, alert: Alert) -> None:
    """Store a new alert, post its message and start the search for its events."""
    alert = _after(deps, tx, alert)
    alert = call(deps, tx, alert, alert)  # its message calls them
    alerts.save(tx, alert)
    say(deps, tx, alert)
    _search(deps, tx, alert, f"find:{alert.id}")


def _search(deps: Deps, tx: Connection, alert: Alert, key: str) -> None:
    """Have the alert's events searched, under that key, and followed."""
    found = {"alert_id": alert.id}
    jobs.add(tx, "alert.find_events", found, deps.clock(), key=key)
    # While the alarm is on it says nothing more, whatever happens.
    key = f"follow-up:{alert.id}"
    jobs.add(tx, "alert.follow_up", found, deps.clock(), key=key, delay=FIRST_LOOK)


def _after(deps: Deps, tx: Connection, alert: Alert) -> Alert:
    """The alert with what is known of the one before of its alarm; its link comes by a job."""
    before = alerts.newest_by_alias(tx, alert.alias) if alert.alias else None
    if before is None:
        return alert
    # A service has one open alert of an alias: that the one before was closed may not be told yet.
    args = {"alert_id": alert.id, "before": before.id}
    jobs.add(tx, "alert.link_before", args, deps.clock(), key=f"before:{alert.id}")
    return after(alert, before)


def after(alert: Alert, before: Alert) -> Alert:
    """The alert with when the one before of its alarm was closed and by whom, where it was."""
    if before.state is not AlertState.CLOSED:
        return alert
    extra = {
        "before_closed": iso(before.closed_at or before.updated_at),
        "before_by": before.closed_by,
    }
    # Who closed it may be nobody whom this one names.
    named = {user: name for user, name in before.people.items() if user == before.closed_by}
    return replace(alert, extra={**alert.extra, **extra}, people={**named, **alert.people})


def confirmed(
    deps: Deps,
    tx: Connection,
    routed: RoutedAlert,
    config: SiteConfig,
    by: str = "",
    people: Mapping[str, str] | None = None,
    action: str = "",
    log: Sequence[Remark] = (),
) -> Alert:
    """Bring our alert in step with what the on-call service has; returns it as it is now.

    `by`: who did the webhook's `action`, or without one what made the state what it is. `people`:
    the names in Slack of whom the service names, where they are known (`names_in`). `log`: the
    service's own, where it was read. What others did is told in the thread.
    """
    alerts.lock_alias(tx, routed.id)
    alert = alerts.by_router_id(tx, routed.id, lock=True)
    if alert is None:
        arn, at = alarm_arn(routed.details, routed.alias), went_off(routed.details)
        alert = twins.same_alarm(deps, tx, routed.id, arn, at)
    if alert is None:
        alert = alert_from_router(deps, routed, config)
        show_new(deps, tx, alert)
    fits = not action or told.STATES.get(action) is routed.state
    moved = twins.step(alert, routed, _transition(routed, by if fits else ""))
    moved = completed(moved, routed, config, deps.catalogue, deps.sites.account_name)
    newest = routed.updated_at >= moved.updated_at
    moved = replace(
        found_again(moved),
        count=max(routed.count, moved.count),
        owner=routed.owner or moved.owner,
        severity=(newest and routed.priority) or moved.severity,
        people={**moved.people, **(people or {})},
    )
    if moved != alert:
        moved = call(deps, tx, alert, moved)
        alerts.save(tx, moved)
        say(deps, tx, moved)
        asked = partial(asked_lately, deps, tx, moved.id)
        # What is told is of the service that says it, which may be the second one.
        was, now = (replace(one, router_id=routed.id) for one in (alert, moved))
        for line in told.changes(was, now, by=by, action=action, log=log, asked=asked):
            say_in_thread(deps, tx, moved, line.key, line.words, aside=True)
        twins.follow(deps, tx, alert, moved, routed.id, by if fits else "")
    if INCOMPLETE in alert.extra and moved.search is Search.WAITING:
        _search(deps, tx, moved, f"find:{alert.id}:whole")
    if moved.count > alert.count and applies.lately(tx, deps.clock()):
        # It went off again: maybe an apply of ours did that.
        found = {"alert_id": alert.id, "tries": 1}
        key = f"follow:{alert.id}:{moved.count}"
        jobs.add(tx, "alert.follow", found, deps.clock(), key=key, delay=AGAIN)
    return moved


def asked_lately(deps: Deps, tx: Connection, alert_id: str) -> list[Asked]:
    """The changes of an alert that people asked for in Slack within the last hour."""
    rows = jobs.lately(tx, "alert.change", deps.clock() - LATELY)
    return [
        Asked(
            AlertAction(row.args["action"]),
            str(row.args.get("to", "")),
            parse_time(str(row.args["asked_at"])),
            row.finished_at,
        )
        for row in rows
        if row.args.get("alert_id") == alert_id
    ]


def names_in(deps: Deps, routed: RoutedAlert, *more: str) -> dict[str, str]:
    """The names in Slack of everybody whom an alert names over there. Asks Slack: for jobs."""
    users = (routed.owner, routed.acknowledged_by, routed.closed_by, *more)
    return deps.people.names(user for user in users if user)


def say(deps: Deps, tx: Connection, alert: Alert) -> None:
    """Make the alert's message show what the alert is now: one message for each alert.

    While the bot itself keeps an alarm quiet no new message of it is begun. In a storm a row of
    the storm's thread shows it, and a message of its own where somebody asked for one.
    """
    mute = mutes.standing(tx, alert.fields.alarm_arn)
    begun = outbox.is_said(tx, message_key(alert.id))
    if not begun:
        # What went off before is heard, however late it comes: nothing shows it when the mute ends.
        if mute and mute.way is Way.BOT and alert.first_seen >= mute.at:
            return
        arrive(deps, tx, alert)
    member = changed(deps, tx, alert)
    if begun or member is None:
        _say_message(deps, tx, alert, member)


def say_whole(deps: Deps, tx: Connection, alert: Alert) -> None:
    """Say the alert's own message: in a storm's thread for one that a storm took in."""
    _say_message(deps, tx, alert, storms.of_alert(tx, alert.id))


def _say_message(deps: Deps, tx: Connection, alert: Alert, member: Member | None) -> None:
    message = alert_message(
        alert,
        deps.clock(),
        links_of(deps, alert),
        deps.sites.offices(tx, alert.site),
        site=alert.site if deps.sites.several else "",
        names=names_of(deps, alert.events, alert.accounts),
        called=mentioned(deps, alert),
        ours=_is_ours(deps, alert),
    )
    outbox.say(
        tx,
        Outgoing(
            key=message_key(alert.id),
            lane=channel_of(deps, tx, alert),
            text=message.text,
            blocks=message.blocks,
            metadata={"alert_id": alert.id, "state": alert.state.value},
            thread_of=storm_key(member.storm) if member is not None else None,
        ),
        deps.clock(),
    )


def _is_ours(deps: Deps, alert: Alert) -> bool:
    """Whether the description is what the catalogue says: whoever may change an alarm may write
    another one.
    """
    detection = deps.catalogue.detections.get(alert.fields.detection_id)
    said = alert.fields.description.split()
    return detection is not None and bool(said) and description(detection).split() == said


def names_of(deps: Deps, events: Iterable[Event], accounts: Iterable[str] = ()) -> dict[str, str]:
    """The names to show for the accounts of these events."""
    found = {*accounts, *(event.account for event in events)}
    return {account: deps.sites.account_name(account) for account in found if account}


def listed(deps: Deps, alerts: Iterable[Alert]) -> list[Alert]:
    """Alerts as lists name them, by their events' account: the worst first, then the newest."""
    named = (as_listed(one, names_of(deps, one.events, one.accounts)) for one in alerts)
    return worst_first(named)


def links_of(deps: Deps, alert: Alert) -> AlertLinks:
    return AlertLinks(
        alarm_url=alarm_url(alert.fields.alarm_arn),
        router_url=_page_of(deps, alert.router_id),
        trail_url=event_url(alert.events[0].region, alert.events[0].id) if alert.events else "",
    )


def _page_of(deps: Deps, router_id: str) -> str:
    """The on-call service's page of an alert; "" where it has none that is known."""
    match router_of(router_id):
        case RouterName.OPSGENIE:
            return opsgenie_url(deps.router_url, router_id)
        case RouterName.JSM:
            return jsm_url(deps.jsm_site_url, router_id.partition(":")[2])
        case RouterName.DIRECT:
            return ""


def alert_from_notification(deps: Deps, notification: Notification, config: SiteConfig) -> Alert:
    """A new alert as a Create webhook describes it."""
    return new_alert(
        config=config,
        catalogue=deps.catalogue,
        account_name=deps.sites.account_name,
        routed=RoutedAlert(
            id=notification.alert_id,
            alias=notification.alias,
            tiny_id=notification.tiny_id,
            message=notification.message,
            state=AlertState.OPEN,
            priority=notification.priority,
            created_at=notification.updated_at,
            updated_at=notification.updated_at,
            owner=notification.owner,
            description=notification.description,
            details=notification.details,
            tags=notification.tags,
        ),
    )


def alert_from_router(deps: Deps, routed: RoutedAlert, config: SiteConfig) -> Alert:
    """A new alert as the on-call service has it: for an alert whose Create never came."""
    return new_alert(
        config=config,
        catalogue=deps.catalogue,
        account_name=deps.sites.account_name,
        routed=routed,
    )


def _transition(routed: RoutedAlert, by: str) -> Transition:
    who = {
        AlertState.ACKNOWLEDGED: routed.acknowledged_by,
        AlertState.CLOSED: routed.closed_by,
    }.get(routed.state, "")
    return Transition(routed.state, routed.updated_at, who or by, routed.snoozed_until)
