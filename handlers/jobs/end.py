"""Knows what a job that failed for good leaves behind: nobody waits for what will not come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers import twins
from handlers.answering import said, whisper
from handlers.deps import Deps
from handlers.jobs import (
    alert_act,
    alert_change,
    alert_events,
    alert_twin,
    mute,
    setup_apply,
)


def end_of_job(deps: Deps, kind: str, args: Mapping[str, Any], why: str) -> None:
    """Bring the message of a dead job to an end, or tell whoever asked for it.

    kind and args are the job's, why its last error. What is written is in the store only.
    """
    if kind == "alert.act":
        alert_act.give_up(deps, {name: str(value) for name, value in args.items()}, why)
    elif kind == twins.ACT:
        alert_twin.give_up(deps, args, why)
    elif kind == "alert.change":
        given = {name: str(value) for name, value in args.items()}
        alert_change.refused(deps, str(args.get("alert_id", "")), given, why)
    elif kind == "alarm.mute":
        mute.only_here(deps, str(args.get("mute_id", "")))
    elif kind == "alarm.unmute":
        mute.still_muted(deps, str(args.get("mute_id", "")), why, str(args.get("by", "")))
    elif kind == "alert.find_events":
        alert_events.give_up(deps, str(args.get("alert_id", "")), why)
    elif kind == "setup.apply":
        setup_apply.give_up(deps, {name: str(value) for name, value in args.items()}, why)
    elif kind != "slack.answer" and args.get("response_url"):
        with deps.db.transaction() as tx:
            reply = said(f"This could not be done ({kind}).", f"{why} /trailwatch status shows it.")
            whisper(deps, tx, str(args["response_url"]), reply)
