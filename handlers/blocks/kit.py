"""Knows Block Kit's pieces and limits. Never knows what a message is about.

Every builder returns plain dicts that keep Slack's limits, whatever it is given. Texts that
come from outside go through plain, label, esc or code first, which are offered here, too.

Source: "Block Kit blocks", "Block elements" and "Composition objects" in Slack's reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from handlers.blocks.text import (
    NOTHING,
    code,
    count,
    cut,
    date,
    esc,
    label,
    link,
    plain,
    prose,
    safe_url,
    span,
    utc,
    visible,
)

__all__ = [
    "NOTHING",
    "Block",
    "Message",
    "Word",
    "actions",
    "button",
    "code",
    "confirm",
    "context",
    "count",
    "cut",
    "date",
    "divider",
    "emoji",
    "esc",
    "fields",
    "fit_lines",
    "header",
    "label",
    "length_of",
    "lines",
    "link",
    "listing",
    "message",
    "moment",
    "mrkdwn",
    "option",
    "overflow",
    "plain",
    "plain_text",
    "prose",
    "rich_text",
    "safe_url",
    "section",
    "select",
    "span",
    "table",
    "url_button",
    "utc",
    "visible",
    "web",
    "within",
    "words",
]

Block = dict[str, object]
"""A block, an element or a composition object, as Slack's API takes it."""

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MESSAGE_TEXT = 3000
SECTION_TEXT = 3000
FIELD_TEXT = 2000
FIELDS = 10
HEADER_TEXT = 150
CONTEXT_ELEMENTS = 10
ACTIONS = 25
BUTTON_TEXT = 75
OPTIONS = 5
SELECT_OPTIONS = 100
TABLE_ROWS = 100
TABLE_COLUMNS = 20
TABLE_TEXT = 10_000
"""Characters of all cells together; more is answered with invalid_blocks."""
CELL_TEXT = 500


@dataclass(frozen=True)
class Message:
    """What chat.postMessage and chat.update take. `text` says the same as the blocks."""

    text: str
    blocks: tuple[Block, ...]


def message(text: str, blocks: Iterable[Block]) -> Message:
    """A message of at most 50 blocks. `text` is mrkdwn, escaped already."""
    return Message(_cut_mrkdwn(text, MESSAGE_TEXT), within(blocks, MESSAGE_BLOCKS))


def within(blocks: Iterable[Block], limit: int) -> tuple[Block, ...]:
    """The blocks, or the first of them and "… N more" where the surface takes no more."""
    all_blocks = tuple(blocks)
    if len(all_blocks) <= limit:
        return all_blocks
    left = len(all_blocks) - limit + 1
    return (*all_blocks[: limit - 1], context(f"… {count(left, 'more part')} not shown"))


# Composition objects


def plain_text(text: str, limit: int, *, names: bool = False) -> Block:
    """A plain_text object; `names`: ":bell:" in a text of ours becomes a picture."""
    return {"type": "plain_text", "text": cut(text, limit) or NOTHING, "emoji": names}


def mrkdwn(text: str, limit: int = SECTION_TEXT) -> Block:
    """A mrkdwn object whose text is escaped already. Verbatim: Slack links nothing by itself."""
    return {"type": "mrkdwn", "text": _cut_mrkdwn(text, limit) or NOTHING, "verbatim": True}


def _cut_mrkdwn(text: str, limit: int) -> str:
    """Cut so that no entity, link or code span is left open. The last resort of the budget."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 2]
    for opening, closing in (("<", ">"), ("&", ";")):
        start = kept.rfind(opening)
        if start > kept.rfind(closing):
            kept = kept[:start]
    if kept.count("`") % 2:
        kept = kept[: kept.rfind("`")]
    return kept.rstrip() + "…"


def fit_lines(all_lines: Sequence[str], limit: int = SECTION_TEXT, hint: str = "") -> str:
    """Lines of mrkdwn, as many as fit, and then "… N more" and where to see them."""
    text = "\n".join(all_lines)
    if len(text) <= limit:
        return text
    room = limit - len(hint) - 40
    kept: list[str] = []
    for line in all_lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    more = f"… {len(all_lines) - len(kept)} more"
    return "\n".join([*kept, f"{more} ({hint})" if hint else more])


def confirm(title: str, text: str, yes: str, no: str, *, danger: bool = False) -> Block:
    """A confirmation dialog; its texts are ours or labels."""
    block: Block = {
        "title": plain_text(title, 100),
        "text": plain_text(text, 300),
        "confirm": plain_text(yes, 30),
        "deny": plain_text(no, 30),
    }
    if danger:
        block["style"] = "danger"
    return block


# Blocks


def header(text: str) -> Block:
    """A header; short names of emoji in it become pictures, so outside text comes as label."""
    return {"type": "header", "text": plain_text(text, HEADER_TEXT, names=True)}


def section(
    text: str | Block = "", *, fields: Sequence[Block] = (), accessory: Block | None = None
) -> Block:
    """A section of mrkdwn (escaped already) or of a text object, with fields or without."""
    block: Block = {"type": "section"}
    if text:
        block["text"] = mrkdwn(text) if isinstance(text, str) else text
    if fields:
        block["fields"] = list(fields)[:FIELDS]
    if not text and not fields:
        block["text"] = mrkdwn(NOTHING)
    if accessory is not None:
        block["accessory"] = accessory
    return block


def fields(pairs: Iterable[tuple[str, str]]) -> list[Block]:
    """Names of ours in bold above their values, which are escaped mrkdwn; empty ones left out."""
    return [mrkdwn(f"*{name}*\n{value}", FIELD_TEXT) for name, value in pairs if value]


def context(*elements: str | Block) -> Block:
    """Small grey text: mrkdwn (escaped already) or text objects."""
    shown = [mrkdwn(e) if isinstance(e, str) else e for e in elements if e]
    return {"type": "context", "elements": shown[:CONTEXT_ELEMENTS] or [mrkdwn(NOTHING)]}


def divider() -> Block:
    return {"type": "divider"}


def actions(*elements: Block | None) -> Block:
    """A row of buttons and menus; None is left out."""
    return {"type": "actions", "elements": [e for e in elements if e is not None][:ACTIONS]}


def button(
    text: str,
    action_id: str,
    value: str,
    *,
    style: Literal["", "primary", "danger"] = "",
    confirm: Block | None = None,
) -> Block:
    """A button. `value` is an opaque id: nothing is trusted that comes back from a click."""
    block: Block = {
        "type": "button",
        "action_id": action_id,
        "text": plain_text(text, BUTTON_TEXT, names=True),
        "value": value[:2000],
    }
    if style:
        block["style"] = style
    if confirm is not None:
        block["confirm"] = confirm
    return block


def url_button(text: str, action_id: str, url: str) -> Block | None:
    """A button that opens an address of ours; None where it may not be linked."""
    target = safe_url(url)
    if not target:
        return None
    shown = plain_text(text, BUTTON_TEXT, names=True)
    return {"type": "button", "action_id": action_id, "text": shown, "url": target[:3000]}


def option(text: str, value: str, url: str = "") -> Block:
    """One line of an overflow menu."""
    block: Block = {"text": plain_text(text, 75), "value": value[:75]}
    if url:
        block["url"] = url[:3000]
    return block


def overflow(action_id: str, options: Sequence[Block]) -> Block | None:
    """A menu behind three dots, at most 5 options; None where there are none."""
    if not options:
        return None
    return {"type": "overflow", "action_id": action_id, "options": list(options)[:OPTIONS]}


def select(action_id: str, placeholder: str, options: Sequence[Block]) -> Block | None:
    """A menu that one is chosen from, at most 100; None where there are none."""
    if not options:
        return None
    return {
        "type": "static_select",
        "action_id": action_id,
        "placeholder": plain_text(placeholder, 150),
        "options": list(options)[:SELECT_OPTIONS],
    }


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str | Block]],
    *,
    wrap: Sequence[int] = (),
    right: Sequence[int] = (),
) -> Block:
    """A table: the names of its columns, then rows of texts or rich_text blocks.

    `wrap` and `right` name columns by number. Rows beyond Slack's limits are left out, so the
    caller says how many there are.
    """
    width = min(len(head), TABLE_COLUMNS)
    shown: list[list[Block]] = [[_cell(name) for name in head[:width]]]
    room = TABLE_TEXT - sum(len(name) for name in head)
    for row in rows[: TABLE_ROWS - 1]:
        cells = [_cell(cell) for cell in row[:width]]
        room -= sum(length_of(cell) for cell in cells)
        if room < 0:
            break
        shown.append(cells)
    settings = [
        {"is_wrapped": n in wrap, "align": "right" if n in right else "left"} for n in range(width)
    ]
    return {"type": "table", "rows": shown, "column_settings": settings}


def _cell(cell: str | Block) -> Block:
    if isinstance(cell, str):
        return {"type": "raw_text", "text": cut(cell, CELL_TEXT) or NOTHING}
    return cell


def length_of(value: object) -> int:
    """How many characters of text stand in a block."""
    if isinstance(value, Mapping):
        return sum(
            len(part) if key == "text" and isinstance(part, str) else length_of(part)
            for key, part in value.items()
        )
    return sum(length_of(part) for part in value) if isinstance(value, list) else 0


# Rich text: nothing in it is parsed, so outside text stays as it is

Word = str | tuple[str, str] | Block
"""A text, a text with its styles ("bold code"), or an element such as emoji("bell")."""


def rich_text(*parts: Block) -> Block:
    """A rich_text block of words() and listing() parts."""
    return {"type": "rich_text", "elements": list(parts)}


def words(*parts: Word) -> Block:
    """A run of rich text."""
    return {"type": "rich_text_section", "elements": _run(parts)}


def lines(text: str, limit: int = SECTION_TEXT) -> Block:
    """A preformatted piece of rich text, cut to the limit."""
    return {"type": "rich_text_preformatted", "elements": _run([cut(text, limit)])}


def listing(items: Sequence[Sequence[Word]], indent: int = 0) -> Block:
    """A bulleted list, each item a run of words."""
    return {
        "type": "rich_text_list",
        "style": "bullet",
        "indent": indent,
        "elements": [words(*item) for item in items],
    }


def _run(parts: Sequence[Word]) -> list[Block]:
    shown = [_word(part) for part in parts if (part[0] if isinstance(part, tuple) else part)]
    return shown or [_word(NOTHING)]


def _word(part: Word) -> Block:
    if isinstance(part, dict):
        return part
    text, style = (part, "") if isinstance(part, str) else part
    block: Block = {"type": "text", "text": text or NOTHING}
    if style:
        block["style"] = dict.fromkeys(style.split(), True)
    return block


def emoji(name: str) -> Block:
    """An emoji for rich text, by its short name without colons."""
    return {"type": "emoji", "name": name}


def web(url: str, text: str) -> Block:
    """A link of ours for rich text; `text` is shown as it is."""
    return {"type": "link", "url": url, "text": text}


def moment(when: datetime, form: str = "{date_short_pretty} {time}") -> Block:
    """A date for rich text, shown in the reader's own time zone."""
    return {
        "type": "date",
        "timestamp": int(when.timestamp()),
        "format": form,
        "fallback": utc(when),
    }
