"""Knows how what somebody asks for becomes a job, which answers later. Calls no service."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from handlers.deps import Deps
from handlers.request import Request
from trailwatch.store import jobs


def start_job(
    deps: Deps, tx: Connection, request: Request, kind: str, once: str = "", **arguments: Any
) -> str:
    """Start a job that knows who asked, where, and how to answer them in private; its number.

    Once, however often Slack delivers the request; `once` is its key where that is not enough.
    """
    asked = {
        "user_id": request.person.id,
        "name": request.person.name,
        "channel": request.channel,
        "response_url": request.response_url,
    }
    key = once or f"{kind}:{request.key}"
    return str(jobs.add(tx, kind, asked | arguments, deps.clock(), key=key))


def start_dialog(deps: Deps, tx: Connection, request: Request, kind: str, **arguments: Any) -> None:
    """Start a job that opens a dialog, for which Slack gives three seconds."""
    start_job(deps, tx, request, kind, trigger_id=request.trigger_id, **arguments)
