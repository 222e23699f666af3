"""Knows how a filter pattern looks: its check, its explanation, what it matched. Runs none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from handlers.blocks import kit
from handlers.blocks.event_table import long_table
from handlers.blocks.kit import Message, code, count, date, esc, plain
from trailwatch.event import Event
from trailwatch.pattern import Lint
from trailwatch.pattern.pointing import pointed

SHOWN_FINDINGS = 8
SHOWN_EVENTS = 20
PATTERN_TEXT = 1100
"""Characters; CloudWatch Logs takes 1024."""


def pattern_refused(pattern: str, error: str, at: int) -> Message:
    """A pattern that CloudWatch Logs refuses, with a caret below the place where it is wrong."""
    reason = esc(error, 400)
    return kit.message(
        f"CloudWatch Logs refuses this pattern at column {at + 1}: {reason}",
        [
            kit.section(f":x: *{reason}* at column {at + 1}"),
            kit.rich_text(kit.lines(pointed(pattern, at))),
        ],
    )


def pattern_taken(
    pattern: str, findings: Sequence[Lint], clauses: Sequence[str] = (), of: str = ""
) -> Message:
    """A pattern that is taken: what it says in English where asked for, and what is dubious.

    of: the id of the detection whose pattern it is, "" where it was typed.
    """
    which = f"the pattern of the detection {code(of)}" if of else "this pattern"
    head = f":white_check_mark: CloudWatch Logs takes {which}."
    blocks = [kit.section(head), kit.rich_text(kit.lines(plain(pattern, PATTERN_TEXT)))]
    if clauses:
        said = "\n".join(plain_line(line) for line in clauses)
        blocks += [kit.section("*It matches when*"), kit.rich_text(kit.lines(said))]
    for finding in findings[:SHOWN_FINDINGS]:
        blocks.append(kit.section(f":warning: column {finding.at + 1}: {esc(finding.why, 400)}"))
        if finding.instead:
            blocks.append(kit.rich_text(kit.lines(plain(finding.instead, PATTERN_TEXT))))
    if len(findings) > SHOWN_FINDINGS:
        more = count(len(findings) - SHOWN_FINDINGS, "more finding")
        blocks.append(kit.context(f"… {more}"))
    dubious = f" {count(len(findings), 'finding')}." if findings else ""
    return kit.message(f"CloudWatch Logs takes {which}.{dubious}", blocks)


def pattern_explained(
    pattern: str, event_id: str, matches: bool, clauses: Sequence[str], of: str = ""
) -> Message:
    """Why a pattern matches one event, or doesn't, clause by clause. of: as above."""
    which = f"The pattern of the detection {code(of)}" if of else "The pattern"
    verdict = "matches" if matches else "does not match"
    picture = "white_check_mark" if matches else "no_entry_sign"
    said = "\n".join(plain_line(line) for line in clauses)
    return kit.message(
        f"{which} {verdict} event {esc(event_id, 64)}.",
        [
            kit.section(f":{picture}: *{which} {verdict}* event {code(event_id, 64)}"),
            kit.rich_text(kit.lines(plain(pattern, PATTERN_TEXT))),
            kit.rich_text(kit.lines(said)),
        ],
    )


def plain_line(line: str) -> str:
    """A line of an explanation, its indentation kept."""
    text = line.lstrip(" ")
    return " " * (len(line) - len(text)) + plain(text, 1200)


def pattern_matches(
    pattern: str,
    events: Sequence[Event],
    searched: tuple[datetime, datetime],
    *,
    complete: bool,
    offices: Collection[str] = (),
    of: str = "",
) -> Message:
    """The newest events that a pattern matches in the log group.

    of: the id of the detection whose pattern it is, "" where it was typed.
    """
    which = f"the pattern of the detection {code(of)}" if of else "this pattern"
    window = f"{date(searched[0])} to {date(searched[1])}"
    more = "" if complete else " at least, the search stopped at its limit"
    found = f"{count(len(events), 'event')}{more}"
    blocks = [
        kit.section(f":mag: *{found}* from {window}" + (f" · {which}" if of else "")),
        kit.rich_text(kit.lines(plain(pattern, PATTERN_TEXT))),
    ]
    if events:
        blocks.append(long_table(events[:SHOWN_EVENTS], offices))
    verb = "matches" if len(events) == 1 else "match"
    return kit.message(f"{found} {verb} {which}.", blocks)
