"""/trailwatch coverage: how far the live filters meet CIS and Security Hub."""

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
        jobs.add(tx, "coverage", arguments, deps.clock(), key=f"coverage:{request.key}")
        note(deps, tx, request, "coverage", site, "started")
    return Reply("Reading the live filters, their alarms and who is told…")


COMMANDS = (
    Command(
        "coverage", "coverage [--site SITE]", "coverage",
        "Each control of CIS and Security Hub: covered by meaning, and by scanners' text",
        Role.VIEWER, start, options=("site",),
    ),
)  # fmt: skip
