"""Knows what Slack takes as a message, a modal or a Home tab. Never what it is good for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.slack.block_kinds import KNOWN
from sandbox.slack.block_rules import (
    Problem,
    Problems,
    array,
    boolean,
    either,
    number,
    one_of,
    record,
    string,
    typed,
)
from sandbox.slack.block_table import ID, plain

_EVERYWHERE = {"card", "context", "divider", "header", "image", "input", "rich_text", "section"}
_EVERYWHERE |= {"actions", "video"}
_ROOMY = {"carousel", "container", "data_table", "data_visualization", "table"}
SURFACES = {
    "message": _EVERYWHERE | _ROOMY | {"context_actions", "file", "markdown", "plan", "task_card"},
    "modal": _EVERYWHERE | {"alert"},
    "home": _EVERYWHERE | _ROOMY,
}
"""Which blocks a surface takes (slackblocks 3.0.0 `_surfaces.py`, docs.rs slack-web-api)."""

MOST = {"message": 50, "modal": 100, "home": 100}

_BLOCK = typed(KNOWN)
_VIEW = {
    "blocks": array(_BLOCK),
    "private_metadata": string(3000),
    "callback_id": ID,
    "external_id": string(),
}
_MODAL = record(
    {
        **_VIEW,
        "title": plain(24),
        "submit": plain(24),
        "close": plain(24),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
    },
    ["title", "blocks"],
    kind="modal",
)
_HOME = record(_VIEW, ["blocks"], kind="home")
_SCALAR = either(string(), number(), boolean)


def _flat(value: Any, at: str) -> Problems:
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in _SCALAR(v, f"{at}/{k}")]
    return [Problem(at, "invalid_type", "must be an object of plain values")]


_METADATA = record(
    {
        "event_type": string(),
        "event_payload": lambda value, at: (
            [
                p
                for k, v in value.items()
                for p in either(_SCALAR, _flat, array(_flat))(v, f"{at}/{k}")
            ]
            if isinstance(value, dict)
            else [Problem(at, "invalid_type", "must be an object")]
        ),
    },
    ["event_type", "event_payload"],
)
_TEXTS = (
    *("app_id", "app_unfurl_url", "author_icon", "author_link", "author_name", "author_subname"),
    *("bot_id", "callback_id", "color", "fallback", "footer_icon", "image_url", "pretext"),
    *("text", "thumb_url", "title", "title_link", "ts"),
)
_ATTACHMENT = record(
    {
        **dict.fromkeys(_TEXTS, string()),
        "blocks": array(_BLOCK),
        "fields": array(
            record({"title": string(), "value": string(), "short": boolean}, ["title", "value"])
        ),
        "footer": string(300),
        "is_app_unfurl": boolean,
        "mrkdwn_in": array(one_of("pretext", "text", "fields")),
        "preview": lambda value, at: [],
        "actions": lambda value, at: [],
    }
)


def block_problems(blocks: Any, surface: str = "message", at: str = "/blocks") -> Problems:
    """What Slack refuses in a list of blocks; `surface` is message, modal or home."""
    found = array(_BLOCK, 0, MOST[surface])(blocks, at)
    if not isinstance(blocks, list):
        return found
    known = _typed(blocks)
    found += _wrong_surface(known, surface, at)
    found += _twice(known, at)
    if surface == "message":
        found += _message_totals([b for _, b in known], at)
    return found


def metadata_problems(metadata: Any) -> Problems:
    """What Slack refuses in a message's metadata."""
    return _METADATA(metadata, "/metadata")


def attachment_problems(attachments: Any) -> Problems:
    """What Slack refuses in a list of attachments, the blocks in them included."""
    found = array(_ATTACHMENT, 0, 100)(attachments, "/attachments")
    for index, attachment in enumerate(attachments if isinstance(attachments, list) else []):
        blocks = attachment.get("blocks") if isinstance(attachment, dict) else None
        known = _typed(blocks if isinstance(blocks, list) else [])
        at = f"/attachments/{index}/blocks"
        found += _wrong_surface(known, "message", at) + _twice(known, at)
    return found


def message_problems(message: Any) -> Problems:
    """What Slack refuses in a message: blocks, attachments, metadata, text above 40,000."""
    if not isinstance(message, dict):
        return [Problem("", "invalid_type", "must be an object")]
    found: Problems = []
    if message.get("blocks") is not None:
        found += block_problems(message["blocks"])
    if message.get("attachments") is not None:
        found += attachment_problems(message["attachments"])
    if message.get("metadata") is not None:
        found += metadata_problems(message["metadata"])
    if message.get("text") is not None:
        found += string(40_000)(message["text"], "/text")
    return found


def view_problems(view: Any, at: str = "/view") -> Problems:
    """What Slack refuses in a modal or a Home tab."""
    if not isinstance(view, dict):
        return [Problem(at, "invalid_type", "must be an object")]
    kind = view.get("type")
    if kind not in ("modal", "home"):
        return [Problem(f"{at}/type", "invalid_enum", "must be modal or home")]
    found = (_MODAL if kind == "modal" else _HOME)(view, at)
    blocks = view.get("blocks")
    if isinstance(blocks, list):
        shape = set(found)
        found += [p for p in block_problems(blocks, kind, f"{at}/blocks") if p not in shape]
        asks = any(b["type"] == "input" for _, b in _typed(blocks))
        if kind == "modal" and asks and "submit" not in view:
            message = "submit is required when an input block is within the blocks array"
            found.append(Problem(at, "submit_missing", message))
    return found


def advice(message: dict[str, Any]) -> list[str]:
    """What Slack takes, but a careful app does not send: no fallback text, mass mentions."""
    found = []
    if (message.get("blocks") or message.get("attachments")) and not message.get("text"):
        found.append("text: fallback text is missing (notifications, screen readers)")
    for node in _walk(message):
        if node.get("type") == "mrkdwn" and isinstance(node.get("text"), str):
            for mention in ("<!channel", "<!everyone", "<!here"):
                if mention in node["text"]:
                    found.append(f"broadcast mention {mention}> in mrkdwn")
    return found


def _typed(blocks: list[Any]) -> list[tuple[int, dict[str, Any]]]:
    """The blocks that are objects with a type, by their place."""
    return [
        (i, b)
        for i, b in enumerate(blocks)
        if isinstance(b, dict) and isinstance(b.get("type"), str)
    ]


def _wrong_surface(blocks: list[tuple[int, dict[str, Any]]], surface: str, at: str) -> Problems:
    return [
        Problem(
            f"{at}/{index}/type",
            "invalid_enum",
            f"{block['type']} blocks are not supported on the {surface} surface",
        )
        for index, block in blocks
        if block.get("type") in KNOWN and block["type"] not in SURFACES[surface]
    ]


def _twice(blocks: list[tuple[int, dict[str, Any]]], at: str) -> Problems:
    found: Problems = []
    seen: set[str] = set()
    for index, block in blocks:
        block_id = block.get("block_id")
        if isinstance(block_id, str) and block_id:
            if block_id in seen:
                message = f"`block_id` {block_id} is used more than once"
                found.append(Problem(f"{at}/{index}/block_id", "duplicate_id", message))
            seen.add(block_id)
        elements = block.get("elements") if block.get("type") == "actions" else None
        ids = [
            e["action_id"]
            for e in (elements if isinstance(elements, list) else [])
            if isinstance(e, dict) and isinstance(e.get("action_id"), str) and e["action_id"]
        ]
        if len(ids) != len(set(ids)):
            message = "`action_id` is used more than once in this block"
            found.append(Problem(f"{at}/{index}/elements", "duplicate_id", message))
    return found


def _message_totals(blocks: list[dict[str, Any]], at: str) -> Problems:
    found: Problems = []
    if sum(1 for b in blocks if b.get("type") == "table") > 1:
        found.append(Problem(at, "failed_constraint", "only one table allowed in a message"))
    if sum(1 for n in _walk(blocks) if n.get("type") == "data_visualization") > 2:
        message = "no more than 2 data_visualization blocks allowed in a message"
        found.append(Problem(at, "failed_constraint", message))
    texts = [b.get("text") for b in blocks if b.get("type") == "markdown"]
    if sum(len(t) for t in texts if isinstance(t, str)) > 12_000:
        message = "markdown blocks must be less than 12001 characters together"
        found.append(Problem(at, "failed_constraint", message))
    return found


def _walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for entry in value.values():
            yield from _walk(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _walk(entry)
