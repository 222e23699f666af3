"""/trailwatch setup import: settings from what stands."""

from __future__ import annotations

from handlers.access import Role
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation
from handlers.commands.setup import chosen_site, start
from handlers.deps import Deps
from handlers.request import Reply, Request


def look(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Start reading today's state; what it would write comes into this channel."""
    start(deps, request, "setup.import", chosen_site(deps, request, call))
    return Reply("Reading what stands in AWS; what it would set comes into this channel.")


COMMANDS = (
    Command(
        "setup import", "setup import [--site SITE]", "setup import",
        "Show today's trail, filters and alarms as settings; writes them once confirmed",
        Role.ADMIN, look, options=("site",),
    ),
)  # fmt: skip
