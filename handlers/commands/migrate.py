"""/trailwatch migrate: moves a site's alarms to another on-call service, one step at a time."""

from __future__ import annotations

from handlers.access import Role
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation
from handlers.commands.setup import chosen_site, start
from handlers.deps import Deps
from handlers.request import Reply, Request
from setup.pipeline import jsm
from trailwatch.errors import UsageError
from trailwatch.routers.router import RouterName
from trailwatch.site_options import changed


def migrate(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Start the step that is next: a plan that lets both be told, then the test and the plan that
    lets the old one go.
    """
    to = call.options.get("to", "")
    if not to:
        raise UsageError("It is not said where to.", fix="/trailwatch migrate --to direct")
    site = chosen_site(deps, request, call)
    config = deps.sites.config_or_blank(site)
    changed(config, {"router": to})
    if config.router == to:
        return Reply(f"The alarms of {config.site.name} go to {to} already.")
    if to == RouterName.JSM:
        jsm(config)  # raises ConfigError at once where the settings have none
    if config.beside != to:
        start(deps, request, "setup.plan", site, set=f"beside={to}")
        return Reply(
            f"Step 1: a plan that lets {to} be told besides {config.router}; it comes into this "
            "channel. Once it is applied, type the same command again: a test alarm then shows "
            "whether both are told."
        )
    start(deps, request, "migrate.test", site, to=to)
    return Reply(
        f"Step 2: a test alarm goes out. When it has come by {config.router} and by {to}, a plan "
        f"that ends the way by {config.router} comes into this channel."
    )


COMMANDS = (
    Command(
        name="migrate",
        usage="migrate --to opsgenie|jsm|direct [--site NAME]",
        example="migrate --to direct",
        summary="Move the alarms to another on-call service, without losing one",
        role=Role.ADMIN,
        run=migrate,
        options=("to", "site"),
    ),
)
