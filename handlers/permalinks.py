"""Knows the address of the message in which an alert is to be seen. Asks Slack: for jobs only."""

from __future__ import annotations

from handlers.deps import Deps
from handlers.storms import standing_key
from trailwatch.store import outbox


def address_of(deps: Deps, alert_id: str) -> str:
    """The link to an alert's message; "" while it is not posted.

    Raises SlackError, also where the message is gone or its channel was left.
    """
    with deps.db.reading() as tx:
        sent = outbox.find(tx, standing_key(tx, alert_id))
    if sent is None or sent.channel is None or sent.ts is None:
        return ""
    return deps.permalink(sent.channel, sent.ts)
