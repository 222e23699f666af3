"""Knows how `setup status` looks: what stands, the problems first with their fix. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from handlers.blocks import kit
from handlers.blocks.kit import Message, Word, code, count, date, esc, plain, utc
from setup.change import LABELS
from trailwatch.clock import parse_time

if TYPE_CHECKING:
    from setup.status import ResourceStatus

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_MOST_PROBLEMS = 10
_MOST_ROWS = 60
_ORDER = {"missing": 0, "differs": 1, "ok": 2}
_PICTURE = {"missing": "x", "differs": "warning"}
_WORD = {"missing": "✗ missing", "differs": "≠ differs", "ok": "ok"}
_FIX = "/trailwatch setup plan"
_DRIFT = "/trailwatch setup drift"


def status_message(
    statuses: Sequence[ResourceStatus], site: str, checked_at: datetime, *, several: bool = False
) -> Message:
    """What stands in a site. Problems come first; a plan is what mends them.

    several: whether there are other sites, so that the command which mends has to name this one.
    """
    ranked = sorted(statuses, key=lambda status: _ORDER.get(status.state, 0))
    bad = [status for status in ranked if status.state != "ok"]
    good = len(ranked) - len(bad)
    # A plan holds no mute rules; drift's does.
    how = _DRIFT if any(status.kind == "mute_rule" for status in bad) else _FIX
    mend = f"{how} --site {plain(site, 60)}" if several else how
    origin = kit.context(f"site {code(site, 60)} · checked {date(checked_at)}")
    if all(status.state == "missing" for status in ranked):
        bare = nothing_message(site, several=several)
        return kit.message(bare.text, [*bare.blocks, origin])
    blocks = [
        kit.section(
            f":white_check_mark: *All {count(good, 'resource')} as wanted*"
            if not bad
            else f":warning: *{count(len(bad), 'problem')}*, {good:,} as wanted"
        )
    ]
    if bad:
        items = [_problem(status) for status in bad[:_MOST_PROBLEMS]]
        if len(bad) > _MOST_PROBLEMS:
            items.append([(f"… {len(bad) - _MOST_PROBLEMS:,} more, see the table", "italic")])
        fix = kit.words(kit.emoji("bulb"), " ", (mend, "code"), " shows what mends it")
        blocks.append(kit.rich_text(kit.listing(items), fix))
    rows = [
        [
            _kind(status.kind),
            plain(status.name, 80),
            _WORD.get(status.state, status.state),
            _facts(status),
        ]
        for status in ranked[:_MOST_ROWS]
    ]
    blocks.append(kit.table(["Kind", "Name", "State", "Facts"], rows, wrap=(1, 3)))
    if len(ranked) > len(rows):
        blocks.append(kit.context(f"… {count(len(ranked) - len(rows), 'more resource')}"))
    blocks.append(origin)
    return kit.message(_sentence(site, bad, good, mend), blocks)


def nothing_message(site: str, *, several: bool = False) -> Message:
    """That a site has no pipeline, whoever asks what it says or covers. several: as above."""
    plan = f"{_FIX} --site {plain(site, 60)}" if several else _FIX
    text = f"Nothing is set up in {esc(site, 60)} yet: {esc(plan, 120)} shows what would be made."
    line = f":grey_question: *Nothing is set up yet.* {code(plan, 120)} shows what would be made."
    return kit.message(text, [kit.section(line)])


def down_message(
    plan_id: str,
    by: str,
    at: datetime,
    site: str,
    *,
    stays: Sequence[ResourceStatus] = (),
    several: bool = False,
) -> Message:
    """A pipeline that a plan took down, who did and when; `stays`: what is there all the same."""
    again = f"{_FIX} --site {plain(site, 60)}" if several else _FIX
    there = [f"{_kind(one.kind)} {plain(one.name, 80)}" for one in stays if one.state != "missing"]
    kept = f" Still there: {esc(', '.join(there), 1000)}." if there else ""
    who = f"by {esc(by, 80)} with plan"
    text = (
        f"The pipeline of {esc(site, 60)} was taken down {who} {esc(plan_id, 20)}.{kept} "
        f"{esc(again, 120)} shows what would be made."
    )
    line = (
        f":wastebasket: *Taken down* {who} {code(plan_id, 20)}, {date(at)}.{kept} "
        f"{code(again, 120)} shows what would be made."
    )
    return kit.message(text, [kit.section(line), kit.context(f"site {code(site, 60)}")])


def _problem(status: ResourceStatus) -> list[Word]:
    picture = kit.emoji(_PICTURE.get(status.state, "warning"))
    kind = f" {_kind(status.kind)} "
    name: Word = (plain(status.name, 120), "code")
    return [picture, kind, name, f" {plain(status.detail or status.state, 200)}"]


def _kind(kind: str) -> str:
    return plain(LABELS.get(kind, kind.replace("_", " ")), 60)


def _facts(status: ResourceStatus) -> str:
    """What is known of a resource in a few words."""
    shown = ", ".join(f"{key}: {_fact(value)}" for key, value in status.facts.items())
    return plain(shown or (status.detail if status.state == "ok" else ""), 200)


def _fact(value: str) -> str:
    """A fact as people read it: a moment without its parts of a second."""
    if not _MOMENT.fullmatch(value):
        return value
    return utc(parse_time(value))


def _sentence(site: str, bad: Sequence[ResourceStatus], good: int, mend: str) -> str:
    if not bad:
        return f"Status of {esc(site, 60)}: all {count(good, 'resource')} as wanted."
    named = "; ".join(
        " ".join(esc(part, 120) for part in (_kind(s.kind), s.name, s.detail or s.state))
        for s in bad[:5]
    )
    return (
        f"Status of {esc(site, 60)}: {count(len(bad), 'problem')}, {good:,} as wanted. "
        f"{named}. {esc(mend, 120)} shows what mends it."
    )
