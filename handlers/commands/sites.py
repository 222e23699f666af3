"""/trailwatch sites: which accounts and Regions are watched. Reaching them happens in a job."""

from __future__ import annotations

from handlers.access import Role
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation
from handlers.deps import Deps
from handlers.request import Reply, Request
from handlers.starting import start_job


def show(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Start to look at every site; the answer comes in private."""
    with deps.db.transaction() as tx:
        start_job(deps, tx, request, "sites.list")
    return Reply("Looking whether each site can be reached…")


COMMANDS = (
    Command(
        "sites", "sites", "sites",
        "Which accounts and Regions are watched, and whether each can be reached", Role.VIEWER,
        show,
    ),
)  # fmt: skip
