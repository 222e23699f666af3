"""Knows how all changes of a plan look, field by field, in as many messages as it takes. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from handlers.blocks import kit
from handlers.blocks.changes import change_words, diff_words, grouped
from handlers.blocks.kit import Block, Message, Word, count, plain, visible
from setup.change import Action, Change, FieldDiff

MOST_MESSAGES = 40
_MOST_BLOCKS = 40
_MOST_TEXT = 8_000
_VALUE = 300
"""A longer value stands on lines of its own."""
_PIECE = 2_500
_FEW = 3
"""From so many of a kind on, what they have in common is said once."""
_STATES = {"failed": "x", "not tried": "white_square", "doing": "hourglass"}


def all_changes(
    changes: Sequence[Change], states: Mapping[str, str] | None = None, most: int = MOST_MESSAGES
) -> list[Message]:
    """Every change with its fields, in messages that Slack takes, at most so many.

    states: what became of a change ("done", "failed", "not tried") by its key.
    """
    given = states or {}
    blocks = [block for group in grouped(changes) for block in _group(group, given)]
    pages = list(_pages(blocks))
    shown = pages[:most]
    messages = []
    for number, blocks in enumerate(shown, start=1):
        part = f", part {number} of {len(shown)}" if len(shown) > 1 else ""
        title = f"All {count(len(changes), 'change')}{part}"
        messages.append(kit.message(f"{title}.", [kit.context(f"*{title}*"), *blocks]))
    left = len(pages) - len(shown)
    if left:
        last = messages[-1]
        more = kit.context(
            f"… {count(left, 'more page')} not shown here; the plan's thread has all"
        )
        messages[-1] = kit.message(last.text, [*last.blocks, more])
    return messages


def _pages(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """The blocks in pages of as many as a message takes."""
    page: list[Block] = []
    room = _MOST_TEXT
    for block in blocks:
        length = kit.length_of(block)
        if page and (length > room or len(page) >= _MOST_BLOCKS):
            yield page
            page, room = [], _MOST_TEXT
        page.append(block)
        room -= length
    if page:
        yield page


def _group(group: Sequence[Change], states: Mapping[str, str]) -> Iterator[Block]:
    """The changes of one action and kind, each with all its fields; those that all share once."""
    shared: dict[str, object] = {}
    if group[0].action is Action.CREATE and len(group) >= _FEW:
        maps = [change.after or {} for change in group]
        shared = {
            name: value
            for name, value in maps[0].items()
            if all(name in one and one[name] == value for one in maps)
        }
        if shared:
            title = f"All {count(len(group), plain(group[0].label, 60))}"
            yield from _blocks(kit.words((title, "bold")), _values(shared))
    for change in group:
        words = change_words(change, kind=True)
        state = states.get(change.key, "")
        if state and state != "done":
            words += ["  ", kit.emoji(_STATES.get(state, "grey_question")), f" {plain(state, 20)}"]
        yield from _blocks(kit.words(*words), _fields(change, shared))


Field = tuple[str, str | None, str | None]
"""A field's name, what it is and what it will be."""


def _fields(change: Change, shared: Mapping[str, object]) -> list[Field]:
    if change.action is Action.CREATE:
        after = change.after or {}
        return _values({name: value for name, value in after.items() if name not in shared})
    if change.action is Action.UPDATE:
        return [(diff.path, diff.before, diff.after) for diff in change.diff()]
    return []


def _values(fields: Mapping[str, object]) -> list[Field]:
    """The fields of what is made, whole: a policy is read better in one piece."""
    return [(name, None, _text(value)) for name, value in fields.items()]


def _blocks(heading: Block, fields: Sequence[Field]) -> Iterator[Block]:
    """A heading with its fields, nothing cut: long values in pieces, more blocks where needed."""
    parts, bullets, room = [heading], list[list[Word]](), _PIECE
    for name, before, after in fields:
        sides = [side for side in (before, after) if side is not None]
        long = any(len(side) > _VALUE for side in sides)
        size = sum(len(side) for side in sides) + len(name)
        if long or size > room:
            parts += [kit.listing(bullets)] if bullets else []
            bullets = []
        if long or size > room:
            yield from [kit.rich_text(*parts)] if parts else []
            parts, room = [], _PIECE
        if long:
            yield from _pieces(name, before, after)
            continue
        bullets.append(_short(name, before, after))
        room -= size
    parts += [kit.listing(bullets)] if bullets else []
    if parts:
        yield kit.rich_text(*parts)


def _short(name: str, before: str | None, after: str | None) -> list[Word]:
    if before is None:
        return [f"{plain(name, _VALUE)}: ", (plain(after or "", _VALUE), "code")]
    return diff_words(FieldDiff(name, before, after), _VALUE)


def _pieces(name: str, before: str | None, after: str | None) -> Iterator[Block]:
    """A long value on lines of its own, whole."""
    for word, side in (("before", before), ("after", after)):
        if side is None:
            continue
        title = (
            f"{plain(name, _VALUE)}, {word}:" if before is not None else f"{plain(name, _VALUE)}:"
        )
        lines = _laid_out(side)
        for start in range(0, len(lines), _PIECE):
            piece = kit.lines(lines[start : start + _PIECE], _PIECE)
            yield kit.rich_text(kit.words(title), piece)
            title = f"{plain(name, _VALUE)}, continued:"


def _laid_out(text: str) -> str:
    """JSON with its lines indented, other text as it is; nothing hidden in it."""
    try:
        found = json.loads(text)
    except ValueError:
        return visible(text)
    rows = json.dumps(found, indent=1, ensure_ascii=False).split("\n")
    return "\n".join(" " * (len(x) - len(x.lstrip(" "))) + visible(x.strip()) for x in rows)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value or "none"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False) if value not in (None, [], {}) else "none"
