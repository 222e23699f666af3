"""Knows how what could not be delivered looks, and how the bot is. Pure: sends nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handlers.blocks import kit
from handlers.blocks.kit import Block, Message, code, count, date, esc, span
from handlers.blocks.routes import channel
from trailwatch.letter import Letter, LetterKind

RESEND = "letters.resend"
SHOWN = 8

_WHAT = {
    LetterKind.DELIVERY: ("delivery", "deliveries", "came in and could not be handled"),
    LetterKind.JOB: ("job", "jobs", "failed behind the scenes"),
    LetterKind.MESSAGE: ("message", "messages", "could not be posted"),
}
_DUE = {
    "catch up": "look for missed deliveries",
    "digest": "digest",
    "drift": "look for drift",
    "prune": "removal of what is too old to keep",
    "reconcile": "look at all open alerts",
}
"""What schedules are called for people."""


@dataclass(frozen=True)
class Health:
    """How the bot is, as its store has it.

    waiting: rows that are not done by table ("inbox", "job", "message"); oldest: seconds that the
    oldest of them waits. lanes: channels with something to send, and how much. schedules: when
    each is due next.
    """

    open_alerts: int
    waiting: Mapping[str, int]
    oldest: Mapping[str, float]
    lanes: Mapping[str, int]
    letters: Sequence[Letter]
    last_webhook: datetime | None
    last_reconcile: datetime | None
    schedules: Mapping[str, datetime]
    lost: Mapping[str, tuple[str, datetime]] = field(default_factory=dict)
    away: Mapping[str, tuple[str, datetime]] = field(default_factory=dict)
    """On-call services that do not answer: the last error, and since when."""
    storms: Sequence[tuple[str, datetime, int]] = ()
    """Channels in which alerts share a message, since when and how many."""
    services: Sequence[str] = ()
    """What the on-call services are called; () where the topics tell the bot itself."""


def health_message(health: Health, now: datetime, digest: str, *, admin: bool) -> Message:
    """/trailwatch status. digest: when the digest is posted; admin: whether to offer Send again."""
    lines = [f":bell: {count(health.open_alerts, 'alert')} open."]
    lines += _letter_lines(health.letters)
    if not health.letters:
        lines.append(":white_check_mark: Everything that came in was taken and delivered.")
    lines += [
        f":warning: {channel(one)} takes nothing ({esc(error, 60)}) since {date(since)}."
        for one, (error, since) in health.lost.items()
    ]
    lines += [
        f":warning: {esc(name, 60)} could not be compared with since {date(since)}: "
        f"{esc(error, 200)}"
        for name, (error, since) in health.away.items()
    ]
    lines += [
        f":zap: A storm in {channel(one)} since {date(since)}: {count(number, 'alert')} in one "
        "message."
        for one, since, number in health.storms
    ]
    lines += _waiting(health)
    webhook = f"{date(health.last_webhook)}" if health.last_webhook else "none yet"
    compared = f"{date(health.last_reconcile)}" if health.last_reconcile else "not yet"
    services = " and ".join(esc(one, 60) for one in health.services)
    lines.append(
        f":satellite_antenna: Last delivery {webhook}; "
        + (
            f"last compared with {services} {compared}."
            if services
            else "there is no on-call service: SNS tells the bot itself, which keeps the alerts."
        )
    )
    due = ", ".join(
        f"{esc(_DUE.get(name, name), 60)} {date(when)}"
        for name, when in sorted(health.schedules.items(), key=lambda pair: (pair[1], pair[0]))
    )
    if due:
        lines.append(f":calendar: Due next: {due}.")
    lines.append(
        f"The digest is posted {esc(digest, 80)}. The pipeline in AWS: `/trailwatch setup status`"
    )
    blocks: list[Block] = [kit.section(kit.fit_lines(lines))]
    if health.letters and admin:
        blocks.append(resend_button(len(health.letters)))
    dead = count(len(health.letters), "dead letter")
    away = "".join(f" {esc(name, 60)} does not answer." for name in health.away)
    return kit.message(f"{count(health.open_alerts, 'alert')} open; {dead}.{away}", blocks)


def _waiting(health: Health) -> list[str]:
    parts = [
        f"{count(number, one, many)}{_since(health.oldest.get(table, 0.0))}"
        for table, one, many in (
            ("inbox", "delivery", "deliveries"),
            ("job", "job", "jobs"),
            ("message", "message", "messages"),
        )
        if (number := health.waiting.get(table, 0))
    ]
    lines = [f":hourglass_flowing_sand: Waiting: {', '.join(parts)}."] if parts else []
    shown = sorted(health.lanes.items(), key=lambda pair: (-pair[1], pair[0]))[:5]
    if shown:
        lanes = ", ".join(f"{channel(lane)} {number:,}" for lane, number in shown)
        more = f" and {len(health.lanes) - len(shown)} more" if len(health.lanes) > 5 else ""
        lines.append(f"To send: {lanes}{more}.")
    return lines


def _since(seconds: float) -> str:
    return f" (oldest {span(timedelta(seconds=round(seconds)))})" if seconds >= 10 else ""


def _letter_lines(letters: Sequence[Letter]) -> list[str]:
    lines = []
    for kind, (one, many, words) in _WHAT.items():
        mine = [letter for letter in letters if letter.kind is kind]
        if not mine:
            continue
        lines.append(f":warning: *{count(len(mine), one, many)}* {words}:")
        lines += [
            f"• {code(letter.id)} {code(letter.what, 80)} {esc(letter.error, 200)}"
            for letter in mine[:SHOWN]
        ]
        if len(mine) > SHOWN:
            lines.append(f"… {len(mine) - SHOWN} more")
    return lines


def letters_told(letters: Sequence[Letter], now: datetime) -> Message:
    """What an admin is told in private: how many letters are dead, which, and what to do."""
    text = f"{count(len(letters), 'thing')} could not be delivered."
    lines = [
        f":rotating_light: *{text}*",
        *_letter_lines(letters),
        "Try again: `/trailwatch resend ID` or `resend all`. As of " + date(now),
    ]
    return kit.message(text, [kit.section(kit.fit_lines(lines)), resend_button(len(letters))])


def lost_told(lost: str, word: str, default: str, now: datetime) -> Message:
    """What an admin is told when a channel takes nothing any more."""
    why = {
        "is_archived": "it is archived",
        "not_in_channel": "the bot is no longer in it",
        "channel_not_found": "it is gone, or private and the bot is not in it",
    }.get(word, esc(word, 60))
    if lost == default:
        what = "It is the default channel, so nothing stands in for it: alerts wait as dead letters"
    else:
        what = f"Its alerts go to {channel(default)} meanwhile"
    text = f"Nothing can be posted in {channel(lost)}: {why}."
    fix = "Invite the bot, or unarchive the channel; it is tried again within the hour."
    line = f":rotating_light: {text} {what}. {fix} ({date(now)})"
    return kit.message(text, [kit.section(line)])


def resend_button(number: int) -> Block:
    """[Send again] for all dead letters."""
    ask = kit.confirm(
        "Try all of it again?",
        f"{count(number, 'dead letter')} will be tried again. What may stand in Slack already is "
        "looked for first.",
        "Try again",
        "Leave it",
    )
    return kit.actions(kit.button("Send again", RESEND, "all", confirm=ask))
