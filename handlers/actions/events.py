"""The buttons about events: show those behind an alert, older ones, as a file, search more."""

from __future__ import annotations

from handlers.access import Role
from handlers.actions.action import Action
from handlers.audit import note
from handlers.blocks.events import ARCHIVE, CANCEL, FILE, OLDER, SEARCH
from handlers.deps import Deps
from handlers.event_pages import PAGE, kept_search
from handlers.request import Click, Reply
from handlers.starting import start_job
from trailwatch.errors import NotFound
from trailwatch.store import alerts, jobs


def show_events(deps: Deps, click: Click) -> Reply:
    """Start a search whose result goes to the thread."""
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, click.value)
        if alert is None:
            raise NotFound("This alert is no longer kept.", fix="See /trailwatch alerts.")
        # One at a time: several clicks in a moment get one answer.
        job = jobs.add(
            tx,
            "alert.show_events",
            {"alert_id": alert.id, "name": click.person.name, "key": click.key},
            deps.clock(),
            key=f"show:{alert.id}",
        )
        note(deps, tx, click, "alert.events", alert.title, "asked", alert_id=alert.id, job=str(job))
    return Reply()


def older(deps: Deps, click: Click) -> Reply:
    """Have the next page shown where this one stands."""
    return _start(deps, click, "events.page")


def as_file(deps: Deps, click: Click) -> Reply:
    """Have the whole records of this page put into its thread."""
    return _start(deps, click, "events.file")


def search_more(deps: Deps, click: Click) -> Reply:
    """Have the search dialog opened, with what this page was searched with."""
    return _start(deps, click, "events.open_search", trigger_id=click.trigger_id)


def cancel(deps: Deps, click: Click) -> Reply:
    """Ask a search of the archive to stop; it shows what it has found so far."""
    number = int(click.value[:18]) if click.value.isascii() and click.value.isdigit() else 0
    with deps.db.transaction() as tx:
        if not jobs.ask_to_stop(tx, number, PAGE, click.person.name, deps.clock()):
            return Reply("This search has ended already.")
        note(deps, tx, click, CANCEL, "", "asked")
    return Reply()


def _start(deps: Deps, click: Click, kind: str, **more: str) -> Reply:
    search = kept_search(deps, click.value, click.person.id)
    # In a thread a second click asks for the same message or file; a dialog is each one's own.
    key = f"{kind}:{click.key if more or search.asked_by else search.id}"
    with deps.db.transaction() as tx:
        job = start_job(deps, tx, click, kind, key, search=search.id, **more)
        note(deps, tx, click, kind, search.alert_id or search.site, "asked", job=job)
    return Reply()


ACTION = Action("alert.events", Role.VIEWER, "see events", show_events)
ACTIONS = (
    ACTION,
    Action(OLDER, Role.VIEWER, "see events", older),
    Action(ARCHIVE, Role.VIEWER, "see events", older),
    Action(CANCEL, Role.VIEWER, "cancel a search", cancel),
    Action(FILE, Role.VIEWER, "see events", as_file),
    Action(SEARCH, Role.VIEWER, "search events", search_more),
)
