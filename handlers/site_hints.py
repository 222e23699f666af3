"""Knows how a hint names the site that it is about, where there are several. Asks nobody."""

from __future__ import annotations

import re
from typing import Any

_COMMAND = re.compile(
    r"/trailwatch (?:setup (?:(?:history|rollback)(?: [a-z0-9]{1,8}\b)?|plan|options|status|"
    r"rotate-secret|destroy|drift|lint|import|export)|coverage)\b(?![^`\n;:]*--site)"
)
"""Commands that take --site and do not name one."""


def named(text: str, site: str) -> str:
    """The text with --site in each command of trailwatch's that would mean another site else."""
    return _COMMAND.sub(lambda found: f"{found[0]} --site {site}", text)


def named_in(block: Any, site: str) -> Any:
    """The same in every text of a block or a list of blocks."""
    if isinstance(block, dict):
        return {
            key: named(value, site)
            if key == "text" and isinstance(value, str)
            else named_in(value, site)
            for key, value in block.items()
        }
    if isinstance(block, list | tuple):
        return [named_in(one, site) for one in block]
    return block
