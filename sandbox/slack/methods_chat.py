"""Knows the Web API methods chat.* and reactions.*. Never how a call arrives.

Source: docs.slack.dev/reference/methods.
"""

from __future__ import annotations

from typing import Any

from sandbox.slack.arguments import Args
from sandbox.slack.block_rules import Problem
from sandbox.slack.blocks import attachment_problems, block_problems, metadata_problems
from sandbox.slack.messages import Json, Message
from sandbox.slack.refusals import ApiError
from sandbox.slack.workspace import BOT, BOT_USER, Channel, Workspace

TEXT_SHOWN = 40_000
"""chat.postMessage cuts longer text off."""
TEXT_UPDATED = 4_000
"""chat.update refuses longer text."""


def content(args: Args) -> dict[str, Any]:
    """The checked text, blocks, attachments and metadata that a call carries; raises ApiError."""
    blocks, attachments, metadata = (
        args.get("blocks"),
        args.get("attachments"),
        args.get("metadata"),
    )
    for name, value in (("blocks", blocks), ("attachments", attachments)):
        if isinstance(value, str) and value:
            raise ApiError(f"invalid_{name}_format")
    if blocks:
        _refuse("invalid_blocks", block_problems(blocks))
    if attachments:
        _refuse("invalid_attachments", attachment_problems(attachments))
    if metadata:
        _refuse("invalid_metadata_format", metadata_problems(metadata))
    text = args.get("text")
    if text is not None and not isinstance(text, str):
        raise ApiError("invalid_arguments", ["[ERROR] must be a string [json-pointer:/text]"])
    markdown = args.get("markdown_text")
    return {
        "text": text if text is not None else markdown,
        "blocks": blocks,
        "attachments": attachments,
        "metadata": metadata,
    }


def _refuse(code: str, problems: list[Problem]) -> None:
    if problems:
        raise ApiError(code, [p.as_message() for p in problems])


def _thread(space: Workspace, channel: Channel, args: Args) -> str | None:
    thread_ts = args.text("thread_ts")
    if not thread_ts:
        return None
    parent = space.messages.get(thread_ts)
    if parent is None or parent.channel != channel.id or parent.ephemeral_to is not None:
        raise ApiError("thread_not_found")
    if parent.thread_ts is not None:
        raise ApiError("cannot_reply_to_message")
    return thread_ts


def post_message(space: Workspace, args: Args) -> Json:
    """chat.postMessage: raises ApiError as the method's page lists."""
    channel = space.channel_for_bot(args.need("channel"), by_name=True)
    given = content(args)
    if not (given["text"] or given["blocks"] or given["attachments"]):
        raise ApiError("no_text")
    thread_ts = _thread(space, channel, args)
    space.posts.take(channel.id)
    message = space.messages.add(
        Message(
            channel.id,
            BOT_USER,
            space.new_ts(),
            (given["text"] or "")[:TEXT_SHOWN],
            given["blocks"],
            given["attachments"],
            given["metadata"],
            thread_ts,
            bot_id=BOT,
            broadcast=thread_ts is not None and args.flag("reply_broadcast"),
        )
    )
    space.heard("post", message)
    return {"channel": channel.id, "ts": message.ts, "message": message.as_api()}


def post_ephemeral(space: Workspace, args: Args) -> Json:
    """chat.postEphemeral: seen by one member of the channel, never in its history."""
    channel = space.channel_for_bot(args.need("channel"), by_name=True)
    user = args.need("user")
    if user not in space.people:
        raise ApiError("user_not_found")
    if user not in channel.members:
        raise ApiError("user_not_in_channel")
    given = content(args)
    if not (given["text"] or given["blocks"] or given["attachments"]):
        raise ApiError("no_text")
    message = Message(
        channel.id,
        BOT_USER,
        space.new_ts(),
        (given["text"] or "")[:TEXT_SHOWN],
        given["blocks"],
        given["attachments"],
        thread_ts=_thread(space, channel, args),
        bot_id=BOT,
        ephemeral_to=user,
    )
    space.messages.add(message)
    space.changed()
    return {"message_ts": message.ts}


def _own_message(space: Workspace, args: Args, refusal: str, name: str = "ts") -> Message:
    channel = space.channel_for_bot(args.need("channel"))
    message = space.messages.get(args.need(name))
    if message is None or message.channel != channel.id or message.ephemeral_to is not None:
        raise ApiError("message_not_found")
    if message.bot_id != BOT:
        raise ApiError(refusal)
    return message


def change(message: Message, given: dict[str, Any], ts: str, *, keep: bool) -> None:
    """Edit a message in place; `keep` leaves what `given` does not name (chat.update)."""
    message.earlier.extendleft(message.surfaces())
    for name in ("blocks", "attachments", "metadata"):
        if given[name] is not None or not keep:
            setattr(message, name, given[name] or None)
    if given["text"] is not None or given["blocks"] or not keep:
        message.text = (given["text"] or "")[:TEXT_SHOWN]
    message.edited = {"user": message.user, "ts": ts}
    message.fill()


def update(space: Workspace, args: Args) -> Json:
    """chat.update: by channel id and ts; blocks and attachments that are not named stay."""
    message = _own_message(space, args, "cant_update_message")
    given = content(args)
    if given["text"] is None and given["blocks"] is None and given["attachments"] is None:
        raise ApiError("no_text")
    if len(given["text"] or "") > TEXT_UPDATED:
        raise ApiError("msg_too_long")
    change(message, given, space.new_ts(), keep=True)
    space.heard("edit", message)
    return {
        "channel": message.channel,
        "ts": message.ts,
        "text": message.text,
        "message": message.as_api(),
    }


def delete(space: Workspace, args: Args) -> Json:
    """chat.delete: the bot's own messages."""
    message = _own_message(space, args, "cant_delete_message")
    space.messages.remove(message)
    space.heard("delete", message)
    return {"channel": message.channel, "ts": message.ts}


def permalink(space: Workspace, args: Args) -> Json:
    """chat.getPermalink."""
    channel = space.channel_for_bot(args.need("channel"), write=False)
    message = space.messages.get(args.need("message_ts"))
    if message is None or message.channel != channel.id:
        raise ApiError("message_not_found")
    link = f"https://sandbox.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def _reaction(space: Workspace, args: Args) -> tuple[Message, str]:
    name = args.need("name").strip(":")
    channel = space.channel_for_bot(args.need("channel"))
    message = space.messages.get(args.need("timestamp"))
    if message is None or message.channel != channel.id or message.ephemeral_to is not None:
        raise ApiError("message_not_found")
    return message, name


def add_reaction(space: Workspace, args: Args) -> Json:
    """reactions.add."""
    message, name = _reaction(space, args)
    users = message.reactions.setdefault(name, [])
    if BOT_USER in users:
        raise ApiError("already_reacted")
    users.append(BOT_USER)
    space.changed()
    return {}


def remove_reaction(space: Workspace, args: Args) -> Json:
    """reactions.remove."""
    message, name = _reaction(space, args)
    users = message.reactions.get(name, [])
    if BOT_USER not in users:
        raise ApiError("no_reaction")
    users.remove(BOT_USER)
    if not users:
        del message.reactions[name]
    space.changed()
    return {}


METHODS = {
    "chat.postMessage": post_message,
    "chat.postEphemeral": post_ephemeral,
    "chat.update": update,
    "chat.delete": delete,
    "chat.getPermalink": permalink,
    "reactions.add": add_reaction,
    "reactions.remove": remove_reaction,
}
