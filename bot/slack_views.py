"""Knows how Home and modals are shown in Slack, and where a message is. Keeps nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slack_sdk import WebClient

from bot.slack_people import slack_errors


def publish_home(slack: WebClient, user_id: str, view: Mapping[str, Any]) -> None:
    """Publish a Home view; raises SlackError."""
    slack_errors("views.publish", lambda: slack.views_publish(user_id=user_id, view=dict(view)))


def permalink(slack: WebClient, channel: str, ts: str) -> str:
    """A message's address; raises SlackError."""
    answer = slack_errors(
        "chat.getPermalink", lambda: slack.chat_getPermalink(channel=channel, message_ts=ts)
    )
    return str(answer["permalink"])


def open_view(slack: WebClient, trigger_id: str, view: Mapping[str, Any]) -> None:
    """Open a modal; raises SlackError."""
    slack_errors("views.open", lambda: slack.views_open(trigger_id=trigger_id, view=dict(view)))
