"""Knows what Slack sends an app when a person does something. Never how it is sent.

Source: docs.slack.dev/reference/interaction-payloads and /reference/events.
"""

from __future__ import annotations

from typing import Any

from sandbox.slack.elements import state_values
from sandbox.slack.messages import Json, Message
from sandbox.slack.tickets import Hook
from sandbox.slack.views import View
from sandbox.slack.workspace import APP, BOT_USER, TEAM, TEAM_DOMAIN, Channel, Person, Workspace


def _hook_url(space: Workspace, hook: Hook) -> str:
    return f"{space.base_url}/hooks/{hook.id}"


def slash_command(
    space: Workspace, person: Person, channel: Channel, command: str, text: str
) -> Json:
    """A slash command (docs.slack.dev/interactivity/implementing-slash-commands)."""
    return {
        "token": "verification-token",
        "team_id": person.team,
        "team_domain": TEAM_DOMAIN if person.team == TEAM else "partner",
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.im_with else channel.name,
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": _hook_url(space, space.hooks.issue(person.id, channel.id)),
        "trigger_id": space.triggers.issue(person.id),
    }


def _who(space: Workspace, person: Person) -> Json:
    user = {
        "id": person.id,
        "username": person.name,
        "name": person.name,
        "team_id": person.team,
    }
    return {
        "user": user,
        "api_app_id": APP,
        "token": "verification-token",
        "team": {"id": TEAM, "domain": TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def message_action(
    space: Workspace, person: Person, channel: Channel, message: Message, actions: list[Json]
) -> Json:
    """block_actions from a message. An ephemeral one is not in the payload, only its ts."""
    ephemeral = message.ephemeral_to is not None
    hook = space.hooks.issue(person.id, channel.id, message.ts, message.thread_ts)
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": ephemeral,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    values: Json = {}
    for blocks in message.surfaces():
        values |= state_values(blocks, {})
    payload = {
        "type": "block_actions",
        **_who(space, person),
        "container": container,
        "trigger_id": space.triggers.issue(person.id),
        "channel": {"id": channel.id, "name": channel.name or "directmessage"},
        "state": {"values": values},
        "response_url": _hook_url(space, hook),
        "actions": actions,
    }
    if not ephemeral:
        payload["message"] = message.as_api()
    return payload


def _shown(view: View) -> Json:
    return view.as_api(state_values(view.blocks, view.state))


def view_action(space: Workspace, person: Person, view: View, actions: list[Json]) -> Json:
    """block_actions from a modal or the Home tab."""
    shown = _shown(view)
    return {
        "type": "block_actions",
        **_who(space, person),
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": space.triggers.issue(person.id),
        "view": shown,
        "state": shown["state"],
        "actions": actions,
    }


def view_submission(space: Workspace, person: Person, view: View) -> Json:
    """A modal was submitted."""
    return {
        "type": "view_submission",
        **_who(space, person),
        "trigger_id": space.triggers.issue(person.id),
        "view": _shown(view),
        "response_urls": [],
    }


def view_closed(space: Workspace, person: Person, view: View, *, cleared: bool = False) -> Json:
    """A modal with notify_on_close was closed."""
    return {
        "type": "view_closed",
        **_who(space, person),
        "view": _shown(view),
        "is_cleared": cleared,
    }


def suggestion(
    space: Workspace, person: Person, block: Json, element: Json, text: str, more: Json
) -> Json:
    """block_suggestion: a person types into an external select."""
    return {
        "type": "block_suggestion",
        **_who(space, person),
        "block_id": block["block_id"],
        "action_id": element.get("action_id", ""),
        "value": text,
        **more,
    }


def event(space: Workspace, event: dict[str, Any]) -> Json:
    """The outer envelope of the Events API around one event."""
    ts = space.new_ts()
    return {
        "token": "verification-token",
        "team_id": TEAM,
        "context_team_id": TEAM,
        "api_app_id": APP,
        "event": {**event, "event_ts": event.get("event_ts", ts)},
        "type": "event_callback",
        "event_id": "Ev" + ts.replace(".", ""),
        "event_time": int(float(ts)),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }
