"""Knows the Slack app's manifest: made from what the code uses, so that nothing is missing."""

from __future__ import annotations

from typing import Any

from bot.slack_app import COMMAND

SCOPES: dict[str, tuple[str, ...]] = {
    "commands": (),
    "chat:write": ("chat.postMessage", "chat.update", "chat.delete"),
    "channels:history": ("conversations.history", "conversations.replies"),
    "groups:history": ("conversations.history", "conversations.replies"),
    "channels:read": ("conversations.info",),
    "groups:read": ("conversations.info",),
    "files:write": ("files.getUploadURLExternal", "files.completeUploadExternal"),
    "users:read": ("users.info",),
    "users:read.email": ("users.lookupByEmail",),
    "usergroups:read": ("usergroups.users.list",),
    "im:write": ("conversations.open",),
}
"""Each bot scope and the Web API methods that need it. users:read.email adds the address to
users.info, under which the on-call service knows a person; history finds a post again whose
answer was lost."""

NO_SCOPE = ("auth.test", "views.publish", "apps.connections.open")
"""Methods that need no bot scope (apps.connections.open: the app-level connections:write)."""

EVENTS = ("app_home_opened",)
THREADS = ("message.channels", "message.groups")
"""Events that are asked for where replies in threads become notes."""


def manifest(
    *, socket_mode: bool = True, public_url: str = "", thread_notes: bool = False
) -> dict[str, Any]:
    """The manifest, schema version 2, as api.slack.com/apps takes it.

    Without Socket Mode Slack needs `public_url` for commands, clicks and events.
    """
    slack_url = f"{public_url or 'https://trailwatch.example.com'}/slack/events"
    url = {} if socket_mode else {"url": slack_url}
    request_url = {} if socket_mode else {"request_url": slack_url}
    return {
        "_metadata": {"major_version": 2, "minor_version": 0},
        "display_information": {
            "name": "trailwatch",
            "description": "CloudTrail alarms: built, tuned and answered in Slack",
            "background_color": "#1d2733",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": "trailwatch", "always_online": True},
            "slash_commands": [
                {
                    "command": COMMAND,
                    "description": "Build, tune and answer CloudTrail alarms",
                    "usage_hint": "help | setup plan | alerts | digest now",
                    "should_escape": True,
                    **url,
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {
                "bot_events": [*EVENTS, *(THREADS if thread_notes else ())],
                **request_url,
            },
            "interactivity": {"is_enabled": True, **request_url},
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket_mode,
            "token_rotation_enabled": False,
        },
    }
