"""The modal that searches events: by pattern, person, event, address and time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handlers.access import Role
from handlers.audit import note
from handlers.blocks.event_search import (
    ADDRESS,
    ALARM,
    CALLBACK,
    HERE,
    NAME,
    SINCE,
    SINCES,
    WHAT,
    WHERE,
    WHO,
)
from handlers.commands.grammar import parse_duration
from handlers.deps import Deps
from handlers.event_pages import kept_search
from handlers.modals.modal import Modal, Submission
from handlers.slack_text import pattern_typed
from handlers.starting import start_job
from trailwatch.detections import facts_of, pattern_at
from trailwatch.errors import UsageError
from trailwatch.event_filter import Wanted, filter_for
from trailwatch.pattern import Pattern
from trailwatch.store import event_searches
from trailwatch.store.event_searches import EventSearch

BEFORE_ALARM = timedelta(days=1)


def submit(deps: Deps, submission: Submission) -> None:
    """Start the search; its first page comes in private, or where the dialog was opened."""
    begun = kept_search(deps, submission.about, submission.person.id)
    pattern = _pattern(deps, submission, begun.site)
    search = _windowed(deps, submission, begun)
    here = _chosen(submission, WHERE) == HERE
    search = replace(
        search,
        id=event_searches.new_id(),
        pattern=pattern.text,
        skip=0,
        shown=0,
        asked_by="" if here else submission.person.id,
    )
    if here and not search.alert_id:
        search = replace(search, thread_of=f"events:{search.id}")
    with deps.db.transaction() as tx:
        event_searches.keep(tx, search, deps.clock())
        job = start_job(deps, tx, submission, "events.page", search=search.id)
        note(
            deps, tx, submission, "events.search", search.site, "asked",
            pattern=pattern.text, job=job,
        )  # fmt: skip


def _pattern(deps: Deps, submission: Submission, site: str) -> Pattern:
    """All that was filled in, as one pattern; a detection's id stands for its pattern there."""
    typed = submission.texts.get(WHAT, "").strip()
    detection = deps.catalogue.get(typed)
    if detection is not None:
        text = pattern_at(detection, facts_of(deps.sites.config_or_blank(site)))
    else:
        text = pattern_typed(typed)
    return filter_for(
        Wanted(
            text,
            submission.texts.get(WHO, ""),
            submission.texts.get(NAME, ""),
            submission.texts.get(ADDRESS, ""),
        )
    )


def _windowed(deps: Deps, submission: Submission, begun: EventSearch) -> EventSearch:
    chosen = _chosen(submission, SINCE)
    if chosen == ALARM and begun.alert_id:
        start = min(begun.start, begun.first_end - BEFORE_ALARM)
        end = min(deps.clock(), begun.first_end + timedelta(hours=1))
        return replace(begun, start=start, end=end, first_end=end)
    if chosen not in dict(SINCES):
        raise UsageError("This is no length of time.", fix="Choose one of the list.")
    now = deps.clock()
    return replace(begun, start=now - parse_duration(chosen), end=now, first_end=now)


def _chosen(submission: Submission, name: str) -> str:
    return next(iter(submission.chosen.get(name, ())), "")


MODAL = Modal(CALLBACK, Role.VIEWER, "search events", submit, WHAT)
