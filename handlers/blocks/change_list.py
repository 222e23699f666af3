"""Knows how all changes of a plan look, field by field, in as many messages as it takes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from handlers.blocks import kit
from handlers.blocks.changes import change_words, diff_words
from handlers.blocks.kit import Block, Message, Word, count, plain
from setup.change import Action, Change, FieldDiff

MOST_MESSAGES = 8
_MOST_BLOCKS = 40
_MOST_TEXT = 9_000
_MOST_FIELDS = 12
_VALUE = 400
_TELLING = {
    "metric_filter": ("pattern",),
    "alarm": ("threshold", "period", "evaluation_periods"),
}
"""What is worth saying of a new one where there are many of a kind."""
_STATES = {"failed": "x", "not tried": "white_square", "doing": "hourglass"}


def all_changes(
    changes: Sequence[Change], states: Mapping[str, str] | None = None
) -> list[Message]:
    """Every change with its fields, in messages that Slack takes, at most MOST_MESSAGES.

    states: what became of a change ("done", "failed", "not tried") by its key.
    """
    pages = list(
        _pages([_change(change, (states or {}).get(change.key, "")) for change in changes])
    )
    shown = pages[:MOST_MESSAGES]
    messages = []
    for number, blocks in enumerate(shown, start=1):
        part = f", part {number} of {len(shown)}" if len(shown) > 1 else ""
        title = f"All {count(len(changes), 'change')}{part}"
        messages.append(kit.message(f"{title}.", [kit.context(f"*{title}*"), *blocks]))
    left = sum(len(page) for page in pages[MOST_MESSAGES:])
    if left:
        last = messages[-1]
        more = kit.context(f"… {count(left, 'more change')} not shown")
        messages[-1] = kit.message(last.text, [*last.blocks, more])
    return messages


def _pages(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """The blocks in pages of as many as a message takes."""
    page: list[Block] = []
    room = _MOST_TEXT
    for block in blocks:
        length = len(str(block)) // 2
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
    if change.action is Action.DELETE:
        return
    diffs = change.diff()
    if change.action is Action.CREATE:
        diffs = _told(change, diffs)
    for diff in diffs[:_MOST_FIELDS]:
        yield _made(diff) if change.action is Action.CREATE else diff_words(diff, _VALUE)
    if len(diffs) > _MOST_FIELDS:
        yield [(f"… {count(len(diffs) - _MOST_FIELDS, 'more field')}", "italic")]


def _told(change: Change, diffs: tuple[FieldDiff, ...]) -> tuple[FieldDiff, ...]:
    names = _TELLING.get(change.kind)
    if names is None:
        return tuple(diff for diff in diffs if not diff.path.startswith("tags"))
    return tuple(diff for diff in diffs if diff.path in names)


def _made(diff: FieldDiff) -> list[Word]:
    return [f"{plain(diff.path, 80)}: ", (plain(diff.after or "", _VALUE), "code")]
