"""/trailwatch setup lint: what is wrong with a pipeline, ours or not."""

from __future__ import annotations

from handlers.access import Role
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation
from handlers.commands.setup import chosen_site, start
from handlers.deps import Deps
from handlers.request import Reply, Request


def lint(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Start reading what stands; the answer comes in private."""
    start(deps, request, "setup.lint", chosen_site(deps, request, call))
    return Reply("Reading trails, filters, alarms and who is told…")


COMMANDS = (
    Command(
        "setup lint", "setup lint [--site SITE]", "setup lint",
        "What is wrong with the pipeline from trail to subscriber, whoever built it",
        Role.VIEWER, lint, options=("site",),
    ),
)  # fmt: skip
