"""Knows how a file gets into a channel of Slack. Never reads one, never keeps one."""

from __future__ import annotations

from slack_sdk import WebClient

from bot.slack_people import slack_errors

METHODS = ("files.getUploadURLExternal", "files.completeUploadExternal")
"""What an upload calls. Source: Working with files, Slack platform documentation."""


def upload(
    slack: WebClient, channel: str, name: str, text: str, said: str, thread: str = ""
) -> None:
    """Put a text file into a channel, below the message `thread` (its ts) where one is given.

    said: a comment in mrkdwn. Raises SlackError.
    The bot must be in the channel. Two calls put two files: a job calls it in a step.
    """
    slack_errors(
        " and ".join(METHODS),
        lambda: slack.files_upload_v2(
            channel=channel,
            filename=name,
            title=name,
            content=text,
            initial_comment=said,
            thread_ts=thread or None,
        ),
    )
