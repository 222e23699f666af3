"""Knows the Web API methods conversations.*, users.*, usergroups.*. Never how a call arrives.

Source: docs.slack.dev/reference/methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.slack.arguments import Args
from sandbox.slack.messages import Json, Message
from sandbox.slack.refusals import ApiError
from sandbox.slack.workspace import BOT_USER, Workspace


def _page(items: Sequence[Any], args: Args, default: int = 100) -> tuple[list[Any], Json]:
    limit = args.number("limit", default)
    if not 1 <= limit <= 1000:
        raise ApiError("invalid_limit")
    cursor = args.text("cursor")
    if cursor and not cursor.startswith("next:"):
        raise ApiError("invalid_cursor")
    start = int(cursor.removeprefix("next:") or 0) if cursor else 0
    more = start + limit < len(items)
    metadata = {"next_cursor": f"next:{start + limit}" if more else ""}
    return list(items[start : start + limit]), {"response_metadata": metadata}


def _within(messages: list[Message], args: Args) -> list[Message]:
    oldest, latest = args.text("oldest"), args.text("latest")
    inclusive = args.flag("inclusive")
    low = _stamp(oldest) if oldest else 0.0
    high = _stamp(latest) if latest else float("inf")

    def inside(message: Message) -> bool:
        at = float(message.ts)
        return low <= at <= high if inclusive else low < at < high

    return [m for m in messages if inside(m)]


def _stamp(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ApiError("invalid_ts_oldest") from None


def history(space: Workspace, args: Args) -> Json:
    """conversations.history: newest first, without thread replies."""
    channel = space.channel_for_bot(args.need("channel"), write=False)
    found = _within(space.messages.in_channel(channel.id), args)[::-1]
    page, metadata = _page(found, args)
    keep = args.flag("include_all_metadata")
    more = bool(metadata["response_metadata"]["next_cursor"])
    return {
        "messages": [m.as_api(metadata=keep) for m in page],
        "has_more": more,
        "pin_count": 0,
        **(metadata if more else {}),
    }


def replies(space: Workspace, args: Args) -> Json:
    """conversations.replies: the parent, then its replies, oldest first."""
    channel = space.channel_for_bot(args.need("channel"), write=False)
    parent = space.messages.get(args.need("ts"))
    if parent is None or parent.channel != channel.id:
        raise ApiError("thread_not_found")
    found = [parent, *_within(parent.replies, args)]
    page, metadata = _page(found, args)
    keep = args.flag("include_all_metadata")
    more = bool(metadata["response_metadata"]["next_cursor"])
    return {
        "messages": [m.as_api(metadata=keep) for m in page],
        "has_more": more,
        **(metadata if more else {}),
    }


def conversation(space: Workspace, args: Args) -> Json:
    """conversations.info."""
    channel = space.channels.get(args.need("channel"))
    if channel is None or (channel.is_private and BOT_USER not in channel.members):
        raise ApiError("channel_not_found")
    return {"channel": channel.as_json()}


def conversations(space: Workspace, args: Args) -> Json:
    """conversations.list: private channels only where the bot is a member."""
    kinds = set(args.text("types", "public_channel").replace(" ", "").split(","))
    found = [
        c.as_json()
        for c in space.channels.values()
        if ("im" in kinds if c.im_with else False)
        or (not c.im_with and not c.is_private and "public_channel" in kinds)
        or (c.is_private and "private_channel" in kinds and BOT_USER in c.members)
    ]
    if args.flag("exclude_archived"):
        found = [c for c in found if not c["is_archived"]]
    page, metadata = _page(found, args)
    return {"channels": page, **metadata}


def members(space: Workspace, args: Args) -> Json:
    """conversations.members."""
    channel = space.channels.get(args.need("channel"))
    if channel is None or (channel.is_private and BOT_USER not in channel.members):
        raise ApiError("channel_not_found")
    page, metadata = _page(sorted(channel.members), args)
    return {"members": page, **metadata}


def open_conversation(space: Workspace, args: Args) -> Json:
    """conversations.open: the direct conversation with one user."""
    users = args.text("users").split(",") if args.text("users") else []
    if not users:
        raise ApiError("users_list_not_supplied")
    if len(users) > 1:
        raise ApiError("method_not_supported_for_channel_type")
    person = space.people.get(users[0])
    if person is None or person.is_bot:
        raise ApiError("user_not_found")
    known = any(c.im_with == person.id for c in space.channels.values())
    channel = space.dm_with(person)
    shown = channel.as_json() if args.flag("return_im") else {"id": channel.id}
    return {"channel": shown, "already_open": known, "no_op": known}


def join(space: Workspace, args: Args) -> Json:
    """conversations.join: public channels only."""
    channel = space.channels.get(args.need("channel"))
    if channel is None or channel.is_private:
        raise ApiError("channel_not_found")
    if channel.im_with:
        raise ApiError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise ApiError("is_archived")
    warning = {"warning": "already_in_channel"} if BOT_USER in channel.members else {}
    channel.members.add(BOT_USER)
    space.changed()
    return {"channel": channel.as_json(), **warning}


def user(space: Workspace, args: Args) -> Json:
    """users.info."""
    person = space.people.get(args.need("user"))
    if person is None:
        raise ApiError("user_not_found")
    return {"user": person.as_user()}


def users(space: Workspace, args: Args) -> Json:
    """users.list: people from other workspaces are not in it."""
    own = [p.as_user() for p in space.people.values()]
    page, metadata = _page([u for u in own if not u.get("is_stranger")], args, 1000)
    return {"members": page, "cache_ts": int(space.clock()), **metadata}


def user_by_email(space: Workspace, args: Args) -> Json:
    """users.lookupByEmail."""
    email = args.need("email").lower()
    for person in space.people.values():
        shown = person.as_user()
        if email == shown["profile"].get("email", "").lower() and not person.deleted:
            return {"user": shown}
    raise ApiError("users_not_found")


def usergroups(space: Workspace, args: Args) -> Json:
    """usergroups.list, with `users` where include_users asks for them."""
    listed = []
    for group, (handle, people) in space.usergroups.items():
        entry: Json = {
            "id": group,
            "team_id": "T0SANDBOX1",
            "is_usergroup": True,
            "name": handle.replace("-", " ").capitalize(),
            "handle": handle,
            "date_delete": 0,
            "user_count": len(people),
        }
        if args.flag("include_users"):
            entry["users"] = list(people)
        listed.append(entry)
    return {"usergroups": listed}


def usergroup_users(space: Workspace, args: Args) -> Json:
    """usergroups.users.list."""
    found = space.usergroups.get(args.need("usergroup"))
    if found is None:
        raise ApiError("no_such_subteam")
    return {"users": list(found[1])}


METHODS = {
    "conversations.history": history,
    "conversations.replies": replies,
    "conversations.info": conversation,
    "conversations.list": conversations,
    "conversations.members": members,
    "conversations.open": open_conversation,
    "conversations.join": join,
    "users.info": user,
    "users.list": users,
    "users.lookupByEmail": user_by_email,
    "usergroups.list": usergroups,
    "usergroups.users.list": usergroup_users,
}
