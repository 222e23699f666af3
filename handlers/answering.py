"""Knows how a button's wish becomes a job and a promise on the message. Never calls a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from handlers.audit import note
from handlers.blocks import kit
from handlers.blocks.kit import Message
from handlers.deps import Deps
from handlers.intake import say
from handlers.jobs.job import JobContext
from handlers.request import Click, Reply, Request
from handlers.site_hints import named, named_in
from trailwatch.alert import Alert, AlertAction, AlertState
from trailwatch.clock import iso
from trailwatch.errors import NotFound
from trailwatch.store import alerts, jobs

DONE = {
    AlertAction.ACKNOWLEDGE: (AlertState.ACKNOWLEDGED, AlertState.CLOSED),
    AlertAction.UNACKNOWLEDGE: (AlertState.OPEN, AlertState.CLOSED),
    AlertAction.CLOSE: (AlertState.CLOSED,),
    AlertAction.SNOOZE: (AlertState.CLOSED,),
}
"""The states in which an action comes too late."""


def ask_router(deps: Deps, click: Click, action: AlertAction, **arguments: str) -> Reply:
    """Promise the action on the message at once and let a job carry it out.

    A click that comes too late is answered in private with what has become of the alert.
    """
    refusal = promise(deps, click, click.value, action, **arguments)
    return said(refusal) if refusal else Reply()


def promise(
    deps: Deps, click: Request, alert_id: str, action: AlertAction, **arguments: str
) -> str:
    """The same for any request; why it comes too late, "" where it does not."""
    with deps.db.transaction() as tx:
        return promise_in(deps, tx, click, alert_id, action, arguments)


def promise_in(
    deps: Deps,
    tx: Connection,
    click: Request,
    alert_id: str,
    action: AlertAction,
    arguments: Mapping[str, str] | None = None,
    *,
    instead: bool = False,
) -> str:
    """The same in the caller's transaction. instead: what is under way is not waited for; the job
    behind it ends when it sees that something else is wanted.
    """
    alert = alerts.get(tx, alert_id, lock=True)
    if alert is None:
        raise NotFound("This alert is no longer kept.", fix="See /trailwatch alerts.")
    if alert.state in DONE.get(action, ()):
        return too_late(alert)
    if alert.pending and not instead:
        return f"{alert.pending_by} asked for a change a moment ago; it is under way."
    alert = replace(alert, pending=action.value, pending_by=click.person.name, pending_note="")
    alerts.save(tx, alert)
    say(deps, tx, alert)
    jobs.add(
        tx,
        "alert.act",
        {
            "alert_id": alert.id,
            "action": action.value,
            "user": click.person.known_as,
            "name": click.person.name,
            "response_url": click.response_url,
            "asked_at": iso(deps.clock()),
            "of": f"act:{click.key}",
            **(arguments or {}),
        },
        deps.clock(),
        key=f"act:{click.key}",
    )
    note(
        deps, tx, click, f"alert.{action.value}", alert.title, "asked",
        alert_id=alert.id, of=f"act:{click.key}",
        **({"until": arguments["until"]} if arguments and "until" in arguments else {}),
    )  # fmt: skip
    return ""


def too_late(alert: Alert) -> str:
    """One sentence on why a click on this alert changes nothing."""
    if alert.state is AlertState.CLOSED:
        who, when = alert.closed_by, alert.closed_at
    else:
        who, when = alert.acknowledged_by, alert.acknowledged_at
    by = f" by {alert.shown(who)}" if who else ""
    at = f" at {when:%H:%M} UTC" if when else ""
    return f"This alert is already {alert.state.value}{by}{at}."


def said(what: str, why: str = "") -> Reply:
    """A sentence or two for one person; names and reasons in them come from outside."""
    words = [kit.plain(part, 700) for part in (what, why) if part]
    message = kit.message(
        " ".join(kit.esc(part, 700) for part in (what, why) if part),
        [kit.rich_text(kit.words(" ".join(words)))],
    )
    return Reply(message.text, message.blocks)


def whisper(deps: Deps, tx: Connection, response_url: str, reply: Reply) -> None:
    """Say it to whoever clicked, in private, by a job that tries until Slack takes it."""
    arguments = {
        "response_url": response_url,
        "text": reply.text,
        "blocks": [dict(block) for block in reply.blocks],
    }
    if response_url:
        jobs.add(tx, "slack.answer", arguments, deps.clock())


def tell(deps: Deps, job: JobContext, message: Message | Reply) -> None:
    """Answer whoever asked for a job, in private. Another job tries until Slack takes it.

    So that a Slack which is away never repeats the job itself.
    """
    with deps.db.transaction() as tx:
        reply = Reply(message.text, message.blocks)
        site = str(job.args.get("site", ""))
        if site and deps.sites.several:
            reply = Reply(named(message.text, site), named_in(message.blocks, site))
        whisper(deps, tx, str(job.args.get("response_url", "")), reply)
