"""Knows what Slack does to the text that people type, and undoes it. Pure.

Phones turn "--" into a long dash and straight quotes into curly ones; Slack sends "&", "<" and
">" as entities and wraps what looks like an address into <url|text>.
"""

from __future__ import annotations

import re

_QUOTES = str.maketrans(
    {
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u201f": '"',
        "\u00ab": '"',
        "\u00bb": '"',
        "\u2018": "'",
        "\u2019": "'",
        "\u201a": "'",
        "\u201b": "'",
        "\u00a0": " ",
        "\u202f": " ",
        "\u2007": " ",
        "\u2026": "...",
    }
)
_DASHES = re.compile(r"(^|\s)[\u2014\u2013](?=\w)")
_LINK = re.compile(r"<(?P<url>(?:https?|mailto|tel):[^<>|]*)(?:\|(?P<text>[^<>]*))?>")
_ENTITY = re.compile(r"&(amp|lt|gt);")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">"}


def typed(text: str) -> str:
    """The text as the person typed it, trimmed.

    Links become what was typed; mentions (<@U…>, <#C…>) stay. Each entity is undone once, so a
    typed "&amp;" that Slack escaped comes back as "&amp;".
    """
    text = _LINK.sub(_link_text, text)
    text = _ENTITY.sub(lambda match: _ENTITIES[match[1]], text)
    text = text.translate(_QUOTES)
    return _DASHES.sub(r"\1--", text).strip()


def _link_text(match: re.Match[str]) -> str:
    shown = match["text"]
    if shown:
        return shown
    return match["url"].removeprefix("mailto:").removeprefix("tel:")


_TICKS = re.compile(r"(`{1,3})\s*(?P<text>[^`].*?)\s*\1", re.DOTALL)
_CHANNEL = re.compile(r"<([#@])[A-Z0-9]+\|([^<>|]*)>")


def pattern_typed(text: str) -> str:
    """A filter pattern out of a text that `typed` gave: without the ticks of code around it.

    What Slack took for a channel or a person in it is a text again.
    """
    text = _CHANNEL.sub(r"\1\2", text.strip())
    ticked = _TICKS.fullmatch(text)
    return ticked["text"] if ticked else text


_USER = re.compile(r"<@(?P<id>[UW][A-Z0-9]+)(?:\|[^>]*)?>")
_GROUP = re.compile(r"<!subteam\^(?P<id>S[A-Z0-9]+)(?:\|[^>]*)?>")


def mentioned_id(text: str) -> str | None:
    """The user or user group id that a word names: a mention, or the id itself."""
    for shape in (_USER, _GROUP):
        if match := shape.fullmatch(text):
            return match["id"]
    return text if re.fullmatch(r"[UWS][A-Z0-9]{2,}", text) else None
