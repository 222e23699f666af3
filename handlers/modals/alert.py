"""The dialogs of an alert: a note, a snooze or a mute, another owner, priority or escalation."""

from __future__ import annotations

from sqlalchemy import Connection

from handlers.access import Person, Role
from handlers.answering import promise, too_late
from handlers.blocks.alert_dialogs import CALLBACKS, ESCALATE, HOW, OWNER, PRIORITY, WHY
from handlers.blocks.alert_menu import CHANGE, NOTE, PAUSE
from handlers.changing import ask_change, ask_escalation, policy_of
from handlers.commands.grammar import parse_duration
from handlers.deps import Deps
from handlers.modals.modal import Modal, Submission
from handlers.muting import start_mute
from trailwatch.alert import Alert, AlertAction, AlertState
from trailwatch.clock import iso
from trailwatch.errors import NotFound, UsageError
from trailwatch.routers.router import RouterName, router_of
from trailwatch.snooze import until
from trailwatch.store import alerts

PRIORITIES = ("P1", "P2", "P3", "P4", "P5")


def add_note(deps: Deps, submission: Submission) -> None:
    """Add a note, also to an alert that is closed."""
    text = submission.texts.get(WHY, "").strip()
    if not text:
        raise UsageError("A note needs words.")
    with deps.db.transaction() as tx:
        alert = _alert(tx, submission.about)
        words = f"{submission.person.name} noted: {text}"
        ask_change(deps, tx, submission, alert, AlertAction.NOTE, words, note=text)


def pause(deps: Deps, submission: Submission) -> None:
    """Snooze the alert, or mute its alarm."""
    what, _, long = next(iter(submission.chosen.get(HOW, ())), "").partition("-")
    why = submission.texts.get(WHY, "").strip()
    now = deps.clock()
    if what == "mute":
        with deps.db.transaction() as tx:
            alert = _alert(tx, submission.about)
            start_mute(deps, tx, submission, alert, now + parse_duration(long), why)
        return
    # Their own, as Slack knows it; else the team's.
    end = until(long, now, (submission.person.timezone, deps.digest_timezone))
    if what != "snooze" or end is None:
        raise UsageError("This dialog is from an older version.", fix="Open it anew.")
    action = AlertAction.SNOOZE
    refusal = promise(deps, submission, submission.about, action, until=iso(end), note=why)
    if refusal:
        raise UsageError(refusal)


def change(deps: Deps, submission: Submission) -> None:
    """Assign, change the priority, escalate: whatever was filled in."""
    why = submission.texts.get(WHY, "").strip()
    owner = next(iter(submission.chosen.get(OWNER, ())), "")
    priority = next(iter(submission.chosen.get(PRIORITY, ())), "")
    passed_on = "yes" in submission.chosen.get(ESCALATE, ())
    person = deps.people.find(owner) if owner else None
    because = f": {why}" if why else "."
    who = submission.person.name
    with deps.db.transaction() as tx:
        alert = _alert(tx, submission.about)
        if alert.state is AlertState.CLOSED:
            raise UsageError(too_late(alert))
        to, called = _owner(person, alert) if person else ("", "")
        changes = priority in PRIORITIES and priority != alert.severity
        if not (to or changes or passed_on):
            raise UsageError("Nothing is to be changed.", fix="Choose somebody or something.")
        if to:
            # By the id: two people may show the same name.
            did = "took this" if owner == submission.person.id else f"assigned this to {called}"
            words = f"{who} {did}{because}"
            ask_change(
                deps, tx, submission, alert, AlertAction.ASSIGN, words, called, to=to, note=why
            )
        if changes and not (passed_on and not policy_of(deps, alert)):
            words = f"{who} changed the priority from {alert.severity} to {priority}{because}"
            said = {"to": priority} if to or passed_on else {"to": priority, "note": why}
            ask_change(deps, tx, submission, alert, AlertAction.PRIORITY, words, **said)
        if passed_on:
            ask_escalation(deps, tx, submission, alert, why)


def _owner(person: Person, alert: Alert) -> tuple[str, str]:
    """Under what name somebody in Slack is known where the alert is kept, and their own."""
    if person.member and router_of(alert.router_id) is RouterName.DIRECT:
        return person.known_as, person.name
    if not person.member or not person.email:
        raise UsageError(
            f"{person.name} cannot be assigned to.",
            fix="Only members of this workspace with an e-mail address can be.",
        )
    return person.email, person.name


def _alert(tx: Connection, alert_id: str) -> Alert:
    alert = alerts.get(tx, alert_id)
    if alert is None:
        raise NotFound("This alert is no longer kept.", fix="See /trailwatch alerts.")
    return alert


MODALS = (
    Modal(CALLBACKS[NOTE], Role.RESPONDER, "add notes", add_note, WHY),
    Modal(CALLBACKS[PAUSE], Role.RESPONDER, "snooze alerts and mute alarms", pause, HOW),
    Modal(CALLBACKS[CHANGE], Role.RESPONDER, "change alerts", change, OWNER),
)
