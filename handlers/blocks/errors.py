"""Knows how an error looks in Slack: what, why, fix. Never decides where it is shown."""

from __future__ import annotations

from handlers.blocks import kit
from handlers.blocks.kit import Block, Message, Word, esc, plain
from trailwatch.errors import NotAllowed, ProviderError, TrailwatchError


def error_message(error: TrailwatchError | str) -> Message:
    """An error as what did not work, why, and what to do.

    A text instead of an error is the short id under which an unexpected error stands in the log.
    """
    if isinstance(error, str):
        return _unexpected(error)
    picture = "no_entry" if isinstance(error, NotAllowed) else "warning"
    blocks = [kit.rich_text(*error_words(error, picture))]
    origin = _origin(error)
    if origin:
        blocks.append(kit.context(origin))
    parts = [esc(part, 700) for part in (error.what, error.why, error.fix) if part]
    return kit.message(" ".join(parts) or "Something did not work.", blocks)


def error_words(error: TrailwatchError, picture: str = "warning") -> list[Block]:
    """The three parts of an error as sections of rich text, the first in bold."""
    what = plain(error.what or "Something did not work.", 700)
    head: tuple[Word, ...] = (kit.emoji(picture), " ", (what, "bold"))
    parts = [kit.words(*head)]
    if error.why:
        parts.append(kit.words(plain(error.why, 1000)))
    if error.fix:
        parts.append(kit.words(kit.emoji("bulb"), " ", plain(error.fix, 700)))
    return parts


def _origin(error: TrailwatchError) -> str:
    """Who refused what, for somebody who looks further."""
    if not isinstance(error, ProviderError):
        return ""
    pairs = (
        ("", error.service),
        ("call ", error.operation),
        ("code ", error.code),
        ("missing permission ", error.permission),
        ("request ", error.request_id),
    )
    return " · ".join(f"{name}{esc(value, 120)}" for name, value in pairs if value)


def _unexpected(error_id: str) -> Message:
    shown = kit.code(error_id, 40)
    return kit.message(
        f"Something unexpected went wrong. It is in the log as {esc(error_id, 40)}.",
        [
            kit.section(":warning: *Something unexpected went wrong*"),
            kit.context(
                f"It is in the log as {shown}. Trying again is safe; if it stays, "
                "give this id to whoever runs trailwatch."
            ),
        ],
    )
