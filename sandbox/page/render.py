"""Knows the templates and what they may call. Never reads state: everything is passed in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from markupsafe import Markup

from sandbox.page.characters import safe_url, shown, unescaped
from sandbox.page.chart import Chart, chart
from sandbox.page.fields import Field, field
from sandbox.page.markdown import markdown
from sandbox.page.mrkdwn import mrkdwn
from sandbox.page.reader import Reader
from sandbox.page.richtext import rich_text

_HERE = Path(__file__).resolve().parent
_COLOURS = {"good": "#2eb67d", "warning": "#ecb22e", "danger": "#e01e5a"}


def environment() -> Environment:
    """The templates, escaping everything by default; a key that a block lacks is empty."""
    env = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(
        text=text,
        mrkdwn=mrkdwn,
        markdown=markdown,
        rich_text=rich_text,
        shown=shown,
        field=field_of,
        with_ids=with_ids,
        cell=cell,
        table=table,
        drawing=drawing,
        safe_url=safe_url,
        local_image=local_image,
        colour=colour,
        pretty=pretty,
        initials=initials,
        hue=hue,
    )
    return env


def text(value: object, reader: Reader) -> Markup:
    """A text object (mrkdwn or plain_text) as HTML; anything else as nothing."""
    if not isinstance(value, Mapping):
        return Markup("")
    content = str(value.get("text", ""))
    if value.get("type") == "mrkdwn":
        return mrkdwn(content, reader, verbatim=bool(value.get("verbatim")))
    return shown(unescaped(content), names=value.get("emoji") is not False)


def with_ids(
    blocks: object, block_ids: Sequence[str | None] | None = None
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Each block with its block_id: its own, or the one that Slack gave it, or none ("")."""
    given = list(block_ids or ())
    for index, block in enumerate(blocks if isinstance(blocks, list) else []):
        if not isinstance(block, Mapping):
            block = {"type": "unreadable", "content": block}
        own = block.get("block_id") or (given[index] if index < len(given) else "")
        yield block, str(own or "")


def field_of(
    element: Mapping[str, Any], block_id: str, state: Mapping[str, Any], reader: Reader
) -> Field | None:
    """The element as a field with what was entered in the view's state.values."""
    entered = (state.get(block_id) or {}).get(element.get("action_id"))
    return field(element, entered, reader)


def table(block: Mapping[str, Any]) -> list[list[tuple[Mapping[str, Any], str]]]:
    """Rows of (cell, CSS classes) after the block's column_settings."""
    settings = block.get("column_settings") or []
    rows = []
    for row in block.get("rows") or []:
        cells = []
        for index, content in enumerate(row if isinstance(row, list) else []):
            setting = (settings[index] if index < len(settings) else None) or {}
            align = setting.get("align", "left")
            align = align if align in ("left", "center", "right") else "left"
            classes = f"to-{align}" + (" wrapped" if setting.get("is_wrapped") else "")
            cells.append((content if isinstance(content, Mapping) else {}, classes))
        rows.append(cells)
    return rows


def cell(content: Mapping[str, Any], reader: Reader) -> Markup:
    """A table's cell: rich text, or text that is shown as it stands."""
    if content.get("type") == "rich_text":
        return rich_text(content, reader)
    if content.get("type") == "raw_number":
        return shown(str(content.get("text") or content.get("value", "")))
    return shown(str(content.get("text", "")))


def drawing(block: Mapping[str, Any]) -> Chart | None:
    """The chart of a data_visualization block; None for one that cannot be drawn."""
    try:
        return chart(block)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def local_image(image: Mapping[str, Any]) -> str | None:
    """The address of an image that lies on this machine; others are named, not loaded."""
    url = safe_url(image.get("image_url") or (image.get("slack_file") or {}).get("url"))
    local = ("http://127.0.0.1:", "http://localhost:")
    return url if url is not None and url.startswith(local) else None


def colour(value: object) -> str:
    """An attachment's colour as #rrggbb; grey for anything else."""
    name = str(value or "")
    if name in _COLOURS:
        return _COLOURS[name]
    digits = name.removeprefix("#")
    is_hex = len(digits) in (3, 6) and all(c in "0123456789abcdefABCDEF" for c in digits)
    return f"#{digits}" if is_hex else "#bbbbbb"


def pretty(value: object) -> Markup:
    """JSON for people, of a block that is not known here."""
    return shown(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def initials(name: str) -> str:
    """One letter for a person's picture."""
    return next((c for c in name if c.isalnum()), "?").upper()


def hue(key: str) -> int:
    """Which of the eight picture colours somebody has: always the same for the same id."""
    return sum(map(ord, key)) % 8
