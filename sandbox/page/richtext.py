"""Knows rich_text blocks. Never parses marks in their text: rich text carries its styles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from sandbox.page.characters import named, safe_url, shown
from sandbox.page.dates import formatted
from sandbox.page.mrkdwn import broadcast, channel_mention, group_mention, user_mention
from sandbox.page.reader import Reader

_STYLES = (
    ("code", Markup("<code>{}</code>")),
    ("strike", Markup("<s>{}</s>")),
    ("italic", Markup("<i>{}</i>")),
    ("bold", Markup("<b>{}</b>")),
    ("underline", Markup("<u>{}</u>")),
    ("highlight", Markup("<mark>{}</mark>")),
)


def rich_text(block: Mapping[str, Any], reader: Reader) -> Markup:
    """The elements of a rich_text block (or cell) as HTML, after Slack's page "rich_text"."""
    parts = _elements(block)
    out: list[Markup] = []
    counters: dict[int, int] = {}
    for part in parts:
        kind = part.get("type")
        if kind != "rich_text_list":
            counters.clear()
        if kind == "rich_text_list":
            out.append(_list(part, reader, counters))
        elif kind == "rich_text_preformatted":
            out.append(Markup("<pre>{}</pre>").format(_section(part, reader)))
        elif kind == "rich_text_quote":
            out.append(Markup("<blockquote>{}</blockquote>").format(_section(part, reader)))
        elif kind == "rich_text_section":
            out.append(Markup('<div class="rt">{}</div>').format(_section(part, reader)))
        else:
            out.append(Markup('<div class="rt">{}</div>').format(shown(f"[{kind}]")))
    return Markup("").join(out)


def _elements(part: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found = part.get("elements")
    return [e for e in found if isinstance(e, Mapping)] if isinstance(found, list) else []


def _list(part: Mapping[str, Any], reader: Reader, counters: dict[int, int]) -> Markup:
    """Lists that follow each other go on counting at their own indent, as in Slack."""
    indent = min(max(int(part.get("indent") or 0), 0), 8)
    items = [Markup("<li>{}</li>").format(_section(item, reader)) for item in _elements(part)]
    for deeper in [level for level in counters if level > indent]:
        del counters[deeper]
    start = int(part.get("offset") or 0) + counters.get(indent, 0) + 1
    counters[indent] = counters.get(indent, 0) + len(items)
    classes = f"indent-{indent}" + (" bordered" if part.get("border") else "")
    content = Markup("").join(items)
    if part.get("style") == "ordered":
        return Markup('<ol class="{}" start="{}">{}</ol>').format(classes, start, content)
    return Markup('<ul class="{}">{}</ul>').format(classes, content)


def _section(part: Mapping[str, Any], reader: Reader) -> Markup:
    return Markup("").join(
        _dressed(_leaf(leaf, reader), leaf.get("style")) for leaf in _elements(part)
    )


def _dressed(text: Markup, style: object) -> Markup:
    if isinstance(style, Mapping):
        for key, styled in _STYLES:
            if style.get(key):
                text = styled.format(text)
    return text


def _leaf(leaf: Mapping[str, Any], reader: Reader) -> Markup:
    kind = leaf.get("type")
    if kind == "text":
        return shown(str(leaf.get("text", "")))
    if kind == "link":
        return _link(leaf)
    if kind == "emoji":
        return named(str(leaf.get("name", "")))
    if kind == "user":
        return user_mention(str(leaf.get("user_id", "")), reader)
    if kind == "channel":
        return channel_mention(str(leaf.get("channel_id", "")), reader)
    if kind == "usergroup":
        return group_mention(str(leaf.get("usergroup_id", "")))
    if kind == "broadcast":
        return broadcast(str(leaf.get("range", "channel")))
    if kind == "date":
        fallback = str(leaf.get("fallback", ""))
        written = formatted(
            reader.clock, leaf.get("timestamp"), str(leaf.get("format", "")), fallback
        )
        return _linked(leaf.get("url"), shown(written))
    if kind == "color":
        return shown(str(leaf.get("value", "")))
    return shown(f"[{kind}]")


def _link(leaf: Mapping[str, Any]) -> Markup:
    text = shown(str(leaf.get("text") or leaf.get("url", "")))
    return _linked(leaf.get("url"), text)


def _linked(url: object, text: Markup) -> Markup:
    checked = safe_url(url)
    if checked is None:
        return text
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(
        checked, text
    )
