"""Knows how a muted alarm is announced and listed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from handlers.blocks import kit
from handlers.blocks.kit import Message, code, count, date, esc, utc

if TYPE_CHECKING:
    from trailwatch.store.mutes import Mute

END = "mute.end"


def mute_message(mute: Mute, services: Sequence[str] = ()) -> Message:
    """What the channel is told of a mute: that it began, who keeps quiet, that it is over.

    services: what the on-call services of its site are called; () where it has none.
    """
    name, by = code(mute.name, 120), esc(mute.by, 80)
    because = f" because: “{esc(mute.why, 500)}”" if mute.why else ""
    if mute.ended_at is not None:
        text = f":bell: {name} is no longer muted{_ended(mute)}."
        return kit.message(f"{esc(mute.name, 120)} is no longer muted.", [kit.section(text)])
    text = f":no_bell: {by} muted {name} until {date(mute.until)}{because}."
    button = kit.button("End it now", END, mute.id)
    return kit.message(
        f"{by} muted {esc(mute.name, 120)} until {utc(mute.until)}{because}.",
        [kit.section(text), kit.context(_way(mute, services)), kit.actions(button)],
    )


def end_message(mute: Mute) -> Message:
    """What the channel is told when a mute is over."""
    text = f"{esc(mute.name, 120)} is no longer muted{_ended(mute)}."
    return kit.message(text, [kit.section(f":bell: {text}")])


def failure_message(mute: Mute, why: str) -> Message:
    """What the channel is told when a mute could not be ended."""
    text = f"{esc(mute.name, 120)} is still muted: {esc(why, 500)}"
    ends = f"It ends by itself {date(mute.until)}."
    return kit.message(text, [kit.section(f":warning: {text}"), kit.context(ends)])


def mutes_message(
    mutes: Sequence[Mute], services: Mapping[str, Sequence[str]] | None = None
) -> Message:
    """The alarms that are muted now, each with a way to end it. services: those of each site."""
    if not mutes:
        return kit.message("No alarm is muted.", [kit.section("No alarm is muted.")])
    title = f"{count(len(mutes), 'alarm')} muted"
    blocks = [kit.header(title)]
    for mute in mutes[:20]:
        because = f" · “{esc(mute.why, 200)}”" if mute.why else ""
        line = (
            f"{code(mute.name, 120)} until {date(mute.until)}, by {esc(mute.by, 80)}{because}\n"
            f"{_way(mute, (services or {}).get(mute.site, ()))}"
        )
        blocks += [kit.section(line), kit.actions(kit.button("End it now", END, mute.id))]
    if len(mutes) > 20:
        blocks.append(kit.context(f"… {len(mutes) - 20} more: `/trailwatch mutes end ALARM`"))
    names = ", ".join(esc(mute.name, 80) for mute in mutes[:20])
    return kit.message(f"{title}: {names}.", blocks)


def _way(mute: Mute, services: Sequence[str]) -> str:
    told = " and ".join(services)
    calls = "is told and calls" if len(services) == 1 else "are told and call"
    return {
        "cloudwatch": "CloudWatch keeps quiet: nobody is told"
        + (f", by {told} or here." if told else "."),
        "bot": f":warning: Only Slack is quiet: {told} {calls} as ever."
        if told
        else "The bot keeps quiet: nobody is told.",
    }.get(mute.way, "It is being asked for.")


def _ended(mute: Mute) -> str:
    by = f": {esc(mute.ended_by, 80)} ended it" if mute.ended_by else ": its time is over"
    held = f"; {count(mute.held, 'alert')} came meanwhile" if mute.held else ""
    return f"{by}{held}"
