"""/trailwatch setup lint: what is wrong with a pipeline, ours or not."""

from __future__ import annotations

from handlers.access import Role
from handlers.audit import note
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation
from handlers.deps import Deps
from handlers.request import Reply, Request
from trailwatch.store import jobs


def start(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Start reading what stands; the answer comes in private."""
    site = deps.sites.chosen(call.options.get("site"), request.channel)
    arguments = {"site": site, "response_url": request.response_url}
    with deps.db.transaction() as tx:
        jobs.add(tx, "setup.lint", arguments, deps.clock(), key=f"lint:{request.key}")
        note(deps, tx, request, "setup.lint", site, "started")
    return Reply("Reading trails, filters, alarms and who is told…")


COMMANDS = (
    Command(
        "setup lint", "setup lint [--site SITE]", "setup lint",
        "What is wrong with the pipeline from trail to subscriber, whoever built it",
        Role.VIEWER, start, options=("site",),
    ),
)  # fmt: skip
