"""Knows how an alarm is muted, announced and heard again. Calls no service: jobs do."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import Connection

from handlers.audit import note
from handlers.blocks.mutes import end_message, failure_message, mute_message
from handlers.deps import Deps
from handlers.request import Request
from trailwatch.alert import Alert
from trailwatch.clock import iso
from trailwatch.errors import NotFound, UsageError
from trailwatch.store import jobs, mutes, outbox
from trailwatch.store.mutes import Mute
from trailwatch.store.outbox import Outgoing


def start_mute(
    deps: Deps, tx: Connection, request: Request, alert: Alert, until: datetime, why: str
) -> None:
    """Mute the alarm of an alert; raises UsageError where it is muted already."""
    if not alert.fields.alarm_arn:
        raise UsageError("Which alarm this alert is of is not known, so it cannot be muted.")
    now = deps.clock()
    mute = Mute(
        id=secrets.token_hex(8),
        alarm=alert.fields.alarm_arn,
        name=alert.fields.alarm_name,
        site=alert.site,
        why=why,
        by=request.person.name,
        at=now,
        until=until,
    )
    if not mutes.add(tx, mute):
        raise UsageError(f"{mute.name} is muted already.", fix="See /trailwatch mutes.")
    jobs.add(tx, "alarm.mute", {"mute_id": mute.id}, now)
    jobs.add(tx, "alarm.unmute", {"mute_id": mute.id, "by": ""}, now, delay=until - now)
    note(
        deps, tx, request, "alarm.mute", mute.name, "asked",
        alert_id=alert.id, site=mute.site, until=iso(until), why=why, of=f"mute:{mute.id}",
    )  # fmt: skip


def end_mute(deps: Deps, tx: Connection, request: Request, mute: Mute | None) -> None:
    """Have an alarm heard again; raises NotFound where it is not muted."""
    if mute is None or mute.ended_at is not None:
        raise NotFound("This mute has ended already.", fix="See /trailwatch mutes.")
    arguments = {"mute_id": mute.id, "by": request.person.name}
    jobs.add(tx, "alarm.unmute", arguments, deps.clock(), key=f"unmute:{mute.id}")
    of = f"unmute:{mute.id}"
    note(deps, tx, request, "alarm.unmute", mute.name, "asked", site=mute.site, of=of)


def tell_failure(deps: Deps, tx: Connection, mute: Mute, why: str) -> None:
    """Say in the channel that an alarm is muted still, though somebody wanted it heard."""
    now, key = deps.clock(), f"mute:{mute.id}"
    message = failure_message(mute, why)
    outgoing = Outgoing(
        f"{key}:failed:{iso(now)}",
        deps.sites.channel(mute.site),
        message.text,
        message.blocks,
        {"mute": mute.id},
        thread_of=key,
        broadcast=True,
    )
    outbox.say(tx, outgoing, now)


def announce(deps: Deps, tx: Connection, mute: Mute) -> None:
    """Make the channel's message show the mute as it is, and tell when it is over."""
    key, lane, now = f"mute:{mute.id}", deps.sites.channel(mute.site), deps.clock()
    message = mute_message(mute, deps.sites.services(mute.site))
    metadata = {"mute": mute.id}
    outbox.say(tx, Outgoing(key, lane, message.text, message.blocks, metadata), now)
    if mute.ended_at is not None:
        over = end_message(mute)
        thread = Outgoing(
            f"{key}:end", lane, over.text, over.blocks, metadata, thread_of=key, broadcast=True
        )
        outbox.say(tx, thread, now)
