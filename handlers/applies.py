"""Knows what of ours wrote to AWS, applies, mutes and tests, by the audit log. Never does it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from handlers.audit import noted
from handlers.deps import Deps
from setup.clients import Clients
from setup.own import Deed, Made
from trailwatch.store import audit
from trailwatch.store.audit import AuditEntry

LONGEST_APPLY = timedelta(hours=2)
CALLING = timedelta(minutes=5)
"""How long the calls of a mute or a test may take after it was written down that they come."""
MOST_CHANGES = 2000
ACTIONS = {
    Deed.MUTE: "alarm.mute",
    Deed.UNMUTE: "alarm.unmute",
    Deed.TEST: "migrate.test",
    Deed.TESTED: "migrate.test",
}
"""What each deed but an apply is called in the audit log."""


def made_since(deps: Deps, since: datetime) -> list[Made]:
    """Every change that we made since then, from the audit log."""
    with deps.db.reading() as tx:
        entries = audit.recent(tx, MOST_CHANGES, since=since, action="setup.")
        others = [
            entry
            for action in dict.fromkeys(ACTIONS.values())
            for entry in audit.recent(tx, MOST_CHANGES, since=since, action=action)
        ]
    began = {
        entry.subject.removeprefix("plan "): entry.at
        for entry in entries
        if entry.action == "setup.apply" and entry.outcome == "started"
    }
    changes = [entry for entry in entries if entry.detail.get("access_key")]
    deeds = [entry for entry in others if entry.detail.get("access_key")]
    return [_made(entry, began) for entry in changes] + [_deed(entry) for entry in deeds]


def lately(tx: Connection, now: datetime) -> bool:
    """Whether a plan was being applied not long ago."""
    return bool(audit.recent(tx, 1, since=now - LONGEST_APPLY, action="setup.apply"))


def write_down(
    deps: Deps, clients: Clients, deed: Deed, ident: str, key: str, by: str, about: str,
    **detail: str,
) -> None:  # fmt: skip
    """Write down, before its calls, with which access key a deed comes.

    By that the trail's records of them are known as ours, also where this process ends in the
    middle. `key` is the resource's ("kind:name"); `about` the alarm. Raises AwsError.
    """
    access_key = clients.aws.access_key()
    with deps.db.transaction() as tx:
        noted(
            deps, tx, by, ACTIONS[deed], about, "started",
            deed=deed.value, id=ident, key=key, access_key=access_key, **detail,
        )  # fmt: skip


def _made(entry: AuditEntry, began: Mapping[str, datetime]) -> Made:
    plan = str(entry.detail.get("plan", ""))
    return Made(
        plan,
        entry.actor_name,
        entry.subject,
        str(entry.detail["access_key"]),
        began.get(plan, entry.at - LONGEST_APPLY),
        entry.at,
    )


def _deed(entry: AuditEntry) -> Made:
    told = entry.detail
    return Made(
        str(told["id"]),
        entry.actor_name,
        str(told["key"]),
        str(told["access_key"]),
        entry.at,
        entry.at + CALLING,
        Deed(told["deed"]),
        entry.subject,
        str(told.get("why", "")),
    )
