"""Knows how the events behind an alert look in its thread. Never searches for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from handlers.blocks import kit
from handlers.blocks.accounts import columns
from handlers.blocks.alert import event_sentence
from handlers.blocks.event_table import long_table, one_day
from handlers.blocks.kit import Message, code, count, date, esc
from handlers.blocks.pattern import plain_line
from trailwatch.alert import Alert
from trailwatch.errors import TrailwatchError
from trailwatch.event import Event

SHOWN_EVENTS = 20
_LONG = "{date_short_pretty} {time}"


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
) -> Message:
    """The answer to [Show events]: the newest of `total` matching events, newest first.

    `searched` is the window that was looked at, `note` what limits the answer ("the log group
    keeps 30 days"), `names` the names of the events' accounts, `why` the lines that tell why the
    newest event matched, `error` why the search failed. No events and no error: nothing matched.
    """
    title = esc(alert.title, 150)
    short = "{time}" if searched[0].date() == searched[1].date() else _LONG
    window = f"{date(searched[0])} to {date(searched[1], form=short)}"
    span_text = _period(*searched)
    footer = [kit.context(f":information_source: {esc(note, 400)}")] if note else []
    if error is not None:
        reason = " ".join(esc(part, 500) for part in (error.what, error.why, error.fix) if part)
        return kit.message(
            f"The events behind {title} could not be searched, {span_text}. {reason}",
            [
                kit.section(f":warning: *The events could not be searched*\n{reason}"),
                kit.context(f"Window: {window}"),
                *footer,
            ],
        )
    if not events:
        return kit.message(
            f"No events match {title}, {span_text}. {esc(note, 400) if note else ''}".rstrip(),
            [
                kit.section(":mag: *No matching events*"),
                kit.context(f"Searched {window} with the filter's own pattern. {_LATE}"),
                *footer,
            ],
        )
    shown = list(events[:SHOWN_EVENTS])
    more = max(total, len(events)) - len(shown)
    found = count(max(total, len(events)), "matching event")
    blocks = [
        kit.section(f":mag: *{found}*, {window}"),
        long_table(shown, offices, columns(alert, shown, names or {})),
    ]
    day = one_day(shown)
    notes = [f"{day}, times in UTC"] if day else []
    if more > 0:
        notes.append(f"*+{more:,} more*, older: {_how_to_see(alert, searched)}")
    if notes:
        blocks.append(kit.context(" · ".join(notes)))
    if why:
        said = "\n".join(plain_line(line) for line in why)
        blocks += [
            kit.section(f"*Why the newest matched* · {code(shown[0].id, 64)}"),
            kit.rich_text(kit.lines(said)),
        ]
    newest = event_sentence(shown[0], offices)
    rest = f" {count(more, 'older event')} not shown." if more > 0 else ""
    text = f"{found} behind {title}, {span_text}. Newest: {newest}.{rest}"
    return kit.message(text, [*blocks, *footer])


_LATE = "CloudTrail delivers within about 5 to 10 minutes."


def _how_to_see(alert: Alert, searched: tuple[datetime, datetime]) -> str:
    """Where the rest can be read: CloudWatch Logs' own console."""
    name = code(alert.fields.alarm_name, 120) if alert.fields.alarm_name else "the alarm"
    start, end = (f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" for moment in searched)
    return f"search the log group with the pattern of {name} from {start} to {end} UTC"


def _period(start: datetime, end: datetime) -> str:
    return f"{start.astimezone(UTC):%Y-%m-%d %H:%M} to {end.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
