"""Shows the place of an error in a pattern's text with a caret below it; it parses nothing."""

from __future__ import annotations

import unicodedata

MAX_COLUMNS = 76
"""So many columns fit in a terminal and in a Slack message without being wrapped."""

_ELLIPSIS = "…"


def pointed(text: str, at: int) -> str:
    """Two lines: what stands around column `at` of a pattern, and a caret below that place.

    Of several lines only the one with the error is shown, of a long one only a part. Blanks of
    any kind are shown as one space, what would be invisible as an escape like `\\u200b`.
    """
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    cells = [_cell(char) for char in text[start : end if end >= 0 else len(text)]]
    place = min(at - start, len(cells))
    first, last = _window([width for _, width in cells], place)
    before = _ELLIPSIS if first else ""
    behind = _ELLIPSIS if last < len(cells) else ""
    shown = "".join(shown for shown, _ in cells[first:last])
    column = len(before) + sum(width for _, width in cells[first:place])
    return f"{before}{shown}{behind}\n{' ' * column}^"


def _window(widths: list[int], place: int) -> tuple[int, int]:
    """The longest part around a place, from its first to behind its last cell, that fits."""
    room = MAX_COLUMNS - 2 * len(_ELLIPSIS) - sum(widths[place : place + 1])
    first = place
    last = min(place + 1, len(widths))
    if sum(widths) <= MAX_COLUMNS:
        return 0, len(widths)
    behind = room // 3
    while last < len(widths) and widths[last] <= min(behind, room):
        behind -= widths[last]
        room -= widths[last]
        last += 1
    while first and widths[first - 1] <= room:
        first -= 1
        room -= widths[first]
    while last < len(widths) and widths[last] <= room:
        room -= widths[last]
        last += 1
    return first, last


def _cell(char: str) -> tuple[str, int]:
    """A character as it is shown, and the columns that it takes up."""
    category = unicodedata.category(char)
    if char.isspace() and category != "Zl" and category != "Zp":
        return " ", 1
    if category[0] == "C" or category in ("Mn", "Me", "Zl", "Zp"):
        number = ord(char)
        shown = f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
        return shown, len(shown)
    return char, 2 if unicodedata.east_asian_width(char) in "WF" else 1
