"""Knows how the changes of a plan look: what is deleted first, then by kind. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from handlers.blocks import kit
from handlers.blocks.kit import Block, Word, count, plain
from setup.change import Action, Change, FieldDiff

_MOST_LINES = 60
_MOST_OF_A_KIND = 8
_MOST_DELETED = 30
"""What goes is named, also where there is much of a kind."""
_MOST_DIFFS = 4
_SHORT = 80
_FULL_LIST = "the thread has all"

_SIGN = {
    Action.CREATE: "heavy_plus_sign",
    Action.UPDATE: "arrows_counterclockwise",
    Action.DELETE: "heavy_minus_sign",
}


_ORDER = (Action.DELETE, Action.UPDATE, Action.CREATE)


def grouped(changes: Sequence[Change]) -> list[list[Change]]:
    """The changes of one action and kind together: deletions first, then in the plan's order."""
    ranked = sorted(changes, key=lambda change: _ORDER.index(change.action))
    return [list(group) for _, group in groupby(ranked, key=lambda one: (one.action, one.kind))]


def change_blocks(changes: Sequence[Change]) -> list[Block]:
    """One block of rich text for each action and kind; what has no room is counted at the end."""
    kinds = grouped(changes)
    blocks: list[Block] = []
    room = _MOST_LINES
    for number, group in enumerate(kinds):
        if room < 2:
            left = sum(len(later) for later in kinds[number:])
            blocks.append(kit.context(f"… {count(left, 'more change')}: {_FULL_LIST}"))
            break
        items = _fitting(group, room)
        room -= 2 + sum(1 + len(diffs) for _, diffs in items)
        blocks.append(_kind(group, items))
    return blocks


def leaves_out(changes: Sequence[Change]) -> bool:
    """Whether `change_blocks` shows less than all: fields of what is made, or whole changes."""
    if any(change.action is Action.CREATE for change in changes):
        return True
    diffs = [change.diff() for change in changes if change.action is Action.UPDATE]
    if any(len(parts) > _MOST_DIFFS or any(_is_long(part) for part in parts) for parts in diffs):
        return True
    kinds = grouped(changes)
    lines = sum(2 + sum(1 + len(_diff_lines(c)) for c in group) for group in kinds)
    return lines > _MOST_LINES or any(len(group) > _most_of(group) for group in kinds)


def _is_long(diff: FieldDiff) -> bool:
    return any(len(side or "") > _SHORT for side in (diff.before, diff.after))


def _most_of(group: Sequence[Change]) -> int:
    return _MOST_DELETED if group[0].action is Action.DELETE else _MOST_OF_A_KIND


def _fitting(group: Sequence[Change], room: int) -> list[tuple[Change, list[list[Word]]]]:
    """The first changes of a kind with their diffs, as many as the lines allow."""
    shown: list[tuple[Change, list[list[Word]]]] = []
    room -= 1
    for change in group[: _most_of(group)]:
        diffs = _diff_lines(change)
        room -= 1 + len(diffs)
        if room < 0 and shown:
            break
        shown.append((change, diffs))
    return shown


def _kind(group: Sequence[Change], items: Sequence[tuple[Change, list[list[Word]]]]) -> Block:
    """One change in one line; several below a heading, which has their sign."""
    if len(group) == 1:
        change, diffs = items[0]
        parts = [kit.words(*change_words(change, kind=True))]
        return kit.rich_text(*parts, *([kit.listing(diffs)] if diffs else []))
    heading: Word = (count(len(group), plain(group[0].label, 60)), "bold")
    parts = [kit.words(kit.emoji(_SIGN[group[0].action]), " ", heading)]
    bullets: list[list[Word]] = []
    for change, diffs in items:
        bullets.append([_name(change)])
        if diffs:
            parts += [kit.listing(bullets), kit.listing(diffs, indent=1)]
            bullets = []
    if len(items) < len(group):
        bullets.append([(f"… {len(group) - len(items):,} more", "italic")])
    return kit.rich_text(*parts, *([kit.listing(bullets)] if bullets else []))


def change_words(change: Change, *, kind: bool = False) -> list[Word]:
    """One change: its sign and its name, with the kind where it stands alone."""
    words: list[Word] = [kit.emoji(_SIGN[change.action]), " "]
    if kind:
        words += [(plain(change.label, 60), "bold"), " "]
    return [*words, _name(change)]


def _name(change: Change) -> Word:
    return plain(change.name, 120), "code"


def _diff_lines(change: Change) -> list[list[Word]]:
    """What an update changes, field by field; nothing for the other actions."""
    if change.action is not Action.UPDATE:
        return []
    diffs = change.diff()
    lines = [diff_words(diff) for diff in diffs[:_MOST_DIFFS]]
    if len(diffs) > _MOST_DIFFS:
        lines.append([(f"… {count(len(diffs) - _MOST_DIFFS, 'more field')}", "italic")])
    return lines


def diff_words(diff: FieldDiff, limit: int = _SHORT) -> list[Word]:
    """One field: what it is and what it will be, each cut to `limit` characters."""
    path = f"{plain(diff.path, 80)}: "
    if diff.before is None:
        return [path, "now ", (plain(diff.after or "", limit), "code")]
    if diff.after is None:
        return [path, (plain(diff.before, limit), "code strike"), " removed"]
    return [path, (plain(diff.before, limit), "code"), " → ", (plain(diff.after, limit), "code")]
