"""Knows where an alert is spoken of: below its message, or in the thread of its storm.

Writes to the store only.
"""

from __future__ import annotations

from sqlalchemy import Connection

from handlers.blocks import kit
from handlers.blocks.kit import Message
from handlers.blocks.storm import of_alert
from handlers.deps import Deps
from handlers.request import Reply
from handlers.storms import message_key, thread_key
from trailwatch.alert import Alert
from trailwatch.store import outbox
from trailwatch.store.outbox import Outgoing


def reply(
    deps: Deps,
    tx: Connection,
    alert: Alert,
    key: str,
    message: Message | Reply,
    *,
    loud: bool = False,
    aside: bool = False,
    named: bool = False,
) -> None:
    """Say something of an alert in its thread; under the same key it is edited.

    loud: the channel sees it, too. aside: not worth saying where the alert has no message of its
    own. named: it is said of which alert it is, as it always is in a storm's thread.
    """
    parent, own = thread_key(tx, alert.id), message_key(alert.id)
    if aside and parent != own and not outbox.is_said(tx, own):
        return
    if parent != own or named:
        message = of_alert(alert, message.text, message.blocks)
    outgoing = Outgoing(
        key=f"{own}:{key}",
        lane=deps.sites.channel(alert.site),
        text=message.text,
        blocks=message.blocks,
        metadata={"alert_id": alert.id},
        thread_of=parent,
        broadcast=loud,
    )
    outbox.say(tx, outgoing, deps.clock())


def say_in_thread(
    deps: Deps,
    tx: Connection,
    alert: Alert,
    key: str,
    words: str,
    *,
    loud: bool = False,
    aside: bool = False,
) -> None:
    """Say a sentence, with names and reasons from outside, once for each key; else as `reply`."""
    message = kit.message(kit.esc(words, 2500), [kit.rich_text(kit.words(kit.plain(words, 2500)))])
    # In the channel it stands apart from the message that it is of.
    reply(deps, tx, alert, key, message, loud=loud, aside=aside, named=loud)
