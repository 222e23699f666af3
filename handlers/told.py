"""Knows how a change of an alert in the on-call service is told in its thread. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trailwatch.alert import Alert, AlertAction, AlertState
from trailwatch.clock import iso
from trailwatch.routers.router import Remark, title_of

STATES = {
    "Acknowledge": AlertState.ACKNOWLEDGED,
    "UnAcknowledge": AlertState.OPEN,
    "Snooze": AlertState.SNOOZED,
    "SnoozeEnded": AlertState.OPEN,
    "Close": AlertState.CLOSED,
    "Delete": AlertState.CLOSED,
}
"""The state that a webhook's action leaves an alert in."""
SHOWN = frozenset(
    {*STATES, "Create", "AddNote", "AssignOwnership", "TakeOwnership", "UpdatePriority"}
)
"""Actions whose effect the alert itself or its notes show; of any other the log tells."""
MOST_LINES = 5
OWN = "trailwatch"
"""The user in whose name the integration acts (setup.actions)."""
CLOCKS = timedelta(minutes=2)
"""So much the service's clock may differ from ours."""
AT_ONCE = timedelta(seconds=5)
"""So far the time of a line in the log may be from the webhook's."""
UNDATED = timedelta(minutes=1)
"""The same where the webhook has no time but that of its coming."""
TELLING = re.compile(r"escalat|responder|\bteam\b|custom action", re.IGNORECASE)
"""What is told of the log of a time in which no webhook came; the rest is the service's own."""
_IN_LOG = {
    "UnAcknowledge": ("unack", "un-ack"),
    "AssignOwnership": ("owner", "assign"),
    "UpdatePriority": ("priority",),
}


@dataclass(frozen=True)
class Told:
    """A line for the thread, with text from outside; said once for each key."""

    key: str
    words: str


@dataclass(frozen=True)
class Asked:
    """A change that somebody asked for in Slack, whose own words tell of it."""

    action: AlertAction
    to: str
    at: datetime
    done: datetime | None = None
    """None while it is under way."""


AskedLately = Callable[[], Collection[Asked]]
"""Gives what was asked for of an alert in Slack within the last hour."""


def changes(
    before: Alert,
    after: Alert,
    *,
    by: str = "",
    action: str = "",
    log: Sequence[Remark] = (),
    asked: AskedLately = tuple,
) -> list[Told]:
    """What somebody changed in the service and the message alone does not tell.

    by and action: of the webhook that told of it, log: the service's own, where it was read,
    asked: called only where it matters.
    """
    if not title_of(after.router_id):
        return _woke(before, after)
    who = _Who(before, after, by, action, log)
    at = iso(after.updated_at)
    asked_back = before.pending == AlertAction.UNACKNOWLEDGE
    found = [] if asked_back else _state(before, after, who)
    # Whoever acknowledges an alert owns it.
    fresh = after.owner not in ("", before.owner, after.acknowledged_by)
    raised = before.severity != after.severity
    wanted = {(one.action, one.to) for one in asked()} if fresh or raised else set()
    if fresh and (AlertAction.ASSIGN, after.owner) not in wanted:
        found.append(("owner", _owner(after, who)))
    if raised and (AlertAction.PRIORITY, after.severity) not in wanted:
        words = f"changed the priority from {before.severity} to {after.severity}"
        passive = f"The priority was changed from {before.severity} to {after.severity}"
        found.append(("priority", who.did("UpdatePriority", words, passive)))
    return [Told(f"there:{kind}:{at}", words) for kind, words in found]


def lines(
    log: Sequence[Remark],
    before: Alert,
    *,
    by: str = "",
    action: str = "",
    at: datetime | None = None,
    asked: AskedLately = tuple,
) -> list[Told]:
    """What the service's log says of actions that nothing else shows, in its own words.

    With a webhook's action: the lines of its moment and later. Without: those since what is shown.
    """
    found = [] if action in SHOWN else list(_of_moment(log, by, action, at)) if action else []
    since = (at or before.updated_at) if action else before.updated_at
    later = [one for one in log if one.at > since and TELLING.search(one.text)]
    found += [one for one in later if one not in found]
    known = asked() if any(escalates(line.text) for line in found) else ()
    passed_on = [one for one in known if one.action is AlertAction.ESCALATE]
    told = [
        line
        for line in found
        if not (escalates(line.text) and any(_within(line.at, one) for one in passed_on))
    ]
    there = title_of(before.router_id)
    return [
        Told(f"log:{one.id}", f"In {there}: {one.text}{_signed(before, one.by)}")
        for one in told[-MOST_LINES:]
    ]


def note_words(alert: Alert, router_id: str, note: Remark) -> str:
    """A note that somebody wrote in the service."""
    if note.by == OWN:
        # Of the integration that setup made: what the alarm did, and about when.
        return f"{note.text.rstrip('.')} at {note.at.astimezone(UTC):%H:%M} UTC."
    who = alert.shown(note.by) or "Somebody"
    return f"{who} noted in {title_of(router_id)}: {note.text}"


def _within(moment: datetime, asked: Asked) -> bool:
    """Whether something happened there while a change of ours was under way."""
    return asked.at - CLOCKS <= moment and (asked.done is None or moment <= asked.done + CLOCKS)


def escalates(text: str) -> bool:
    """Whether a line of a log tells of an escalation."""
    return "escalat" in text.lower()


def _of_moment(
    log: Sequence[Remark], by: str, action: str, at: datetime | None
) -> Sequence[Remark]:
    if at is None:
        return ()
    # Escalate's webhook may hold an alert's id only, and no time.
    passes_on = escalates(action)
    reach = UNDATED if passes_on else AT_ONCE
    near = [one for one in log if abs(one.at - at) <= reach]
    if passes_on:
        return [one for one in near if escalates(one.text)][-1:]
    return [one for one in near if one.by == by] or near[-1:]


@dataclass(frozen=True)
class _Who:
    """Tells who did something, from what is known of it."""

    before: Alert
    after: Alert
    by: str
    action: str
    log: Sequence[Remark]

    def did(self, action: str, words: str, passive: str) -> str:
        there = f" in {title_of(self.after.router_id)}."
        user = self.of(action)
        return f"{self.after.shown(user)} {words}{there}" if user else f"{passive}{there}"

    def of(self, action: str) -> str:
        taken = action == "AssignOwnership" and self.action == "TakeOwnership"
        if self.action == action or taken:
            return self.by
        parts = _IN_LOG.get(action, ())
        since = (one for one in reversed(self.log) if one.at > self.before.updated_at)
        return next((one.by for one in since if _names(one.text, parts)), "")


def _state(before: Alert, after: Alert, who: _Who) -> list[tuple[str, str]]:
    """Who acknowledged, snoozed or closed it stands on the message itself."""
    if before.state is AlertState.ACKNOWLEDGED and after.state is AlertState.OPEN:
        passive = "The acknowledgement was taken back"
        return [("state", who.did("UnAcknowledge", "took the acknowledgement back", passive))]
    return [("state", line.words) for line in _woke(before, after)]


def _woke(before: Alert, after: Alert) -> list[Told]:
    if before.state is AlertState.SNOOZED and after.state is AlertState.OPEN:
        return [Told(f"there:state:{iso(after.updated_at)}", "The snooze is over.")]
    return []


def _owner(after: Alert, who: _Who) -> str:
    owner = after.shown(after.owner)
    took = who.of("AssignOwnership") == after.owner
    words = "took this" if took else f"assigned this to {owner}"
    return who.did("AssignOwnership", words, f"This was assigned to {owner}")


def _signed(alert: Alert, by: str) -> str:
    return f" ({alert.shown(by)})" if by else ""


def _names(text: str, parts: Iterable[str]) -> bool:
    return any(part in text.lower() for part in parts)
