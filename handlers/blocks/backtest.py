"""Knows how a backtest looks: what each detection would have found and told. Runs none."""

from __future__ import annotations

from datetime import datetime

from handlers.blocks import kit
from handlers.blocks.kit import Message, code, count, date, esc, plain
from trailwatch.backtest import Backtest, Found

SHOWN = 30
SHOWN_PROBLEMS = 5


CANCEL = "backtest.cancel"
"""The action id of the button that stops a backtest."""


def backtest_running(what: str, records: int, matches: int, job: int) -> Message:
    """How far a backtest is; the same message shows the result in the end.

    job: the id of the job that runs it, for the button Cancel.
    """
    text = f"Backtest of {esc(what, 100)}: {count(records, 'record')} read, {_matching(matches)}."
    cancel = kit.button("Cancel", CANCEL, str(job))
    return kit.message(text, [kit.section(f":hourglass_flowing_sand: {text}"), kit.actions(cancel)])


def _matching(matches: int) -> str:
    return f"{matches:,} {'matches' if matches == 1 else 'match'}"


def backtest_message(
    what: str, result: Backtest, now: datetime, by: str, stopped_by: str = ""
) -> Message:
    """What an archive gave: totals, and a row for each detection that matched.

    by: who asked; stopped_by: why this is only a part, as "Cancelled by bob".
    """
    hits = sorted((one for one in result.found if one.matches), key=lambda one: -one.matches)
    alarms = sum(len(one.alarms) for one in hits)
    hidden = sum(one.hidden for one in hits)
    totals = (
        f"{count(result.records, 'record')} in {count(result.files, 'file')}: "
        f"{count(result.matches, 'match', 'matches')}, "
        f"{count(alarms, 'alarm')} would have gone off, "
        f"{count(hidden, 'event')} hidden while one was on"
    )
    since = f" since {date(result.since)}" if result.since else ""
    blocks = [
        kit.header(f":mag: Backtest of {kit.label(what, 100)}"),
        kit.section(f"{totals}{since}."),
    ]
    if hits:
        head = ("Detection", "Severity", "Matches", "Alarms", "Hidden", "Who", "First", "Last")
        rows = [_row(one) for one in hits[:SHOWN]]
        blocks.append(kit.table(head, rows, wrap=(0, 5), right=(2, 3, 4)))
    if len(hits) > SHOWN:
        blocks.append(kit.context(f"… {count(len(hits) - SHOWN, 'more detection')} matched"))
    silent = len(result.found) - len(hits)
    why = esc(stopped_by or "Stopped before the end", 120)
    stopped = "" if result.complete else f" {why}: this is a part."
    blocks.append(
        kit.context(f"{count(silent, 'detection')} silent · asked by {esc(by, 80)}.{stopped}")
    )
    for problem in result.problems[:SHOWN_PROBLEMS]:
        blocks.append(
            kit.context(f":warning: {code(problem.name, 120)}: {esc(problem.reason, 200)}")
        )
    if len(result.problems) > SHOWN_PROBLEMS:
        more = len(result.problems) - SHOWN_PROBLEMS
        blocks.append(kit.context(f":warning: {more:,} more could not be read"))
    return kit.message(f"Backtest of {esc(what, 100)}: {totals}.{stopped}", blocks)


def _row(one: Found) -> list[str]:
    who = ", ".join(f"{plain(share.name, 60)} ({share.events:,}×)" for share in one.principals[:3])
    return [
        plain(one.subject.title or one.subject.id, 80),
        plain(one.subject.severity, 4),
        f"{one.matches:,}",
        f"{len(one.alarms):,}",
        f"{one.hidden:,}",
        who,
        f"{one.first:%m-%d %H:%M}" if one.first else "",
        f"{one.last:%m-%d %H:%M}" if one.last else "",
    ]
