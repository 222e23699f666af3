"""Knows modals and Home tabs: stacks, hashes, what is typed in. Never how a view is checked."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from sandbox.slack.messages import with_block_ids
from sandbox.slack.refusals import ApiError

Json = dict[str, Any]

STACK = 3
"""A modal may have two more on top (docs.slack.dev/surfaces/modals)."""


@dataclass
class View:
    """One view of one person; `content` is what the app sent and is never changed."""

    id: str
    user: str
    content: Json
    root_id: str
    previous_id: str | None = None
    hash: str = ""
    state: dict[str, dict[str, Json]] = field(default_factory=dict)
    """What the person entered, by block_id and action_id; initial values are not in here."""
    errors: dict[str, str] = field(default_factory=dict)
    blocks: list[Json] = field(default_factory=list)

    def show(self, content: Json) -> None:
        """Put new content in; what was entered stays where block and action still exist."""
        self.content = content
        self.blocks = with_block_ids(content.get("blocks"))
        self.hash = f"{secrets.randbelow(10**10)}.{secrets.token_hex(4)}"
        self.errors = {}
        kept = {b["block_id"] for b in content.get("blocks") or [] if b.get("block_id")}
        self.state = {k: v for k, v in self.state.items() if k in kept}

    def enter(self, entries: dict[str, dict[str, Json]]) -> None:
        """Keep what a person entered, by block_id and action_id."""
        for block_id, values in entries.items():
            self.state.setdefault(block_id, {}).update(values)

    @property
    def is_home(self) -> bool:
        return self.content.get("type") == "home"

    def as_api(self, values: Json) -> Json:
        """The view object of the Web API and of payloads (docs.slack.dev/surfaces/modals)."""
        c = self.content
        return {
            "id": self.id,
            "team_id": "T0SANDBOX1",
            "type": c["type"],
            "blocks": self.blocks,
            "private_metadata": c.get("private_metadata", ""),
            "callback_id": c.get("callback_id", ""),
            "state": {"values": values},
            "hash": self.hash,
            "title": c.get("title"),
            "close": c.get("close"),
            "submit": c.get("submit"),
            "clear_on_close": c.get("clear_on_close", False),
            "notify_on_close": c.get("notify_on_close", False),
            "submit_disabled": False,
            "previous_view_id": self.previous_id,
            "root_view_id": self.root_id,
            "external_id": c.get("external_id", ""),
            "app_id": "A0TRAILWA1",
            "bot_id": "B0TRAILWA1",
            "app_installed_team_id": "T0SANDBOX1",
        }

    def as_sent(self, values: Json) -> Json:
        """For scripts and the page: the blocks as the app sent them, errors, what is entered."""
        return {
            **self.as_api(values),
            "user": self.user,
            "blocks": self.content.get("blocks"),
            "block_ids": [b.get("block_id") for b in self.blocks],
            "errors": dict(self.errors),
        }


class Views:
    """The open modals of everybody, bottom first, and the published Home tabs."""

    def __init__(self) -> None:
        self._stacks: dict[str, list[View]] = {}
        self._homes: dict[str, View] = {}

    def stack(self, user: str) -> list[View]:
        return list(self._stacks.get(user, ()))

    def home(self, user: str) -> View | None:
        return self._homes.get(user)

    def get(self, view_id: str) -> View | None:
        """An open modal or a Home tab by its id."""
        views = [v for stack in self._stacks.values() for v in stack]
        return next((v for v in [*views, *self._homes.values()] if v.id == view_id), None)

    def by_external_id(self, external_id: str) -> View | None:
        views = [v for stack in self._stacks.values() for v in stack]
        return next((v for v in views if v.content.get("external_id") == external_id), None)

    def open(self, user: str, content: Json) -> View:
        """The first modal of a person; one that was open is replaced."""
        self._stacks[user] = []
        return self.push(user, content)

    def push(self, user: str, content: Json) -> View:
        """A modal on top of the others; raises ApiError above three."""
        stack = self._stacks.setdefault(user, [])
        if len(stack) >= STACK:
            raise ApiError("push_limit_reached")
        external = content.get("external_id")
        if external and self.by_external_id(str(external)) is not None:
            raise ApiError("duplicate_external_id")
        view_id = "V" + secrets.token_hex(5).upper()
        root = stack[0].id if stack else view_id
        view = View(view_id, user, content, root, stack[-1].id if stack else None)
        view.show(content)
        stack.append(view)
        return view

    def publish(self, user: str, content: Json, expected_hash: str | None) -> View:
        """A person's Home; raises ApiError hash_conflict when `expected_hash` is not its own."""
        view = self._homes.get(user)
        if view is None:
            view_id = "V" + secrets.token_hex(5).upper()
            view = View(view_id, user, content, view_id)
        elif expected_hash and expected_hash != view.hash:
            raise ApiError("hash_conflict")
        view.show(content)
        self._homes[user] = view
        return view

    def close(self, view: View) -> list[View]:
        """Close a modal and those above it; returns what was closed, top first."""
        stack = self._stacks.get(view.user, [])
        if view not in stack:
            return []
        at = stack.index(view)
        closed = stack[at:]
        del stack[at:]
        return closed[::-1]

    def clear(self, user: str) -> None:
        self._stacks[user] = []
