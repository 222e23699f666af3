"""Knows how the error of a command, click or dialog is shown. Logs what was not expected."""

from __future__ import annotations

import logging
import secrets

from handlers.blocks.errors import error_message
from handlers.request import Reply
from trailwatch.errors import TrailwatchError

log = logging.getLogger("trailwatch.errors")


def shown(error: Exception, doing: str) -> Reply:
    """What the person sees of an error. An unexpected one shows a short id that is in the log."""
    if isinstance(error, TrailwatchError):
        log.info("told: %s (%s)", type(error).__name__, doing)
        message = error_message(error)
        return Reply(message.text, message.blocks)
    error_id = secrets.token_hex(3)
    log.error("unexpected error %s while %s", error_id, doing, exc_info=error)
    message = error_message(error_id)
    return Reply(message.text, message.blocks)
