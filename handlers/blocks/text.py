"""Knows how text from outside is shown in Slack so that it does nothing there. Never trusts any.

Names, user agents, error messages and descriptions are written by whoever made an AWS call. In
Slack they may mention nobody, link nowhere, format nothing and hide nothing.

Where Slack parses no markup (rich_text, raw_text of tables) `plain` is enough, and what is shown
can be copied as it is; that is the first choice. plain_text objects still turn ":fire:" into a
picture: `label`. In mrkdwn Slack knows no way to write a literal "*": `esc` replaces the marks
that could format something by their nearest lookalikes (a snake_case_name stays as it is), `code`
keeps all but the backtick.

Source: "Formatting message text" and "Text object" in Slack's reference.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta

ELLIPSIS = "…"
NOTHING = "–"
"""Stands where there is no text: Slack refuses empty text objects and cells."""

_LOOKALIKES = {"*": "\u2217", "_": "\u02cd", "~": "\u223c", "`": "\u02cb"}
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_MARK = re.compile(r"(?<![0-9A-Za-z])[*_~]|[*_~](?![0-9A-Za-z])|`")
_NAME = r"(?:[+-]1|100|1234|[\w+'-]*[^\W\d][\w+'-]*)"
_LAST = r"(?:[+-]1|100|1234|(?:[^\WA-Z]|[+'-])*[^\W\dA-Z](?:[^\WA-Z]|[+'-])*)"
"""A name at the end of a text, which a colon of ours may close: it has no capitals."""
_EMOJI = re.compile(rf":(?={_NAME}:)|:(?={_LAST}\Z)")
"""A colon that could open an emoji's name; not those of a time of day or an account's ARN."""
_SPACES = re.compile(r"\s+")
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_MOST_MARKS = 4
"""So many accents may sit on one letter; more would draw over the neighbouring lines."""


def visible(text: str) -> str:
    """The text in one line, with each character that hides or reorders written as an escape.

    Controls, bidirectional and zero-width characters, tags, fillers and lone surrogates become
    "\\u202e" and the like; runs of white space become one space.
    """
    out: list[str] = []
    marks = 0
    for character in _SPACES.sub(" ", text).strip():
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        hidden = _is_hidden(character) or marks > _MOST_MARKS
        out.append(_escape(character) if hidden else character)
    return "".join(out)


def _is_hidden(character: str) -> bool:
    number = ord(character)
    if number < 0x7F:
        return number < 0x20
    return (
        unicodedata.category(character) in _HIDDEN
        or character in _BLANKS
        or 0xFE00 <= number <= 0xFE0E
        or 0xE0100 <= number <= 0xE01EF
        or 0xFDD0 <= number <= 0xFDEF
        or number & 0xFFFE == 0xFFFE
    )


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def cut(text: str, limit: int) -> str:
    """The text, or as much of it as fits into `limit` characters with an ellipsis at its end."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + ELLIPSIS


def plain(text: str, limit: int) -> str:
    """Text for rich_text and raw_text, at most `limit` characters; "–" for nothing."""
    # Cut first: of a value of 100 KB no more is looked at than can be shown.
    head = text if len(text) <= 4 * limit else text[: 4 * limit] + ELLIPSIS
    return cut(visible(head), limit) or NOTHING


def label(text: str, limit: int) -> str:
    """Text for plain_text objects: as `plain`, and ":fire:" stays these six characters."""
    return _EMOJI.sub("\u2236", plain(text, limit))


def esc(text: str, limit: int) -> str:
    """Text for mrkdwn: at most `limit` characters before "&", "<" and ">" become entities."""
    shown = _MARK.sub(lambda match: _LOOKALIKES[match[0]], label(text, limit))
    if shown.startswith(">"):
        shown = "\u203a" + shown[1:]  # would quote the line, also as an entity
    return shown.translate(_ENTITIES)


def code(text: str, limit: int = 100) -> str:
    """Text for mrkdwn as a code span, at most `limit` characters before escaping."""
    shown = plain(text, limit).replace("`", _LOOKALIKES["`"])
    return f"`{shown.translate(_ENTITIES)}`"


_SPAN = re.compile(r"`([^`\n]+)`")


def prose(text: str, limit: int) -> str:
    """Sentences for mrkdwn as `esc`, in which what stands in backticks is a code span."""
    parts = _SPAN.split(text if len(text) <= limit else cut(text, limit))
    shown = [code(one, limit) if n % 2 else _kept(one, limit) for n, one in enumerate(parts)]
    return "".join(shown).strip()


def _kept(text: str, limit: int) -> str:
    """As `esc`, "" for nothing, and with a space where the text has white space at its ends."""
    if not text.strip():
        return " " if text else ""
    before, after = " " * text[:1].isspace(), " " * text[-1:].isspace()
    return f"{before}{esc(text, limit)}{after}"


def utc(moment: datetime) -> str:
    """ "2026-11-23 10:00 UTC": for places where Slack's own dates don't work."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def date(moment: datetime, fallback: str = "", form: str = "{date_short_pretty} {time}") -> str:
    """A moment for mrkdwn, shown in the reader's own time zone.

    `form` is ours and takes Slack's tokens; `fallback` is shown where Slack cannot, by default
    the moment in UTC.
    """
    text = (fallback or utc(moment)).replace("|", "/").translate(_ENTITIES)
    return f"<!date^{int(moment.timestamp())}^{form}|{text}>"


def span(length: timedelta) -> str:
    """A duration for people: "40 s", "12 min", "3 h 5 min", "2 d 4 h"; never negative."""
    seconds = max(int(length.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def count(number: int, one: str, many: str = "") -> str:
    """ "1 event", "2 events", "1,000 events"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def link(url: str, text: str) -> str:
    """A link of ours for mrkdwn; the bare text where the address is none that may be linked.

    `text` is already escaped.
    """
    target = safe_url(url)
    shown = text.replace("|", "\u2223")
    return f"<{target.translate(_ENTITIES)}|{shown}>" if target else text


def safe_url(url: str) -> str:
    """The address if it is one of http or https with nothing odd in it, else ""."""
    return url if re.fullmatch(r"https?://[!-~]+", url) and not set(url) & set("<>|\"'\\`") else ""
