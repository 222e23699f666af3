"""Knows how a piece of plain text is shown so that it can do no harm. Never any markup."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from sandbox.page.emoji import DRAWN, NAMES

# Controls, bidirectional overrides and isolates, tags, lone surrogates: what could hide or
# reorder text. Tab and newline are left alone.
_ODD = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u206f"
    "\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_SILENT = "[\u00ad\u180e\u200b\u2060\ufeff]"
_DRAWN = "(?:" + "|".join(sorted(map(re.escape, DRAWN), key=len, reverse=True)) + ")\ufe0f?"
_NAMED = r":(?P<name>[a-z0-9_+\-]{1,50}):"
_PLAIN = re.compile(f"(?P<odd>{_ODD})|(?P<silent>{_SILENT})|(?P<drawn>{_DRAWN})")
_WITH_NAMES = re.compile(f"{_PLAIN.pattern}|{_NAMED}")


def shown(text: str, names: bool = False) -> Markup:
    """The text as HTML: escaped, controls as small labels, emoji as pictures.

    `names` also turns :short_names: into emoji, as Slack does in mrkdwn and plain_text, but
    not in rich text or table cells.
    """
    text = text.replace("\r\n", "\n")
    pattern = _WITH_NAMES if names else _PLAIN
    out: list[str] = []
    position = 0
    for match in pattern.finditer(text):
        out.append(escape(text[position : match.start()]))
        out.append(_special(match))
        position = match.end()
    out.append(escape(text[position:]))
    return Markup("").join(out)


def _special(match: re.Match[str]) -> Markup:
    if match["odd"]:
        code = f"U+{ord(match['odd']):04X}"
        return Markup('<span class="odd" title="Invisible character {}">{}</span>').format(
            code, code
        )
    if match["silent"]:
        return Markup("")
    if match["drawn"]:
        return picture(match["drawn"], match["drawn"])
    return named(match["name"])


def named(name: str) -> Markup:
    """The emoji of a short name; an unknown name stays as it was typed."""
    char = NAMES.get(name)
    if char is None:
        return escape(f":{name}:")
    return picture(char, f":{name}:")


def picture(char: str, label: str) -> Markup:
    """One emoji, drawn where we have a drawing of it."""
    drawing = DRAWN.get(char.removesuffix("\ufe0f"))
    if drawing is None:
        return Markup('<span class="emoji-char" title="{}">{}</span>').format(label, char)
    return Markup(
        '<svg class="emoji" role="img" aria-label="{}" data-emoji="{}">'
        '<use href="/static/emoji.svg#{}"></use></svg>'
    ).format(label, label, drawing)


def unescaped(text: str) -> str:
    """Undo the three entities that Slack asks apps to write (docs: formatting message text)."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def safe_url(url: object) -> str | None:
    """The address if it may be linked: http or https and nothing odd in it; else None."""
    if not isinstance(url, str) or not re.match(r"https?://[^\s\"'<>\\]+\Z", url, re.IGNORECASE):
        return None
    return None if re.search(f"{_ODD}|{_SILENT}", url) else url
