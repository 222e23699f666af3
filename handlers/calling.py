"""Knows when an alert calls somebody besides its message. Writes to the store only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from handlers.blocks import kit
from handlers.blocks.routes import mentions
from handlers.channels import mentioned
from handlers.deps import Deps
from handlers.threads import reply
from trailwatch.alert import Alert, AlertState

CALLED = "called"
"""What an alert keeps once it called somebody."""


def call(deps: Deps, tx: Connection, before: Alert, after: Alert) -> Alert:
    """Call whom the route of a P1 names when an alert becomes one; once for each alert."""
    called = mentioned(deps, after)
    if not called or after.extra.get(CALLED):
        return after
    if before.severity != after.severity and after.state is not AlertState.CLOSED:
        again(deps, tx, after, "called", called, f"This is {after.severity} now.")
    return replace(after, extra={**after.extra, CALLED: "yes"})


def again(
    deps: Deps,
    tx: Connection,
    alert: Alert,
    key: str,
    called: Sequence[str],
    why: str = "This was escalated.",
) -> None:
    """Call them from the alert's thread into the channel, once for each key."""
    words = f"{mentions(called)} {kit.esc(why, 80)}"
    reply(deps, tx, alert, key, kit.message(words, [kit.section(words)]), loud=True)
