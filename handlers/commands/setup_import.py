"""/trailwatch setup import and setup export: settings from what stands, and a file of them."""

from __future__ import annotations

from handlers.access import Role
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation
from handlers.commands.setup import chosen_site, start
from handlers.deps import Deps
from handlers.request import Reply, Request
from setup.export import FORMATS
from trailwatch.errors import NotFound


def look(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Start reading today's state; what it would write comes into this channel."""
    start(deps, request, "setup.import", chosen_site(deps, request, call))
    return Reply("Reading what stands in AWS; what it would set comes into this channel.")


def export(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Start writing the wanted pipeline as a file, which comes into this channel."""
    form = call.options.get("format", FORMATS[0]).lower()
    if form not in FORMATS:
        raise NotFound.of("format", form, FORMATS)
    start(deps, request, "setup.export", chosen_site(deps, request, call), format=form)
    return Reply("Writing the pipeline as a file; it comes into this channel.")


COMMANDS = (
    Command(
        "setup import", "setup import [--site SITE]", "setup import",
        "Show today's trail, filters and alarms as settings; writes them once confirmed",
        Role.ADMIN, look, options=("site",),
    ),
    Command(
        "setup export", "setup export [--format cloudformation|terraform] [--site SITE]",
        "setup export --format terraform",
        "The wanted pipeline as a CloudFormation template or Terraform JSON, for git",
        Role.ADMIN, export, options=("format", "site"),
    ),
)  # fmt: skip
