"""Knows how the human behind an alert's events looks: in the message, and in its thread.

Every name, address and tool is text from outside.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.blocks import kit
from handlers.blocks.event_table import did, origin, since_shown, tool
from handlers.blocks.event_table import who as caller
from handlers.blocks.identity import not_asked
from handlers.blocks.kit import Block, Message, code, count, date, esc, plain, span
from trailwatch.alert import Alert
from trailwatch.event import Event
from trailwatch.profile import Kind
from trailwatch.who import Mfa, Who

SHOWN = 3
"""People in one message; whoever else there is stands in the table of events."""
MOST_NAMES = 12
_MFA = {
    Mfa.YES: "with a second factor",
    Mfa.NO: "no second factor",
    Mfa.UNKNOWN: "second factor unknown",
}
_FACTOR = {Mfa.YES: "Used", Mfa.NO: "Not used", Mfa.UNKNOWN: "Not known"}
_NEWS = {
    Kind.ITSELF: "not seen before",
    Kind.ADDRESS: "first time from this address",
    Kind.REGION: "first time in this region",
}


@dataclass(frozen=True)
class Seen:
    """One caller of an alert's events: the newest event of theirs, and how many there are.

    `did` is what the same session did within an hour of that event: the name of each call, how
    often it was made and how often refused; not `did_whole` where there is more. `news` is what was
    not seen of them before, in the records since `known_since`; without that nothing is new.
    """

    who: Who
    event: Event
    count: int
    did: Sequence[tuple[str, int, int]] = ()
    did_total: int = 0
    did_whole: bool = True
    news: Sequence[Kind] = ()
    known_since: datetime | None = None
    place: str = ""
    """Where the address is, by a file of the team's; text from outside like all else."""


def who_facts(seen: Seen, offices: Collection[str] = ()) -> str:
    """Who somebody is in one line of plain text, not escaped yet: kept with the alert."""
    who = seen.who
    name = plain(who.name, 80)
    if not who.sure:
        name = f"“{name}”"
    parts = [name, _how(who), *_way(who), _MFA[who.mfa], f"from {_origin(seen, offices)}"]
    parts += [f"with {tool(seen.event)}", _news(seen)]
    return plain(" · ".join(part for part in parts if part), 400)


def who_line(alert: Alert) -> list[Block]:
    """The line in an alert's message that says who it was; [] while that is not known."""
    facts = alert.extra.get("who", "")
    if not facts:
        return []
    others = alert.extra.get("who_others", "")
    word = "other" if others == "1" else "others"
    more = f" · *+{esc(others, 10)} {word}* in the thread" if others not in ("", "0") else ""
    return [kit.context(f":bust_in_silhouette: {esc(facts, 420)}{more}{_later(alert)}")]


def _later(alert: Alert) -> str:
    """Who else did something since, in the events that the message shows."""
    known = {caller(event) for event in alert.events}
    names = dict.fromkeys(caller(event) for event in since_shown(alert))
    others = [f"*{esc(name, 100)}*" for name in names if name not in known]
    return f" · later also {', '.join(others)}" if others else ""


def who_sentence(alert: Alert) -> str:
    """The same for screen readers."""
    facts = alert.extra.get("who", "")
    return f"Who: {esc(facts, 420)}{_later(alert).replace('*', '')}." if facts else ""


def who_message(
    alert: Alert,
    people: Sequence[Seen],
    total: int,
    offices: Collection[str] = (),
    *,
    unknown: str = "",
) -> Message:
    """Who is behind an alert's events: the first of `total` callers, the newest's first.

    unknown: a person's name in AWS that leads to nobody in Slack who could be asked.
    """
    shown = people[:SHOWN]
    blocks: list[Block] = []
    for number, seen in enumerate(shown):
        if number:
            blocks.append(kit.divider())
        blocks += _one(seen, offices)
    if total > len(shown):
        more = count(total - len(shown), "more caller")
        blocks.append(kit.context(f"*+{more}*: _Show events_ lists what they did"))
    if unknown:
        blocks.append(kit.context(f":speech_balloon: {not_asked(unknown)}"))
    title = esc(alert.title, 150)
    names = ", ".join(esc(seen.who.name, 80) for seen in shown)
    first = esc(who_facts(shown[0], offices), 420) if shown else ""
    return kit.message(f"Behind {title}: {names}. {first}.", blocks)


def _one(seen: Seen, offices: Collection[str]) -> list[Block]:
    who, event = seen.who, seen.event
    picture = "bust_in_silhouette" if who.sure else "grey_question"
    head = f":{picture}: *{esc(who.name, 100)}*"
    if how := _how(who):
        head += f" · {esc(how, 120)}"
    fields = kit.fields(
        [
            ("Through", " → ".join(code(step, 70) for step in who.steps)),
            ("Second factor", _FACTOR[who.mfa]),
            ("From", f"{code(_origin(seen, offices), 150)} in {code(event.region, 24)}"),
            ("With", esc(tool(event), 80)),
            ("New", _new(seen)),
            ("Events here", f"{seen.count:,}, newest {esc(did(event), 200)} {date(event.time)}"),
        ]
    )
    blocks = [kit.section(head, fields=fields)]
    if not who.sure:
        blocks.append(
            kit.context(":warning: Whoever calls chooses a session’s name: it proves nothing")
        )
    if seen.did:
        blocks.append(kit.rich_text(kit.words(*_did(seen))))
    return blocks


def _did(seen: Seen) -> list[str | tuple[str, str]]:
    """What else the session did, by name."""
    least = "" if seen.did_whole else "at least "
    words: list[str | tuple[str, str]] = [
        (f"Within the hour, the same session: {least}{count(seen.did_total, 'call')}", "bold"),
        " ",
    ]
    for number, (name, times, failed) in enumerate(seen.did[:MOST_NAMES]):
        words.append((f"{', ' if number else ''}", ""))
        words.append((plain(name, 64), "code"))
        refused = f", {failed:,} ✗" if failed and failed < times else " ✗" if failed else ""
        words.append(f" {times:,}×{refused}")
    if len(seen.did) > MOST_NAMES:
        words.append(f" … and {count(len(seen.did) - MOST_NAMES, 'other')}")
    return words


def _new(seen: Seen) -> str:
    said = _news(seen)
    return f":new: {said}" if said and _days(seen) else said


def _news(seen: Seen) -> str:
    """What is new of somebody, and in how much of a past; of less than a day nothing is."""
    if not seen.news or seen.known_since is None:
        return ""
    if not _days(seen):
        known = span(seen.event.time - seen.known_since)
        return f"too early to say what is new: the records begin {known} before"
    told = ", ".join(_NEWS[kind] for kind in seen.news)
    return f"{told} in {count(_days(seen), 'day')} of records"


def _days(seen: Seen) -> int:
    """How many days of records there are before an event."""
    known = seen.event.time - (seen.known_since or seen.event.time)
    return (known + timedelta(hours=1)) // timedelta(days=1)


def _origin(seen: Seen, offices: Collection[str]) -> str:
    """Where the call came from, and where that is."""
    found = origin(seen.event, offices)
    return f"{found}, {plain(seen.place, 60)}" if seen.place else found


def _how(who: Who) -> str:
    """What the name rests on, where the name does not say it: root is root."""
    return who.how if who.how != who.name else ""


def _way(who: Who) -> list[str]:
    return [f"role {' → '.join(plain(step, 64) for step in who.steps)}"] if who.steps else []
