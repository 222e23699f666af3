"""/trailwatch coverage: how far the live filters meet CIS and Security Hub."""

from __future__ import annotations

from handlers.access import Role
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation
from handlers.commands.setup import chosen_site, start
from handlers.deps import Deps
from handlers.request import Reply, Request


def coverage(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Start reading what stands; the answer comes in private."""
    start(deps, request, "coverage", chosen_site(deps, request, call))
    return Reply("Reading the live filters, their alarms and who is told…")


COMMANDS = (
    Command(
        "coverage", "coverage [--site SITE]", "coverage",
        "Each control of CIS and Security Hub: covered by meaning, and by scanners' text",
        Role.VIEWER, coverage, options=("site",),
    ),
)  # fmt: skip
