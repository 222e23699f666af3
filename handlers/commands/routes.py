"""/trailwatch routes: which channel which alerts go to. Changes nothing."""

from __future__ import annotations

from fnmatch import fnmatchcase

from handlers.access import Role
from handlers.blocks.routes import routes_message, way_message
from handlers.channels import wanted_channel
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation
from handlers.deps import Deps
from handlers.request import Reply, Request
from trailwatch.errors import UsageError
from trailwatch.routes import LOUD, Subject
from trailwatch.store import channels

SEVERITIES = (LOUD, "P2", "P3", "P4", "P5")


def show(deps: Deps, request: Request, call: Invocation) -> Reply:
    """All routes, or the way of one detection's alerts."""
    if call.words:
        return _way(deps, call)
    known = deps.catalogue.detections
    idle = [
        number
        for number, route in enumerate(deps.routes, 1)
        if route.detections
        and not any(fnmatchcase(one, part) for one in known for part in route.detections)
    ]
    with deps.db.reading() as tx:
        lost = channels.lost(tx, deps.clock())
    message = routes_message(
        deps.routes, {site: deps.sites.channel(site) for site in deps.sites.names}, lost, idle
    )
    return Reply(message.text, message.blocks)


def _way(deps: Deps, call: Invocation) -> Reply:
    detection_id = call.words[0].lower()
    found = deps.catalogue[detection_id]
    severity = call.options.get("severity", found.severity.value).upper()
    if severity not in SEVERITIES:
        raise UsageError(f"{severity} is no severity.", "P1 to P5 are.")
    chosen = call.options.get("site")
    sites = (deps.sites.chosen(chosen),) if chosen else deps.sites.names
    ways = []
    for site in sites:
        account = call.options.get("account") or deps.sites.config_or_blank(site).site.account
        subject = Subject(severity, detection_id, site, account)
        route, where = wanted_channel(deps, subject)
        ways.append((site, deps.routes.index(route) + 1 if route else 0, route, where))
    message = way_message(detection_id, severity, ways)
    return Reply(message.text, message.blocks)


COMMANDS = (
    Command(
        "routes", "routes [DETECTION] [--severity P1] [--site SITE] [--account ID]",
        "routes root-usage",
        "Which channel alerts go to, and the way of one detection's", Role.VIEWER, show,
        most=1, options=("severity", "site", "account"),
    ),
)  # fmt: skip
