"""Knows how what goes on while an alarm is on looks: totals in the message, pairs in its thread."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.blocks import kit
from handlers.blocks.kit import SECTION_TEXT, Block, Message, code, count, date, esc, utc
from trailwatch.alert import Alert
from trailwatch.clock import parse_time
from trailwatch.follow_up import MOST_TARGETS, Pair

AT_ONCE = 30
"""Pairs in one message of the thread."""


def totals_line(alert: Alert) -> list[Block]:
    """How much there was since the alarm went off, where that is more than the events shown."""
    words = _totals(alert)
    return [kit.context(f":repeat: {words}")] if words else []


def totals_sentence(alert: Alert) -> str:
    """The same in plain words; "" where there is nothing to add."""
    return _totals(alert, marks=False)


def _totals(alert: Alert, *, marks: bool = True) -> str:
    extra = alert.extra
    total = int(extra.get("follow_total", "0"))
    if total <= len(alert.events):
        return ""
    pairs = int(extra.get("follow_pairs", "0"))
    people = int(extra.get("follow_principals", "0"))
    last = parse_time(extra["follow_last"])
    bold = "*" if marks else ""
    when = date(last) if marks else utc(last)
    so_far = "in all" if extra.get("follow_over") else "so far"
    return (
        f"{bold}{count(total, 'event')}{bold} {so_far} by {count(people, 'principal')}, the last "
        f"{when}; {count(pairs, 'kind')} of call, each new one in the thread."
    )


def pairs_message(pairs: Sequence[Pair], *, several_accounts: bool = False) -> Message:
    """Pairs that are new, for the thread: every one of them stands there."""
    title = f"{count(len(pairs), 'new pair')} of principal and event since the alarm went off"
    sections: list[Block] = [kit.section(f":heavy_plus_sign: *{title}*")]
    text = ""
    for pair in pairs:
        line = _line(pair, several_accounts)
        if text and len(text) + 1 + len(line) > SECTION_TEXT:
            sections.append(kit.section(text))
            text = ""
        text = f"{text}\n{line}".lstrip("\n")
    first = pairs[0]
    words = f"{title}: {esc(first.principal, 150)}: {esc(first.event, 64)}"
    words += _targets(first, marks=False)
    words += f" and {count(len(pairs) - 1, 'other')}." if len(pairs) > 1 else "."
    return kit.message(words, [*sections, kit.section(text)])


def _targets(pair: Pair, *, marks: bool = True) -> str:
    """ " → `eve`, `mallory` and others"; "" where the events name nothing."""
    shown = pair.targets[:MOST_TARGETS]
    named = ", ".join(code(one, 120) if marks else esc(one, 120) for one in shown)
    more = " and others" if len(pair.targets) > MOST_TARGETS else ""
    return f" → {named}{more}" if named else ""


def _line(pair: Pair, several_accounts: bool) -> str:
    times = f" {pair.count:,} times" if pair.count > 1 else ""
    where = f" from {code(pair.address, 64)}" if pair.address else ""
    account = f" in {code(pair.account, 20)}" if several_accounts and pair.account else ""
    result = "" if pair.result == "ok" else f" ({esc(pair.result, 64)})"
    return (
        f"• *{esc(pair.principal, 150)}* {code(pair.event, 64)}{times}{_targets(pair)}{where}"
        f"{account}{result}, {date(pair.first_at)}"
    )
