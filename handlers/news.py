"""Knows how what people did in the on-call service is read, and comes into its alert's thread.

Only what the service itself says is shown: a webhook tells no more than where to look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from handlers import told, twins
from handlers.alert_fields import alarm_arn
from handlers.blocks.notes import gone, never_there, with_note
from handlers.deps import Deps
from handlers.intake import asked_lately, confirmed, names_in, say
from handlers.threads import say_in_thread
from trailwatch.alert import Alert, AlertState, Transition, advance, is_newer
from trailwatch.routers.router import Remark, RoutedAlert, router_of, title_of
from trailwatch.site import SiteConfig
from trailwatch.store import alert_notes, alerts

CREATE = "Create"
DELETE = "Delete"


@dataclass(frozen=True)
class News:
    """An alert as the service has it now, with what was read of its notes and its log.

    by, action and at: of the webhook that told of it; "" and None where none did.
    """

    routed: RoutedAlert
    config: SiteConfig
    people: Mapping[str, str]
    by: str = ""
    action: str = ""
    at: datetime | None = None
    notes: Sequence[Remark] = ()
    log: Sequence[Remark] = ()


def of_webhook(
    deps: Deps, router_id: str, *, by: str, action: str, at: datetime | None, noted: bool
) -> News | None:
    """What a webhook's action makes worth reading; None where the alert is gone there.

    Raises RouterError.
    """
    return _read(
        deps,
        router_id,
        noted=noted,
        logged=bool(action) and action not in told.SHOWN,
        webhook=(by, action, at),
    )


def of_all(deps: Deps, router_id: str) -> News | None:
    """All there is, for what no webhook told; None where the alert is gone there."""
    return _read(deps, router_id, noted=True, logged=True)


def of_notes(deps: Deps, router_id: str) -> News | None:
    """The alert with its notes; None where it is gone there."""
    return _read(deps, router_id, noted=True, logged=False)


def _read(
    deps: Deps,
    router_id: str,
    *,
    noted: bool,
    logged: bool,
    webhook: tuple[str, str, datetime | None] = ("", "", None),
) -> News | None:
    routed = deps.router.find(router_id)
    if routed is None:
        return None
    by, action, at = webhook
    # Something happened after what the webhook tells; its own webhook may never come.
    more = at is not None and is_newer(routed.updated_at, at)
    notes = deps.router.notes(router_id) if noted or more else []
    log = deps.router.log(router_id) if logged or more else []
    people = names_in(deps, routed, by, *(one.by for one in notes), *(one.by for one in log))
    config = deps.sites.watching(alarm_arn(routed.details, routed.alias))
    return News(routed, config, people, by, action, at, notes, log)


def take(deps: Deps, tx: Connection, news: News) -> Alert:
    """Bring the alert in step, and tell in its thread what others did; the alert as it is now."""
    before = alerts.by_router_id(tx, news.routed.id, lock=True)
    alert = confirmed(
        deps,
        tx,
        news.routed,
        news.config,
        by=news.by,
        people=news.people,
        action=news.action,
        log=news.log,
    )
    # The log of one that was not known here before is told by what it led to.
    shown = replace(before or alert, router_id=news.routed.id)
    asked = partial(asked_lately, deps, tx, alert.id)
    for line in told.lines(
        news.log, shown, by=news.by, action=news.action, at=news.at, asked=asked
    ):
        say_in_thread(deps, tx, alert, line.key, line.words)
    take_notes(deps, tx, alert, news.routed.id, news.notes)
    return alert


def take_notes(
    deps: Deps, tx: Connection, alert: Alert, router_id: str, notes: Sequence[Remark]
) -> None:
    """Tell each note that somebody wrote in the service, once."""
    noted = alert
    for note in notes:
        if alert_notes.take(tx, alert.id, router_id, note):
            words = told.note_words(alert, router_id, note)
            own = note.by == told.OWN
            after = twins.heard_quiet(tx, noted, router_of(router_id), note.at) if own else noted
            if after is None:
                continue
            # In a storm each alarm that is quiet again is no news.
            say_in_thread(deps, tx, alert, f"note:{note.id}", words, aside=own)
            noted = with_note(after, note.by, note.text) if not own else after
    show_note(deps, tx, alert, noted)


def show_note(deps: Deps, tx: Connection, before: Alert, noted: Alert) -> None:
    """Keep and show an alert with a note more."""
    if noted != before:
        alerts.save(tx, noted)
        say(deps, tx, noted)


def take_deletion(deps: Deps, tx: Connection, router_id: str, by: str) -> None:
    """An alert that somebody deleted there, which the service confirms, is over here, too.

    Not where a second service still has it, or where another of its ids is meant.
    """
    alert = alerts.by_router_id(tx, router_id, lock=True)
    if alert is None or alert.state is AlertState.CLOSED:
        return
    who = alert.shown(by) if by else "Somebody"
    say_in_thread(deps, tx, alert, "deleted", f"{who} deleted this in {title_of(router_id)}.")
    if alert.router_id == router_id and not alerts.twins(tx, alert.id):
        over(deps, tx, alert, by)


def take_absence(deps: Deps, tx: Connection, alert: Alert) -> None:
    """Show on its message that the service has an alert no more.

    In no thread: where the bot's key shows no alert at all, each of a thousand would be a message.
    """
    _show_missing(deps, tx, alert, gone(alert))


def take_forgery(deps: Deps, tx: Connection, alert: Alert) -> None:
    """Show on its message that the service never showed the alert of which a webhook told."""
    _show_missing(deps, tx, alert, never_there(alert))


def _show_missing(deps: Deps, tx: Connection, alert: Alert, missed: Alert) -> None:
    if missed != alert:
        alerts.save(tx, missed)
        say(deps, tx, missed)


def over(deps: Deps, tx: Connection, alert: Alert, by: str) -> None:
    """Close an alert that the service has no more."""
    at = max(deps.clock(), alert.updated_at)
    closed = advance(replace(alert, pending=""), Transition(AlertState.CLOSED, at, by))
    alerts.save(tx, closed)
    say(deps, tx, closed)
