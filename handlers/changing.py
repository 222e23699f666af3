"""Knows how a note, an owner, a priority or an escalation is asked for. Never calls a service."""

from __future__ import annotations

from sqlalchemy import Connection

from handlers.audit import note
from handlers.deps import Deps
from handlers.request import Request
from trailwatch.alert import Alert, AlertAction
from trailwatch.clock import iso
from trailwatch.routers.router import RouterName, router_of
from trailwatch.store import jobs

HIGHEST = "P1"


def ask_change(
    deps: Deps,
    tx: Connection,
    request: Request,
    alert: Alert,
    action: AlertAction,
    words: str,
    called: str = "",
    **arguments: str,
) -> None:
    """Have a job ask the on-call service; `words` are said in the alert's thread once it did.

    Many such changes may be under way at a time, beside the one that the message promises.
    called: how people know what it is changed to, for the audit log; else the argument `to`.
    """
    of = f"change:{action.value}:{request.key}"
    jobs.add(
        tx,
        "alert.change",
        {
            "alert_id": alert.id,
            "action": action.value,
            "user": request.person.known_as,
            "name": request.person.name,
            "response_url": request.response_url,
            "asked_at": iso(deps.clock()),
            "words": words,
            "key": request.key,
            "of": of,
            **arguments,
        },
        deps.clock(),
        key=of,
    )
    # A priority that stands in for an escalation is one to whoever asked.
    did = AlertAction.ESCALATE if arguments.get("loud") == "yes" else action
    to = called or arguments.get("to", "")
    detail = {"alert_id": alert.id, "of": of, **({"to": to} if to else {})}
    note(deps, tx, request, f"alert.{did.value}", alert.title, "asked", **detail)


def ask_escalation(deps: Deps, tx: Connection, request: Request, alert: Alert, why: str) -> None:
    """Pass an alert on: to the escalation that the settings name, else by the highest priority.

    Either way the channel is told; what has the highest already calls its people once more.
    """
    because = f": {why}" if why else "."
    if policy := policy_of(deps, alert):
        words = f"{request.person.name} escalated this to {policy}{because}"
        more = {"to": policy, "note": why}
        ask_change(deps, tx, request, alert, AlertAction.ESCALATE, words, loud="yes", **more)
        return
    held = "already" if alert.severity == HIGHEST else "now"
    words = f"{request.person.name} escalated this: it is {HIGHEST} {held}{because}"
    more = {"to": HIGHEST, "note": why}
    if alert.severity == HIGHEST:
        more["again"] = "yes"  # its becoming one calls nobody any more
    ask_change(deps, tx, request, alert, AlertAction.PRIORITY, words, loud="yes", **more)


def policy_of(deps: Deps, alert: Alert) -> str:
    """The escalation policy that an alert can go on with; "" where it gets the highest priority."""
    return "" if router_of(alert.router_id) is RouterName.DIRECT else deps.escalation
