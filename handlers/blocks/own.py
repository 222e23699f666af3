"""Knows how an alert says that we set it off, by an apply or a mute, and what else did. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from handlers.blocks import kit
from handlers.blocks.event_table import short_table, who
from handlers.blocks.kit import Block, Message, code, count, esc, label
from setup.own import Deed, Made
from trailwatch.alert import Alert
from trailwatch.event import Event

_DONE = {
    Deed.MUTE: "{about} was muted from Slack by {by}{why}",
    Deed.UNMUTE: "{by} ended the mute of {about} from Slack",
    Deed.TEST: "{by} had the test alarm {about} set off by /trailwatch migrate",
    Deed.TESTED: "the test alarm {about} of /trailwatch migrate, which {by} began, was taken away",
}


def done_from_slack(made: Sequence[Made]) -> str:
    """What somebody did from Slack that is no plan, in plain words that are not escaped."""
    return "; ".join(
        dict.fromkeys(_done(one) for one in made if one.deed is not Deed.APPLY),
    )


def _done(one: Made) -> str:
    about = label(one.about, 120)
    if one.deed is Deed.UNMUTE and not one.by:
        return f"the mute of {about} was over"
    why = f", reason: “{label(one.why, 200)}”" if one.why else ", without a reason"
    return _DONE[one.deed].format(about=about, by=label(one.by, 80), why=why)


def own_blocks(alert: Alert) -> list[Block]:
    """Whose the events are, where we made some; else nothing."""
    words = _words(alert)
    if not words:
        return []
    picture = ":warning:" if _strange(alert) else ":wrench:"
    return [kit.section(f"{picture} {words}"), *_notes(alert)]


def own_sentence(alert: Alert) -> str:
    """The same in plain words, "" where we are not behind the alert."""
    return _words(alert, marks=False)


def strange_message(
    alert: Alert, events: Sequence[Event], offices: Collection[str] = ()
) -> Message:
    """What is told anew when somebody else's event shows up behind an alert of ours."""
    shown = events[:5]
    names = ", ".join(dict.fromkeys(esc(who(event), 120) for event in shown))
    number = _strange(alert)
    ours = "trailwatch’s own" if alert.extra.get("own_done") else "of the plan"
    only = "trailwatch" if alert.extra.get("own_done") else "the plan"
    text = f"{count(number, 'event')} behind this alert {_are(number)} not {ours}: {names}."
    return kit.message(
        f":rotating_light: Not only {only}. {text}",
        [
            kit.section(f":rotating_light: *Not only {only}*: {text}"),
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
    if extra.get("own_done"):
        return _done_words(alert, ours, strange, bold)
    of = _plans(alert, marks=marks)
    by = esc(extra.get("own_by", ""), 120)
    if not strange and extra.get("own_whole") == "yes":
        whole = f"all {ours} events are calls" if ours > 1 else "the event is a call"
        return f"{bold}Set off by {of}{bold} that {by} applied: {whole} of that apply."
    of = f"{count(ours, 'event is', 'events are')} of {of}, which {by} applied."
    if not strange:
        return f"{of} Not all events could be looked at."
    return f"{bold}Not only an apply{bold}: {_others(strange, bold)} {of}"


def _done_words(alert: Alert, ours: int, strange: int, bold: str) -> str:
    """Whose the events are where something was done from Slack, beside plans or without."""
    extra = alert.extra
    done = esc(extra["own_done"], 700)
    if extra.get("own_plans"):
        done += f"; {_plans(alert, marks=bool(bold))} by {esc(extra.get('own_by', ''), 120)}"
    if not strange and extra.get("own_whole") == "yes":
        whole = f"All {ours} events are calls" if ours > 1 else "The event is a call"
        return f"{bold}Set off from Slack{bold}: {done}. {whole} of that."
    of = f"{count(ours, 'event is', 'events are')} of this: {done}."
    if not strange:
        return f"{of} Not all events could be looked at."
    return f"{bold}Not only trailwatch{bold}: {_others(strange, bold)} {of}"


def _plans(alert: Alert, *, marks: bool) -> str:
    ids = alert.extra.get("own_plans", "").split(",")
    shown = ", ".join(code(one, 20) if marks else esc(one, 20) for one in ids)
    return f"{'plans' if len(ids) > 1 else 'plan'} {shown}"


def _others(strange: int, bold: str) -> str:
    other = f"{count(strange, 'other event is', 'other events are')} {bold}not{bold}"
    return f"{other}, and {'stands' if strange == 1 else 'stand'} first."


def _notes(alert: Alert) -> list[Block]:
    extra = alert.extra
    if alert.count > int(extra.get("own_count", "1")):
        note = "It went off again since: _Show events_ tells by whom."
    else:
        note = "It is followed for a while: what somebody else does meanwhile is told here."
    if extra.get("own_done") and extra.get("own_whole") == "yes" and not _strange(alert):
        note = f"It was asked for here, so there is nothing to put back. {note}"
    return [kit.context(f":information_source: {note}")]
