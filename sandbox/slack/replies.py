"""Knows what a bot may say in return: in its ack or through a response_url. Never how it comes."""

from __future__ import annotations

from typing import Any

from sandbox.slack.arguments import Args
from sandbox.slack.messages import Message
from sandbox.slack.methods_chat import change, content
from sandbox.slack.refusals import ApiError
from sandbox.slack.tickets import Hook
from sandbox.slack.workspace import BOT, BOT_USER, SLACKBOT, Workspace


def reply(
    space: Workspace,
    values: dict[str, Any],
    *,
    user: str,
    channel: str,
    thread_ts: str | None = None,
) -> Message:
    """A new message that answers a person: ephemeral unless response_type is in_channel.

    Raises ApiError no_text or invalid_blocks as for any message.
    """
    args = Args(values)
    given = content(args)
    if not (given["text"] or given["blocks"] or given["attachments"]):
        raise ApiError("no_text", status=400)
    in_channel = args.text("response_type") == "in_channel"
    message = Message(
        channel,
        BOT_USER,
        space.new_ts(),
        given["text"] or "",
        given["blocks"],
        given["attachments"],
        given["metadata"],
        thread_ts=args.text("thread_ts") or thread_ts,
        bot_id=BOT,
        ephemeral_to=None if in_channel else user,
    )
    space.messages.add(message)
    space.changed()
    return message


def answer_hook(space: Workspace, hook_id: str, values: dict[str, Any]) -> None:
    """What came in at a response_url; raises ApiError.

    replace_original and delete_original work for a message that was clicked; for a slash
    command's own reply they have no effect (bolt-python issue 1268).
    """
    hook = space.hooks.use(hook_id)
    args = Args(values)
    original = _original(space, hook)
    try:
        if args.flag("delete_original") and original is not None:
            space.messages.remove(original)
            space.changed()
            if not (values.get("text") or values.get("blocks")):
                return
        elif args.flag("replace_original") and original is not None:
            change(original, content(args), space.new_ts(), keep=False)
            space.changed()
            return
        reply(space, values, user=hook.user, channel=hook.channel, thread_ts=hook.thread_ts)
    except ApiError as refusal:
        refusal.status = 400 if refusal.status == 200 else refusal.status
        raise


def _original(space: Workspace, hook: Hook) -> Message | None:
    return space.messages.get(hook.message) if hook.message is not None else None


def tell(space: Workspace, text: str, *, user: str, channel: str) -> None:
    """Slack itself tells a person that something went wrong."""
    message = Message(channel, SLACKBOT, space.new_ts(), text, ephemeral_to=user)
    space.messages.add(message)
    space.changed()
