"""What Slack refuses in a message or view, checked without the trial data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from handlers.blocks.kit import Message


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in a message, outermost first."""
    if isinstance(value, dict):
        yield value
        for below in value.values():
            yield from walk(below)
    elif isinstance(value, list):
        for below in value:
            yield from walk(below)


LIMITS: dict[tuple[str, str], tuple[int, int]] = {
    ("section", "fields"): (1, 10),
    ("context", "elements"): (1, 10),
    ("actions", "elements"): (1, 25),
    ("overflow", "options"): (1, 5),
    ("table", "rows"): (2, 100),
    ("table", "column_settings"): (1, 20),
    ("button", "value"): (1, 2000),
    ("button", "action_id"): (1, 255),
    ("rich_text", "elements"): (1, 1000),
    ("rich_text_section", "elements"): (1, 1000),
    ("rich_text_list", "elements"): (1, 1000),
    ("raw_text", "text"): (1, 500),
    ("text", "text"): (1, 3000),
    ("mrkdwn", "text"): (1, 3000),
    ("plain_text", "text"): (1, 3000),
}
SIZES = {"header": 150, "button": 75}


def problems(content: Mapping[str, Any]) -> list[str]:
    """What Slack would refuse, in words."""
    is_view = content.get("type") in ("home", "modal")
    blocks = content["blocks"]
    found = [] if 1 <= len(blocks) <= (100 if is_view else 50) else [f"{len(blocks)} blocks"]
    if not is_view and not 1 <= len(content["text"]) <= 4000:
        found.append(f"text of {len(content['text'])}")
    if sum(block["type"] == "table" for block in blocks) > 1:
        found.append("two tables")
    for block in blocks:
        ids = [part["action_id"] for part in walk(block) if "action_id" in part]
        if len(ids) != len(set(ids)):
            found.append("action_id twice")
    for part in walk(blocks):
        found += part_problems(part)
    return found


def part_problems(part: Mapping[str, Any]) -> list[str]:
    """What Slack would refuse in one block, element or object."""
    kind = str(part.get("type", ""))
    found = []
    for key, value in part.items():
        low, high = LIMITS.get((kind, key), (0, 10_000))
        if isinstance(value, str | list) and not low <= len(value) <= high:
            found.append(f"{kind}.{key}: {len(value)}")
    if kind in SIZES and len(part["text"]["text"]) > SIZES[kind]:
        found.append(f"{kind} text")
    if kind == "mrkdwn" and part.get("verbatim") is not True:
        found.append(f"not verbatim: {part['text']!r}")
    if kind == "section":
        found += ["field" for field in part.get("fields", ()) if len(field["text"]) > 2000]
        found += [] if part.get("text") or part.get("fields") else ["empty section"]
    if kind == "table":
        found += table_problems(part["rows"])
    if "deny" in part:
        sizes = (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30))
        found += [f"confirm.{key}" for key, size in sizes if len(part[key]["text"]) > size]
    if not kind and len(part.get("value", "")) > 75:
        found.append("option value")
    return found


def table_problems(rows: list[Any]) -> list[str]:
    found = ["ragged table"] if len({len(row) for row in rows}) != 1 else []
    texts = [part["text"] for part in walk(rows) if isinstance(part.get("text"), str)]
    return found if sum(map(len, texts)) <= 10_000 else [*found, "table too long"]


def as_json(content: Message | Mapping[str, Any]) -> dict[str, Any]:
    """What Slack is sent, as it reads it."""
    body = (
        {"text": content.text, "blocks": content.blocks}
        if isinstance(content, Message)
        else content
    )
    loaded: dict[str, Any] = json.loads(json.dumps(body, ensure_ascii=False).encode())
    return loaded
