"""Knows how to read untrusted, decoded JSON by path. Never trusts its types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def text_at(record: Mapping[str, Any], *path: str) -> str:
    """The text at a path of keys; "" where anything on the way is missing or no text."""
    node: Any = record
    for key in path:
        if not isinstance(node, Mapping):
            return ""
        node = node.get(key)
    return node if isinstance(node, str) else ""
