"""Knows how messages become a channel and its threads. Never changes or sends one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.page.reader import Reader

Message = Mapping[str, Any]

_TOGETHER_SECONDS = 300


@dataclass(frozen=True)
class Author:
    """Who wrote a message: the id picks the picture's colour."""

    id: str
    name: str
    is_app: bool
    is_slackbot: bool = False


@dataclass(frozen=True)
class Thread:
    """What stands under a message that was answered."""

    count: int
    private: int
    """Replies that only this viewer can see; not among `count`."""
    last: str
    authors: Sequence[Author]


@dataclass(frozen=True)
class Row:
    """One message as the channel shows it."""

    message: Message
    author: Author
    time: str
    full_time: str
    divider: str | None
    """The day, where this is its first message."""
    headed: bool
    """Whether picture and name stand above it; not so for the next of the same author."""
    thread: Thread | None


def author_of(message: Message, reader: Reader, app_name: str) -> Author:
    """The author by Slack's fields `user`, `bot_id` and `username`."""
    user = str(message.get("user") or "")
    if user == "USLACKBOT":
        return Author(user, "Slackbot", is_app=False, is_slackbot=True)
    if message.get("bot_id") or not user:
        bot = str(message.get("bot_id") or user or "app")
        return Author(bot, str(message.get("username") or app_name), is_app=True)
    return Author(user, reader.person(user), is_app=False)


def in_channel(message: Message) -> bool:
    """Whether the message stands in the channel itself, not only in a thread."""
    root = message.get("thread_ts")
    if root in (None, "", message.get("ts")):
        return True
    return bool(message.get("reply_broadcast")) or message.get("subtype") == "thread_broadcast"


def channel_rows(messages: Iterable[Message], reader: Reader, app_name: str) -> list[Row]:
    """The channel's own messages, oldest first, with what was said in their threads."""
    everything = sorted(messages, key=_order)
    replies: dict[str, list[Message]] = {}
    for message in everything:
        root = message.get("thread_ts")
        if root and root != message.get("ts"):
            replies.setdefault(str(root), []).append(message)
    shown = [m for m in everything if in_channel(m)]
    return _rows(shown, replies, reader, app_name)


def thread_rows(
    messages: Iterable[Message], root_ts: str, reader: Reader, app_name: str
) -> list[Row]:
    """The message at `root_ts` and its replies; empty when there is none."""
    found = [
        m
        for m in sorted(messages, key=_order)
        if m.get("ts") == root_ts or m.get("thread_ts") == root_ts
    ]
    return _rows(found, {}, reader, app_name, dividers=False)


def _rows(
    messages: Sequence[Message],
    replies: Mapping[str, Sequence[Message]],
    reader: Reader,
    app_name: str,
    dividers: bool = True,
) -> list[Row]:
    rows: list[Row] = []
    before: tuple[Message, Author, datetime] | None = None
    for message in messages:
        moment = reader.clock.local(_order(message))
        author = author_of(message, reader, app_name)
        new_day = before is None or before[2].date() != moment.date()
        rows.append(
            Row(
                message=message,
                author=author,
                time=reader.clock.time(moment),
                full_time=f"{reader.clock.day_divider(moment)} at "
                f"{reader.clock.time(moment, seconds=True)}",
                divider=reader.clock.day_divider(moment) if new_day and dividers else None,
                headed=new_day or not _together(before, message, author, moment),
                thread=_thread(replies.get(str(message.get("ts")), ()), reader, app_name),
            )
        )
        before = (message, author, moment)
    return rows


def _together(
    before: tuple[Message, Author, datetime] | None,
    message: Message,
    author: Author,
    moment: datetime,
) -> bool:
    """Whether a message follows its author's last one closely enough to share its heading."""
    if before is None or before[1] != author:
        return False
    if before[0].get("ephemeral") or message.get("ephemeral") or before[0].get("blocks"):
        return False
    return (moment - before[2]).total_seconds() < _TOGETHER_SECONDS


def _thread(replies: Sequence[Message], reader: Reader, app_name: str) -> Thread | None:
    if not replies:
        return None
    public = [m for m in replies if not m.get("ephemeral")]
    authors = list(dict.fromkeys(author_of(m, reader, app_name) for m in replies))
    moment = reader.clock.local(_order(replies[-1]))
    return Thread(len(public), len(replies) - len(public), reader.clock.ago(moment), authors[:5])


def _order(message: Message) -> float:
    """The `ts` in seconds; 0 for one that is no number."""
    try:
        return float(message.get("ts") or 0)
    except ValueError:
        return 0.0
