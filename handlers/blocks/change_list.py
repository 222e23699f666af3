"""Knows how all changes of a plan look, field by field, in as many messages as it takes. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from handlers.blocks import kit
from handlers.blocks.changes import change_words, diff_words
from handlers.blocks.kit import Block, Message, Word, count, plain
from setup.change import Action, Change

MOST_MESSAGES = 20
_MOST_BLOCKS = 40
_MOST_TEXT = 8_000
_MOST_FIELDS = 12
_VALUE = 600
_TELLING = {
    "metric_filter": ("pattern",),
    "alarm": ("threshold", "period", "datapoints_to_alarm", "evaluation_periods"),
}
"""What is worth saying of a new one where there are many of a kind."""
_STATES = {"failed": "x", "not tried": "white_square", "doing": "hourglass"}


def all_changes(
    changes: Sequence[Change], states: Mapping[str, str] | None = None, most: int = MOST_MESSAGES
) -> list[Message]:
    """Every change with its fields, in messages that Slack takes, at most so many.

    states: what became of a change ("done", "failed", "not tried") by its key.
    """
    pages = list(
        _pages([_change(change, (states or {}).get(change.key, "")) for change in changes])
    )
    shown = pages[:most]
    messages = []
    for number, blocks in enumerate(shown, start=1):
        part = f", part {number} of {len(shown)}" if len(shown) > 1 else ""
        title = f"All {count(len(changes), 'change')}{part}"
        messages.append(kit.message(f"{title}.", [kit.context(f"*{title}*"), *blocks]))
    left = sum(len(page) for page in pages[most:])
    if left:
        last = messages[-1]
        more = kit.context(
            f"… {count(left, 'more change')} not shown here; the plan's thread has all"
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


def _change(change: Change, state: str) -> Block:
    words = change_words(change, kind=True)
    if state and state != "done":
        words += ["  ", kit.emoji(_STATES.get(state, "grey_question")), f" {plain(state, 20)}"]
    parts = [kit.words(*words)]
    fields = list(_fields(change))
    if fields:
        parts.append(kit.listing(fields))
    return kit.rich_text(*parts)


def _fields(change: Change) -> Iterator[Sequence[Word]]:
    if change.action is Action.CREATE:
        yield from _made(change)
    elif change.action is Action.UPDATE:
        diffs = change.diff()
        yield from (diff_words(diff, _VALUE) for diff in diffs[:_MOST_FIELDS])
        if len(diffs) > _MOST_FIELDS:
            yield [(f"… {count(len(diffs) - _MOST_FIELDS, 'more field')}", "italic")]


def _made(change: Change) -> Iterator[Sequence[Word]]:
    """The fields of what is made, whole: a policy is read better in one piece."""
    after = change.after or {}
    names = _TELLING.get(change.kind) or [name for name in after if name != "tags"]
    for name in names[:_MOST_FIELDS]:
        yield [f"{plain(name, 80)}: ", (plain(_text(after.get(name)), _VALUE), "code")]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value or "none"
    return json.dumps(value, ensure_ascii=False) if value not in (None, [], {}) else "none"
