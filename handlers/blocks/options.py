"""Knows how `setup options` looks: each option, its value and where that comes from. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from handlers.blocks import kit
from handlers.blocks.kit import Block, Message, code, esc, plain

if TYPE_CHECKING:
    from handlers.sites import Choice

_EXAMPLE = "/trailwatch setup plan --set retention_days=400,kms=own"


def options_message(choices: Sequence[Choice], site: str) -> Message:
    """Every option of a site; those that were chosen in Slack come first."""
    ranked = sorted(choices, key=lambda choice: not choice.by)
    rows = [
        [
            choice.option.name,
            plain(choice.value, 120),
            _origin(choice),
            plain(choice.option.about, 240),
        ]
        for choice in ranked
    ]
    blocks = [
        kit.section(
            f":gear: *Options of the site {code(site, 60)}*. A plan changes them: {code(_EXAMPLE)}"
        ),
        kit.table(["Option", "Value", "Chosen by", "What it is for"], rows, wrap=(1, 3)),
        kit.context("A list is written with commas: offices=203.0.113.0/24,198.51.100.7"),
    ]
    shown = "; ".join(f"{choice.option.name}={esc(choice.value, 60)}" for choice in ranked)
    return kit.message(f"Options of {esc(site, 60)}: {shown}", blocks)


def _origin(choice: Choice) -> str | Block:
    if not choice.by or choice.at is None:
        return "settings"
    at = f"{choice.at:%Y-%m-%d %H:%M} UTC"
    return kit.rich_text(kit.words({"type": "user", "user_id": choice.by}, f", {at}"))
