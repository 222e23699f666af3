"""Knows what follows when something cannot be delivered: another channel, and an admin is told.

Writes to the store only. What tells of a trouble never causes another word about itself.
"""

from __future__ import annotations

import logging

from sqlalchemy import Connection

from handlers.access import Role
from handlers.blocks.troubles import letters_told, lost_told
from handlers.channels import all_channels
from handlers.deps import Deps
from trailwatch.store import channels, letters, outbox
from trailwatch.store.outbox import MessageState, Outgoing, Sent

log = logging.getLogger(__name__)

LOST = frozenset({"channel_not_found", "is_archived", "not_in_channel"})
"""Slack's words for a channel that is deleted, archived or left ("chat.postMessage" in its
reference)."""
MOVES = ("alert:", "storm:", "digest:", "drift:")
"""What is said of itself moves to the default channel; answers to somebody stay where they are."""
OWN = "trouble:"
"""What the keys of messages to admins begin with."""
MOST_ADMINS = 10


def message_failed(deps: Deps, sent: Sent) -> None:
    """A message died, or a person must find out what became of it.

    In a channel that is lost it goes to the default one, and admins are told once of the
    channel; else they are told of the dead letter.
    """
    if sent.key.startswith(OWN):
        return
    # Who the admins are may have to be asked of Slack: before the transaction.
    told = admins(deps)
    word = _word(sent)
    lost = _is_lost(deps, sent)
    with deps.db.transaction() as tx:
        news = lost and channels.lose(tx, sent.lane, word, deps.clock())
        # Channels before people, so that two of these never wait for each other's lanes.
        moved = lost and _moved(deps, tx, sent)
        if news:
            log.warning("channel %s is lost: %s", sent.lane, word)
            _tell_lost(deps, tx, sent.lane, word, told)
        if not moved:
            tell_letters(deps, tx, told)


def sweep(deps: Deps) -> None:
    """Move what still lies dead in a lost channel: whoever had to was killed before."""
    with deps.db.reading() as tx:
        left = [one for one in outbox.dead(tx) if _is_lost(deps, one) and _moves(deps, one)]
    for sent in left:
        message_failed(deps, sent)


def work_failed(deps: Deps) -> None:
    """A delivery or a job failed for good: admins are told."""
    told = admins(deps)
    with deps.db.transaction() as tx:
        tell_letters(deps, tx, told)


def _moved(deps: Deps, tx: Connection, sent: Sent) -> bool:
    """Whether the message goes to the default channel now, with the one whose thread it is in."""
    if not _moves(deps, sent):
        return False
    if sent.thread_of is not None:
        parent = outbox.find(tx, sent.thread_of)
        if parent is not None and parent.lane != deps.channel:
            outbox.reroute(tx, parent.key, deps.channel, deps.clock())
    return outbox.reroute(tx, sent.key, deps.channel, deps.clock())


def _word(sent: Sent) -> str:
    return sent.error.partition(":")[0].strip()


def _is_lost(deps: Deps, sent: Sent) -> bool:
    """Whether a message died of its channel, which is one of the settings'."""
    dead = sent.state is MessageState.DEAD and _word(sent) in LOST
    return dead and sent.lane in all_channels(deps)


def _moves(deps: Deps, sent: Sent) -> bool:
    return sent.lane != deps.channel and sent.key.startswith(MOVES)


def _tell_lost(deps: Deps, tx: Connection, channel: str, word: str, told: tuple[str, ...]) -> None:
    now = deps.clock()
    message = lost_told(channel, word, deps.channel, now)
    for admin in told:
        key = f"{OWN}channel:{channel}:{now.isoformat()}:{admin}"
        outbox.say(tx, Outgoing(key, admin, message.text, message.blocks), now)


def tell_letters(deps: Deps, tx: Connection, told: tuple[str, ...]) -> None:
    """One direct message an hour to each admin, which counts what is dead and is kept up to date.

    The hour is that of the first of its letters, so that a flood of them is one message.
    """
    now = deps.clock()
    dead = [one for one in letters.dead(tx) if not one.key.startswith(OWN)]
    if not dead:
        return
    message = letters_told(dead, now)
    for admin in told:
        key = f"{OWN}letters:{now:%Y-%m-%dT%H}:{admin}"
        outbox.say(tx, Outgoing(key, admin, message.text, message.blocks), now)


def admins(deps: Deps) -> tuple[str, ...]:
    """The ids of the people who are admins, at most ten; of groups Slack is asked."""
    found: list[str] = []
    for who, role in deps.people.roles().items():
        if role is not Role.ADMIN:
            continue
        if who.startswith(("U", "W")):
            found.append(who)
        else:
            found += deps.people.members(who)
    return tuple(sorted(set(found)))[:MOST_ADMINS]
