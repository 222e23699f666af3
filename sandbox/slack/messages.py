"""Knows messages, threads and ephemerals, as they were sent. Never who may read or write."""

from __future__ import annotations

import bisect
import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

_block_numbers = itertools.count(1)


def with_block_ids(blocks: list[Json] | None) -> list[Json]:
    """A copy in which every block has a block_id, as Slack gives one where the app did not."""
    filled = []
    for block in blocks or []:
        block_id = block.get("block_id") or f"b{next(_block_numbers):04x}"
        named = {**block, "block_id": block_id}
        if isinstance(block.get("child_blocks"), list):
            named["child_blocks"] = with_block_ids(block["child_blocks"])
        filled.append(named)
    return filled


@dataclass
class Message:
    """One message. `blocks` and `attachments` are what the bot sent and are never changed."""

    channel: str
    user: str
    ts: str
    text: str = ""
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    metadata: Json | None = None
    thread_ts: str | None = None
    bot_id: str | None = None
    ephemeral_to: str | None = None
    edited: Json | None = None
    broadcast: bool = False
    files: list[Json] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    replies: list[Message] = field(default_factory=list)
    filled: list[Json] = field(default_factory=list)
    filled_attachments: list[Json] = field(default_factory=list)
    earlier: deque[list[Json]] = field(default_factory=lambda: deque(maxlen=20))
    """The blocks of the versions before an edit, newest first: somebody's screen may still show
    one, and a click on it arrives."""

    def __post_init__(self) -> None:
        self.fill()

    def fill(self) -> None:
        """Give the blocks their ids; after every change of them."""
        self.filled = with_block_ids(self.blocks)
        self.filled_attachments = []
        for number, attachment in enumerate(self.attachments or [], 1):
            filled = {"id": number, **attachment}
            if "blocks" in attachment:
                filled["blocks"] = with_block_ids(attachment["blocks"])
            self.filled_attachments.append(filled)

    def surfaces(self) -> Iterator[list[Json]]:
        """The lists of blocks in which something can be clicked, with their ids."""
        yield self.filled
        for attachment in self.filled_attachments:
            yield attachment.get("blocks") or []

    def as_sent(self) -> Json:
        """For scripts and the page: what the bot sent, unchanged, and what Slack knows of it."""
        out: Json = {
            "channel": self.channel,
            "user": self.user,
            "bot_id": self.bot_id,
            "ts": self.ts,
            "thread_ts": self.thread_ts,
            "text": self.text,
            "blocks": self.blocks,
            "attachments": self.attachments,
            "metadata": self.metadata,
            "edited": self.edited,
            "reply_count": len(self.replies),
            "ephemeral": self.ephemeral_to is not None,
            "block_ids": [b.get("block_id") for b in self.filled],
        }
        if self.ephemeral_to is not None:
            out["to"] = self.ephemeral_to
        if self.files:
            out["files"] = self.files
        if self.broadcast:
            out["reply_broadcast"] = True
        if self.reactions:
            out["reactions"] = self._reactions()
        return out

    def as_api(self, *, metadata: bool = True) -> Json:
        """The message object of the Web API, block ids filled in."""
        out: Json = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text}
        if self.bot_id is not None:
            out |= {"bot_id": self.bot_id, "app_id": "A0TRAILWA1", "team": "T0SANDBOX1"}
        if self.filled:
            out["blocks"] = self.filled
        if self.filled_attachments:
            out["attachments"] = self.filled_attachments
        if self.metadata and metadata:
            out["metadata"] = self.metadata
        if self.edited:
            out["edited"] = self.edited
        if self.files:
            out["files"] = self.files
        if self.reactions:
            out["reactions"] = self._reactions()
        if self.thread_ts:
            out["thread_ts"] = self.thread_ts
        if self.broadcast:
            out["subtype"] = "thread_broadcast"
        if self.replies:
            users = list(dict.fromkeys(r.user for r in self.replies))
            out |= {
                "thread_ts": self.ts,
                "reply_count": len(self.replies),
                "reply_users": users,
                "reply_users_count": len(users),
                "latest_reply": self.replies[-1].ts,
                "is_locked": False,
                "subscribed": False,
            }
        return out

    def _reactions(self) -> list[Json]:
        return [{"name": n, "users": u, "count": len(u)} for n, u in self.reactions.items()]


class Messages:
    """All messages of the workspace, oldest first; time stamps are unique among all channels."""

    def __init__(self) -> None:
        self._stamps: list[str] = []
        self._all: dict[str, Message] = {}

    def add(self, message: Message) -> Message:
        """Keep a message whose ts is newer than every other; a reply joins its parent."""
        self._stamps.append(message.ts)
        self._all[message.ts] = message
        parent = self._all.get(message.thread_ts or "")
        if parent is not None and message.ephemeral_to is None:
            parent.replies.append(message)
        return message

    def get(self, ts: str) -> Message | None:
        return self._all.get(ts)

    def remove(self, message: Message) -> None:
        """Forget a message; replies to it stay."""
        del self._all[message.ts]
        del self._stamps[bisect.bisect_left(self._stamps, message.ts)]
        parent = self._all.get(message.thread_ts or "")
        if parent is not None and message in parent.replies:
            parent.replies.remove(message)

    def after(self, ts: str | None) -> Iterator[Message]:
        """All that are newer than `ts`, oldest first."""
        start = bisect.bisect_right(self._stamps, ts) if ts else 0
        for stamp in self._stamps[start:]:
            yield self._all[stamp]

    def in_channel(self, channel: str) -> list[Message]:
        """What stands in the channel itself (no replies, but broadcast ones), oldest first."""
        return [
            m
            for m in self.after(None)
            if m.channel == channel
            and m.ephemeral_to is None
            and (m.thread_ts is None or m.broadcast)
        ]
