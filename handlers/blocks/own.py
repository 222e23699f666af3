"""Knows how an alert says that an apply of ours set it off, and what else did. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from handlers.blocks import kit
from handlers.blocks.event_table import short_table, who
from handlers.blocks.kit import Block, Message, code, count, esc
from trailwatch.alert import Alert
from trailwatch.event import Event


def own_blocks(alert: Alert) -> list[Block]:
    """Whose the events are, where an apply of ours made some; else nothing."""
    words = _words(alert)
    if not words:
        return []
    picture = ":warning:" if _strange(alert) else ":wrench:"
    return [kit.section(f"{picture} {words}"), *_notes(alert)]


def own_sentence(alert: Alert) -> str:
    """The same in plain words, "" where no apply is behind the alert."""
    return _words(alert, marks=False)


def strange_message(
    alert: Alert, events: Sequence[Event], offices: Collection[str] = ()
) -> Message:
    """What is told anew when somebody else's event shows up behind an alert of an apply's."""
    shown = events[:5]
    names = ", ".join(dict.fromkeys(esc(who(event), 120) for event in shown))
    number = _strange(alert)
    text = f"{count(number, 'event')} behind this alert {_are(number)} not of the plan: {names}."
    return kit.message(
        f":rotating_light: Not only the plan. {text}",
        [
            kit.section(f":rotating_light: *Not only the plan*: {text}"),
            *([short_table(shown, offices)] if shown else []),
        ],
    )


def _strange(alert: Alert) -> int:
    return int(alert.extra.get("own_strange", "0"))


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _words(alert: Alert, *, marks: bool = True) -> str:
    extra = alert.extra
    ours, strange = int(extra.get("own_events", "0")), _strange(alert)
    if not ours:
        return ""
    bold = "*" if marks else ""
    ids = extra.get("own_plans", "").split(",")
    shown = ", ".join(code(one, 20) if marks else esc(one, 20) for one in ids)
    plan = f"{'plans' if len(ids) > 1 else 'plan'} {shown}"
    by = esc(extra.get("own_by", ""), 120)
    if not strange and extra.get("own_whole") == "yes":
        whole = f"all {ours} events are calls" if ours > 1 else "the event is a call"
        return f"{bold}Set off by {plan}{bold} that {by} applied: {whole} of that apply."
    of = f"{count(ours, 'event is', 'events are')} of {plan}, which {by} applied."
    if not strange:
        return f"{of} Not all events could be looked at."
    other = f"{count(strange, 'other event is', 'other events are')} {bold}not{bold}"
    stand = "stands" if strange == 1 else "stand"
    return f"{bold}Not only an apply{bold}: {other}, and {stand} first. {of}"


def _notes(alert: Alert) -> list[Block]:
    again = alert.count > int(alert.extra.get("own_count", "1"))
    if again:
        note = "It went off again since: _Show events_ tells by whom."
    else:
        note = "It is followed for a while: what somebody else does meanwhile is told here."
    return [kit.context(f":information_source: {note}")]
