"""Knows when an alert calls somebody besides its message. Writes to the store only."""

from __future__ import annotations

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
        words = f"{mentions(called)} This is {kit.esc(after.severity, 20)} now."
        message = kit.message(words, [kit.section(words)])
        reply(deps, tx, after, "called", message, loud=True)
    return replace(after, extra={**after.extra, CALLED: "yes"})
