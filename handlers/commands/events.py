"""/trailwatch events: opens the dialog that searches events."""

from __future__ import annotations

from handlers.access import Role
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation
from handlers.deps import Deps
from handlers.request import Reply, Request
from handlers.starting import start_dialog
from trailwatch.store import event_searches
from trailwatch.store.event_searches import EventSearch


def open_search(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Have the dialog opened; Slack gives three seconds for it."""
    site = deps.sites.chosen(call.options.get("site"), request.channel)
    now = deps.clock()
    search = EventSearch(
        id=event_searches.new_id(),
        site=site,
        pattern="",
        start=now,
        end=now,
        first_end=now,
        asked_by=request.person.id,
        channel=request.channel,
    )
    with deps.db.transaction() as tx:
        event_searches.keep(tx, search, now)
        start_dialog(deps, tx, request, "events.open_search", search=search.id)
    return Reply()


COMMANDS = (
    Command(
        "events", "events [--site SITE]", "events",
        "Search events by pattern, person, event, address and time, in log group and archive",
        Role.VIEWER, open_search, options=("site",),
    ),
)  # fmt: skip
