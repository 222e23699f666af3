"""Hostile text, how it comes into a value, and what shows that it got out of its place."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from tests.handlers.slack_limits import walk

HOSTILE = {
    "mentions": "<!channel> <!here> <@U012AB3CD> <#C012AB3CD> <!subteam^S1> @everyone",
    "links": "<https://evil.example|AWS console> https://evil.example evil.example",
    "date": "<!date^1^{date}^https://evil.example|now>",
    "marks": "*bold* _italic_ ~gone~ `code` ```pre``` > quote :fire: :white_check_mark: *",
    "open": "*_~`<",
    "entities": "&lt;!channel&gt; &amp;amp; &#60;",
    "lines": "one\r\ntwo\u2028three\n\n> four\x0b\x85",
    "hidden": "ab\u202ecba\u202c \u200bx\u2066y\u2069 \ufeff\x00\x1b[31m \U000e0041\u3164",
    "surrogate": "\ud800 \udfff",
    "zalgo": "a" + "\u0301" * 200,
    "fields": 'x","AWSAccountId":"999999999999","Region":"nowhere',
    "empty": "   \n ",
    "long": "w" * 100_000,
    "long-entities": "<&>" * 40_000,
    "long-marks": "`*_~" * 25_000,
    "long-spaces": "a" + " " * 100_000 + "b",
}
OWN = re.compile(
    r"<!date\^\d+\^[{}a-z_ ]+\|[^<>|]*>|<https://[a-z0-9.\-]+/[^<>|\s]*\|[^<>|]*>|<#C0ALERTS>"
)
PICTURE = r":(?:[^\WA-Z]|[+'-])*[a-z](?:[^\WA-Z]|[+'-])*:"
MARKS = re.compile(rf"(?<![0-9A-Za-z])[*_~]|[*_~](?![0-9A-Za-z])|`|{PICTURE}")
CODE = re.compile(r"`[^`\n]+`")
QUOTE = re.compile(r"(?m)^(?:>|&gt;)")


def parsed_texts(content: Mapping[str, Any]) -> list[str]:
    """The texts in which Slack looks for markup."""
    top = [content["text"]] if "text" in content else []
    return top + [part["text"] for part in walk(content["blocks"]) if part.get("type") == "mrkdwn"]


def all_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for below in value.values():
            yield from all_texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from all_texts(below)


def escaped(content: Mapping[str, Any]) -> list[str]:
    """What got out of its place."""
    found = []
    for text in parsed_texts(content):
        rest = OWN.sub("", text)
        if "<" in rest or ">" in rest or re.search(r"&(?!amp;|lt;|gt;)", rest):
            found.append(f"markup: {text!r}")
        if QUOTE.search(rest):
            found.append(f"quote: {text!r}")
    for part in walk(content["blocks"]):
        if part.get("type") in ("user", "usergroup", "broadcast", "channel", "link", "team"):
            found.append(f"element: {part}")
        url = part.get("url", "https://")
        if not re.fullmatch(r"https://([a-z0-9.\-]+/[!-~]*)?", url):
            found.append(f"url: {url!r}")
    for text in all_texts(dict(content)):
        hidden = [c for c in text.replace("\n", "") if unicodedata.category(c) in HIDDEN]
        if hidden:
            found.append(f"hidden {hidden[:3]!r}")
    return found


HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def marks(content: Mapping[str, Any]) -> list[list[str]]:
    """The marks that format something, text by text: ours alone, whatever stands between them."""
    found = [CODE.sub("``", OWN.sub("", text)) for text in parsed_texts(content)]
    return [MARKS.findall(text) for text in found]


def poisoned(value: Any, text: str) -> Any:
    """The value with each text in it, however deep, replaced."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return text
    if is_dataclass(value) and not isinstance(value, type):
        changed = {f.name: poisoned(getattr(value, f.name), text) for f in fields(value)}
        return replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(poisoned(item, text) for item in value)
    if isinstance(value, dict):
        return {key: poisoned(item, text) for key, item in value.items()}
    return value
