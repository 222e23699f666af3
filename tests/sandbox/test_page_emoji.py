"""Every emoji that the product shows is known to the page, and drawn."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import handlers
from handlers import samples
from sandbox.page.emoji import DRAWN, NAMES

SHORT = re.compile(r"(?<![\w:/{]):([a-z][a-z0-9_+-]+):(?![\w:/}])")
IN_TEXT = re.compile(r"(?<![\w:/{]):([a-z][a-z0-9_+-]+):(?=[ \n])")
"""In the code's literals: parts of keys and ARNs have no space after them."""


def shown(value: Any) -> Iterator[str]:
    """The names in everything that a message or view holds."""
    if isinstance(value, dict):
        if value.get("type") == "emoji":
            yield str(value["name"])
        for part in value.values():
            yield from shown(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from shown(part)
    elif isinstance(value, str):
        yield from SHORT.findall(value)


def written() -> Iterator[str]:
    """The names in the code's literals: also those that no sample shows."""
    for path in Path(handlers.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        pieces = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for part in node.values
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                alone = id(node) not in pieces and SHORT.fullmatch(node.value)
                yield from [alone[1]] if alone else IN_TEXT.findall(node.value)


def test_every_emoji_of_the_product_is_known_and_drawn() -> None:
    in_samples = {
        name
        for one in (*samples.messages().values(), *samples.views().values())
        for name in shown([getattr(one, "text", ""), getattr(one, "blocks", one)])
    }
    used = in_samples | set(written())
    assert len(used) > 30
    assert used - NAMES.keys() == set()
    characters = {NAMES[name].replace("\ufe0f", "") for name in used}
    assert characters - DRAWN.keys() == set()


def test_every_drawing_is_there() -> None:
    drawings = (Path(__file__).parents[2] / "sandbox/page/static/emoji.svg").read_text()
    assert [name for name in DRAWN.values() if f'id="{name}"' not in drawings] == []
