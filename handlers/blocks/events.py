"""Knows how found events look, in an alert's thread or as a search's answer. Never searches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from handlers.blocks import kit
from handlers.blocks.accounts import columns
from handlers.blocks.alert import event_sentence
from handlers.blocks.event_table import long_table, one_day
from handlers.blocks.kit import Block, Message, code, count, date, esc, plain
from handlers.blocks.pattern import PATTERN_TEXT, plain_line
from trailwatch.alert import Alert
from trailwatch.errors import TrailwatchError
from trailwatch.event import Event
from trailwatch.event_filter import EVERY

SHOWN_EVENTS = 20
OLDER, FILE, SEARCH = "events.older", "events.file", "events.search"
ARCHIVE, CANCEL = "events.archive", "events.cancel"
_LONG = "{date_short_pretty} {time}"
_HOW_TO_FILE = (
    "Whole records come as a file where others see the search, too: _Search…_, and show it there."
)
_LATE = "CloudTrail delivers within about 5 to 10 minutes."


@dataclass(frozen=True)
class Pages:
    """Where a page of events stands among the others.

    `this` and `older` are the opaque ids of this page and of the next; `older` is "" on the last.
    `before` events came on the pages before. Not `files`: the page can't be had as a file.
    `archive` is the id of the search that goes on in the archive, "" where there is no need.
    """

    this: str
    older: str = ""
    before: int = 0
    files: bool = True
    archive: str = ""


@dataclass(frozen=True)
class Found:
    """What a search found: the newest of `total` matching events (or more), newest first.

    `searched` is the window that was looked at, `note` what limits the answer ("the log group
    keeps 30 days"), `offices` the site's own addresses, `names` the names of the events' accounts.
    """

    events: Sequence[Event]
    total: int
    searched: tuple[datetime, datetime]
    note: str = ""
    offices: Collection[str] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    pages: Pages | None = None


def events_message(
    alert: Alert,
    events: Sequence[Event],
    total: int,
    searched: tuple[datetime, datetime],
    note: str = "",
    *,
    offices: Collection[str] = (),
    names: Mapping[str, str] | None = None,
    why: Sequence[str] = (),
    error: TrailwatchError | None = None,
    pages: Pages | None = None,
) -> Message:
    """The answer to [Show events]: see Found.

    `why` are the lines that tell why the newest event matched, `error` why the search failed. No
    events and no error: nothing matched.
    """
    found = Found(events, total, searched, note, offices, names or {}, pages)
    title = esc(alert.title, 150)
    if error is not None:
        return _failed(found, title, error)
    if not events:
        return _nothing(found, title, "the filter's own pattern")
    shown = events[:SHOWN_EVENTS]
    blocks = _table(found, columns(alert, shown, found.names))
    if why:
        said = "\n".join(plain_line(line) for line in why)
        blocks += [
            kit.section(f"*Why the newest matched* · {code(shown[0].id, 64)}"),
            kit.rich_text(kit.lines(said)),
        ]
    return kit.message(_sentence(found, f"behind {title}"), [*blocks, *_end(found)])


def archive_running(day: datetime, records: int, matches: int, job: int) -> Message:
    """How far a search of the archive is; job: the id of its job, for the button Cancel."""
    text = f"Searching the archive: {day:%Y-%m-%d}, {count(records, 'record')} read, "
    text += f"{count(matches, 'matching event')} so far."
    cancel = kit.button("Cancel", CANCEL, str(job))
    return kit.message(text, [kit.section(f":hourglass_flowing_sand: {text}"), kit.actions(cancel)])


def search_message(
    pattern: str, found: Found, error: TrailwatchError | None = None, *, by: str = ""
) -> Message:
    """A page of a search that somebody made with a pattern; by: who, where others see it."""
    searched = _searched(pattern, by)
    if error is not None:
        shown = _failed(found, "this search", error)
    elif not found.events:
        shown = _nothing(found, "this search", "no filter" if pattern == EVERY else "this pattern")
    else:
        several = len({event.account for event in found.events}) > 1
        accounts = {
            event.account: plain(found.names.get(event.account) or event.account, 40)
            for event in found.events
        }
        blocks = _table(found, accounts if several else None)
        shown = kit.message(_sentence(found, "of this search"), [*blocks, *_end(found)])
    asked = f"{esc(by, 80)} searched. " if by else ""
    return kit.message(f"{asked}{shown.text}", [*searched, *shown.blocks])


def _searched(pattern: str, by: str) -> list[Block]:
    """What was looked for and by whom."""
    who = f":bust_in_silhouette: *{esc(by, 80)}* searched " if by else ""
    if pattern == EVERY:
        words = f"{who}all events" if who else ":mag_right: All events"
        return [kit.context(words)]
    shown = kit.rich_text(kit.lines(plain(pattern, PATTERN_TEXT)))
    return [kit.context(f"{who}with this pattern"), shown] if who else [shown]


def _failed(found: Found, title: str, error: TrailwatchError) -> Message:
    reason = " ".join(esc(part, 500) for part in (error.what, error.why, error.fix) if part)
    blocks = [
        kit.section(f":warning: *The events could not be searched*\n{reason}"),
        kit.context(f"Window: {_window(found)}"),
    ]
    text = f"The events behind {title} could not be searched, {_period(found)}. {reason}"
    return kit.message(text, [*blocks, *_end(found)])


def _nothing(found: Found, title: str, pattern: str) -> Message:
    later = found.pages is not None and found.pages.before > 0
    what = "No older events" if later else "No matching events"
    blocks = [
        kit.section(f":mag: *{what}*"),
        kit.context(f"Searched {_window(found)} with {pattern}. {_LATE}"),
    ]
    note = esc(found.note, 400) if found.note else ""
    text = f"No {'older ' if later else ''}events match {title}, {_period(found)}. {note}".rstrip()
    return kit.message(text, [*blocks, *_end(found)])


def _table(found: Found, accounts: Mapping[str, str] | None) -> list[Block]:
    """The heading, the events, and how many older ones there are."""
    shown = list(found.events[:SHOWN_EVENTS])
    blocks = [
        kit.section(f":mag: *{_heading(found)}*, {_window(found)}"),
        long_table(shown, found.offices, accounts),
    ]
    day = one_day(shown)
    notes = [f"{day}, times in UTC"] if day else []
    if more := _older(found):
        notes.append(f"*{more}*")
    notes.append("a time opens the event in CloudTrail’s console")
    return [*blocks, kit.context(" · ".join(notes))]


def _heading(found: Found) -> str:
    """ "26 matching events", or which of them a later page has."""
    before = found.pages.before if found.pages else 0
    if before:
        return f"Matching events {before + 1:,} to {before + len(found.events[:SHOWN_EVENTS]):,}"
    if found.pages and found.pages.older and found.total <= len(found.events):
        return f"The newest {count(len(found.events[:SHOWN_EVENTS]), 'matching event')}"
    return count(max(found.total, len(found.events)), "matching event")


def _older(found: Found) -> str:
    """ "+6 more, older"; without a number where nobody has counted them."""
    before = found.pages.before if found.pages else 0
    more = max(found.total, len(found.events)) - before - len(found.events[:SHOWN_EVENTS])
    if more > 0:
        return f"+{more:,} more, older"
    return "+ more, older" if found.pages and found.pages.older else ""


def _sentence(found: Found, of: str) -> str:
    more = _older(found)
    newest = event_sentence(found.events[0], found.offices)
    rest = f" {more.removeprefix('+').strip().capitalize()}." if more else ""
    return f"{_heading(found)} {of}, {_period(found)}. Newest: {newest}.{rest}"


def _end(found: Found) -> list[Block]:
    """What limits the answer, and the buttons."""
    end = [kit.context(f":information_source: {esc(found.note, 400)}")] if found.note else []
    pages = found.pages
    if pages is None:
        return end
    older = kit.button("Older", OLDER, pages.older) if pages.older else None
    if found.events and not pages.files:
        end.append(kit.context(_HOW_TO_FILE))
    has_file = pages.files and bool(found.events)
    file = kit.button("Records as a file", FILE, pages.this) if has_file else None
    archive = None
    if pages.archive:
        archive = kit.button("Search the archive", ARCHIVE, pages.archive)
    return [*end, kit.actions(older, archive, file, kit.button("Search…", SEARCH, pages.this))]


def _window(found: Found) -> str:
    start, end = found.searched
    short = "{time}" if start.date() == end.date() else _LONG
    return f"{date(start)} to {date(end, form=short)}"


def _period(found: Found) -> str:
    start, end = (f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" for moment in found.searched)
    return f"{start} to {end} UTC"
