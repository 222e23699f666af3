"""Knows how what people do is written down, and read again. Never decides whether they may."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from handlers.blocks.audit import AuditRow
from handlers.blocks.audit_words import ASKED, action_words, outcome_words, subject_words
from handlers.deps import Deps
from handlers.request import Request
from setup.change import LABELS
from trailwatch.clock import parse_time
from trailwatch.store import alerts, audit, jobs, questions
from trailwatch.store.audit import AuditEntry
from trailwatch.store.jobs import JobState

LOOKED_AT = 1000
"""Entries that are looked through for a list: what belongs together is one line of it."""
JUST_NOW = 50
"""Entries among which one of the same job is found: few, as a storm has a thousand of one title."""
_OPAQUE = re.compile(r"([\w-]*:)?[0-9a-f]{12,}(:\w+)?")
"""An id that a button carries and that says nothing to anybody."""


def lines(tx: Connection, entries: Iterable[AuditEntry], most: int) -> list[AuditRow]:
    """The newest entries (newest first) as they are shown: one line for what was asked for and
    what came of it, and for a plan with all its changes. What only proves whose a call is (see
    handlers.applies) is left out.
    """
    groups: dict[object, list[AuditEntry]] = {}
    for number, entry in enumerate(entry for entry in entries if "deed" not in entry.detail):
        groups.setdefault(_together(entry) or number, []).append(entry)
    whole = [_whole(tx, group) for group in groups.values()]
    newest = sorted(whole, key=lambda one: one.at, reverse=True)
    return [_row(tx, one) for one in newest[:most]]


def _together(entry: AuditEntry) -> str:
    """What an entry belongs to: what was asked for, or an apply; "" where it stands alone."""
    if entry.action == "setup.apply" and entry.outcome not in ("refused", "expired"):
        return entry.subject
    if entry.action.startswith("setup.") and entry.subject.partition(":")[0] in LABELS:
        return f"plan {entry.detail.get('plan', '')}"
    return str(entry.detail.get("of", ""))


def _whole(tx: Connection, group: Sequence[AuditEntry]) -> AuditEntry:
    """One entry for all that belongs together: as it was asked for, with what came of it."""
    changes = [one for one in group if one.subject.partition(":")[0] in LABELS]
    others = [one for one in group if one not in changes]
    if not others:
        return group[0]
    first = others[-1]
    came = next((one for one in others if one.outcome not in ASKED), None)
    outcome = outcome_words(came.outcome) if came else _begun(tx, first)
    if came is None and (first.detail.get("of") or first.action == "setup.apply"):
        outcome = "under way"
    elif came is not None and came.outcome == "failed" and came.detail.get("of"):
        # A plan's entry has the reason of the plan there.
        outcome = f"{outcome}: {came.detail.get('why', '')}".removesuffix(": ")
    done = sum(one.outcome == "done" for one in changes)
    if changes:
        outcome += f", {done:,} of {len(changes):,} changes done"
    return replace(first, outcome=outcome)


def _row(tx: Connection, entry: AuditEntry) -> AuditRow:
    return AuditRow(
        entry.at,
        entry.actor_name,
        f"{action_words(entry.action)}{_to(entry)}",
        _target(tx, entry),
        outcome_words(entry.outcome),
    )


def _to(entry: AuditEntry) -> str:
    """To whom or what an alert was changed, or until when it sleeps."""
    if not entry.action.startswith("alert."):
        return ""
    if until := str(entry.detail.get("until", "")):
        return f" until {parse_time(until):%b %-d %H:%M} UTC"
    to = str(entry.detail.get("to", ""))
    return f" to {to}" if to else ""


def _begun(tx: Connection, entry: AuditEntry) -> str:
    """What became of what was asked for, by the job that was to answer."""
    number = str(entry.detail.get("job", ""))
    row = jobs.get(tx, int(number)) if number.isdigit() else None
    return outcome_words(entry.outcome) if row is None else _JOBS.get(row.state, "under way")


_JOBS = {JobState.DONE: "answered", JobState.DEAD: "failed"}


def _target(tx: Connection, entry: AuditEntry) -> str:
    """To what it was done, by the name that people know it by."""
    subject = entry.subject
    for part in subject.split(":") if entry.action.partition(".")[0] in _ABOUT_ALERTS else ():
        alert = alerts.get(tx, part)
        question = questions.get(tx, part) if alert is None else None
        alert = alerts.get(tx, question.alert) if question else alert
        if alert is not None:
            return alert.title
    return "" if _OPAQUE.fullmatch(subject) else subject_words(subject)


_ABOUT_ALERTS = ("alert", "events", "identity", "storm")


def noted(
    deps: Deps, tx: Connection, name: str, action: str, subject: str, outcome: str, **detail: str
) -> None:
    """Write down what came of something that somebody of that name asked for before.

    `of` among the details names what was asked for, as the entry about that has it.
    """
    audit.add(tx, AuditEntry(deps.clock(), "", name, "", action, subject, outcome, detail))


def came_of(
    deps: Deps, tx: Connection, args: Mapping[str, Any], title: str, outcome: str, why: str = ""
) -> bool:
    """The same for a job about an alert, of whose arguments `of` names what was asked for.

    Once: what was written first stays, so that "done" may be said in the end whatever came before.
    Whether it was written.
    """
    of, action = str(args.get("of", "")), f"alert.{args['action']}"
    if not of:
        return False
    since = parse_time(str(args["asked_at"]))
    for entry in audit.recent(tx, JUST_NOW, since=since, action=action, subject=title):
        if entry.detail.get("of") == of and entry.outcome not in ASKED:
            return False
    detail = {"of": of, "alert_id": str(args.get("alert_id", "")), **({"why": why} if why else {})}
    noted(deps, tx, str(args.get("name", "")), action, title, outcome, **detail)
    return True


def note(
    deps: Deps,
    tx: Connection,
    request: Request,
    action: str,
    subject: str,
    outcome: str,
    **detail: str,
) -> None:
    """Write one line into the audit log, in the caller's transaction."""
    audit.add(
        tx,
        AuditEntry(
            at=deps.clock(),
            actor_id=request.person.id,
            actor_name=request.person.name,
            channel=request.channel,
            action=action,
            subject=subject,
            outcome=outcome,
            detail=detail,
        ),
    )
