"""/trailwatch setup drift: what stands otherwise than it was set up, and who did it."""

from __future__ import annotations

from handlers.access import Role
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation
from handlers.commands.setup import chosen_site, places
from handlers.deps import Deps
from handlers.drifting import look_again
from handlers.request import Reply, Request


def drift(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Start a check; the answer comes in private, what is new into the site's channel."""
    site = chosen_site(deps, request, call)
    look_again(deps, request, site)
    return Reply(f"Looking at what stands in {places(deps, site)}…")


COMMANDS = (
    Command(
        "setup drift", "setup drift [--site SITE]", "setup drift",
        "What stands otherwise than it was set up, who did it, and the button that restores it",
        Role.VIEWER, drift, options=("site",),
    ),
)  # fmt: skip
