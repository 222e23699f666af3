"""Knows how `setup lint` looks: findings by rule, worst first, each with why and mend. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from handlers.blocks import kit
from handlers.blocks.kit import Block, Message, Word, code, count, date, esc, plain

if TYPE_CHECKING:
    from setup.lint.chain import Chain
    from setup.lint.rule import Finding

_MOST_RULES = 20
_MOST_OF_ONE = 5
_PICTURE = {"error": "red_circle", "warning": "large_yellow_circle", "note": "information_source"}
_MORE = "trailwatch lint --live"


def lint_message(chain: Chain, findings: Sequence[Finding], checked_at: datetime) -> Message:
    """What is wrong in a site's region, and what was looked at."""
    site = chain.source
    origin = kit.context(f"site {code(site, 60)} · {_seen(chain)} · checked {date(checked_at)}")
    limits = [
        kit.context(f"Not looked at: {esc('; '.join(chain.unread[:8]), 1000)}")
        for _ in chain.unread[:1]
    ]
    if not findings:
        empty = chain.empty
        line = (
            ":grey_question: *No trail, metric filter or alarm stands here yet.*"
            if empty
            else ":white_check_mark: *Nothing to mend*, from the trail to who is told"
        )
        said = "nothing stands here yet" if empty else "nothing to mend"
        text = f"Lint of {esc(site, 60)}: {said}."
        return kit.message(text, [kit.section(line), *limits, origin])
    total = _total(findings)
    blocks = [kit.section(f"*{total}*")]
    groups = [list(group) for _, group in groupby(findings, _group)]
    blocks.extend(_rule(group) for group in groups[:_MOST_RULES])
    if len(groups) > _MOST_RULES:
        left = count(len(groups) - _MOST_RULES, "more kind of finding", "more kinds of findings")
        blocks.append(kit.context(f"… {left}: {code(_MORE)} shows all"))
    named = "; ".join(esc(one.message, 200) for one in findings[:3])
    text = f"Lint of {esc(site, 60)}: {total}. {named}"
    return kit.message(text, [*blocks, *limits, origin])


def _group(one: Finding) -> tuple[str, str]:
    return (one.severity.value, one.rule.id)


def _total(findings: Sequence[Finding]) -> str:
    counts = [(kind, sum(one.severity == kind for one in findings)) for kind in _PICTURE]
    return ", ".join(count(number, kind) for kind, number in counts if number)


def _rule(group: Sequence[Finding]) -> Block:
    """One rule with what breaks it. Names and patterns are a stranger's, so all is rich text."""
    first = group[0]
    rule = first.rule
    items: list[list[Word]] = [[plain(one.message, 400)] for one in group[:_MOST_OF_ONE]]
    if len(group) > _MOST_OF_ONE:
        items.append([(f"… {len(group) - _MOST_OF_ONE:,} more", "italic")])
    mends = list(dict.fromkeys(one.mend for one in group))
    mend = mends[0] if len(mends) == 1 else rule.mend
    head = kit.words(
        kit.emoji(_PICTURE[first.severity]), " ", (rule.title, "bold"), " ", (rule.id, "code")
    )
    tail = kit.words(f"{rule.why} ", kit.emoji("bulb"), f" {plain(mend, 500)}")
    return kit.rich_text(head, kit.listing(items), tail)


def _seen(chain: Chain) -> str:
    return ", ".join(
        (
            count(len(chain.trails), "trail"),
            count(len(chain.filters), "metric filter"),
            count(len(chain.alarms), "alarm"),
        )
    )
