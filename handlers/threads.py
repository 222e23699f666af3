"""Knows what is said in the thread of an alert's message about what was done. Sends nothing."""

from __future__ import annotations

from sqlalchemy import Connection

from handlers.blocks import kit
from handlers.deps import Deps
from handlers.intake import message_key
from trailwatch.alert import Alert
from trailwatch.store import outbox
from trailwatch.store.outbox import Outgoing


def say_in_thread(
    deps: Deps, tx: Connection, alert: Alert, key: str, words: str, *, loud: bool = False
) -> None:
    """Say a sentence, with names and reasons from outside, once for each key.

    loud: the channel sees it, too.
    """
    message = kit.message(kit.esc(words, 2500), [kit.rich_text(kit.words(kit.plain(words, 2500)))])
    outgoing = Outgoing(
        key=f"{message_key(alert.id)}:{key}",
        lane=deps.sites.channel(alert.site),
        text=message.text,
        blocks=message.blocks,
        metadata={"alert_id": alert.id},
        thread_of=message_key(alert.id),
        broadcast=loud,
    )
    outbox.say(tx, outgoing, deps.clock())
