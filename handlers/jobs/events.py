"""The jobs behind pages of events: one more page, its records as a file, the search dialog."""

from __future__ import annotations

import json

from handlers.answering import tell
from handlers.blocks.errors import error_message
from handlers.blocks.event_search import search_view
from handlers.blocks.kit import code, count, esc
from handlers.deps import Deps
from handlers.event_pages import look, page_message, show
from handlers.jobs.dialog import open_dialog
from handlers.jobs.job import JobContext, worth_another_try
from handlers.tracing import record_of
from trailwatch.errors import NotFound, TrailwatchError
from trailwatch.store import event_searches, outbox
from trailwatch.store.event_searches import EventSearch


def show_page(deps: Deps, job: JobContext) -> None:
    """Show one page where its search belongs: in a thread, in a channel or in private."""
    search = _search(deps, job)
    if search is None:
        return
    show(deps, job, search, page_message(deps, job, search))


def put_file(deps: Deps, job: JobContext) -> None:
    """Put the whole records of a page into its thread as a file."""
    search = _search(deps, job)
    if search is None:
        return
    try:
        page = look(deps, job, search)
        if not page.events:
            raise NotFound("There are no records on this page any more.")
        text = json.dumps([record_of(event) for event in page.events], indent=2)
        first = search.shown + 1
        name = f"cloudtrail-{page.events[0].time:%Y%m%dT%H%M%SZ}-{first}.json"
        comment = (
            f":page_facing_up: {count(len(page.events), 'record')} from CloudTrail as "
            f"{code(name, 80)}, asked by {esc(str(job.args['name']), 80)}."
        )
        channel, thread = _place(deps, search)
        job.step("upload", lambda: deps.upload(channel, name, text, comment, thread))
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        tell(deps, job, error_message(error))


def open_search(deps: Deps, job: JobContext) -> None:
    """Open the search dialog for who asked; what fails is told to them in private."""
    search = _search(deps, job)
    if search is None:
        return
    view = search_view(
        search.id,
        search.site,
        str(job.args["response_url"]),
        pattern=search.pattern if search.alert_id else "",
        of_alert=bool(search.alert_id),
    )
    open_dialog(deps, job, lambda: view, "Ask for it once more.")


def _search(deps: Deps, job: JobContext) -> EventSearch | None:
    with deps.db.reading() as tx:
        return event_searches.get(tx, str(job.args["search"]))


def _place(deps: Deps, search: EventSearch) -> tuple[str, str]:
    """The channel, and the ts of the message whose thread it is; "" where none was posted."""
    with deps.db.reading() as tx:
        sent = outbox.find(tx, search.thread_of)
    if sent is None or not sent.ts:
        return search.channel, ""
    return sent.channel or search.channel, sent.ts
