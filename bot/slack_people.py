"""Knows how to ask Slack about people and how to answer them in private. Keeps nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from trailwatch.errors import SlackError

T = TypeVar("T")

PASSING = frozenset({"fatal_error", "internal_error", "ratelimited", "service_unavailable"})
"""Error words after which the same call may succeed ("Errors" of the methods in Slack's docs)."""

_RENEW = "Set SLACK_BOT_TOKEN (SLACK_APP_TOKEN for Socket Mode) anew from the app's settings."
_SCOPE = "Update the app with the output of `trailwatch manifest` and install it again."
FIXES = {
    "account_inactive": _RENEW,
    "invalid_auth": _RENEW,
    "not_allowed_token_type": _RENEW,
    "not_authed": _RENEW,
    "token_expired": _RENEW,
    "token_revoked": _RENEW,
    "missing_scope": _SCOPE,
    "channel_not_found": "Set SLACK_CHANNEL to the channel's id, and invite the bot to it.",
    "not_in_channel": "Invite the bot to the channel: /invite @trailwatch",
    "is_archived": "Set SLACK_CHANNEL to a channel that is not archived.",
}

_WORD = re.compile(r"[a-z0-9_]{1,60}")


def slack_errors(operation: str, call: Callable[[], T]) -> T:
    """Run a call of slack_sdk; every failure becomes a SlackError, `code` Slack's own word."""
    try:
        return call()
    except SlackApiError as error:
        code = str(error.response.get("error", "")) if error.response else ""
        status = getattr(error.response, "status_code", 0)
        retryable = status == 429 or status >= 500 or code in PASSING
        if not _WORD.fullmatch(code):
            code = str(status)  # the page of a broken gateway
        raise SlackError(
            f"Slack refused {operation}: {code}.",
            fix=FIXES.get(code, "Try again in a moment." if retryable else ""),
            operation=operation,
            code=code,
            retryable=retryable,
        ) from error
    except (SlackClientError, OSError) as error:
        raise SlackError(
            f"Slack does not answer {operation}.",
            f"{type(error).__name__}.",
            "Try again in a moment; if it lasts, look at the network and at Slack's status page.",
            operation=operation,
            retryable=True,
        ) from error


class SlackDirectory:
    """Users and groups of the workspace (users.info, usergroups.users.list, auth.test)."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._team = ""

    def user(self, user_id: str) -> Mapping[str, Any]:
        answer = slack_errors("users.info", lambda: self._client.users_info(user=user_id))
        user: Mapping[str, Any] = answer["user"]
        return user

    def user_by_email(self, email: str) -> Mapping[str, Any]:
        answer = slack_errors(
            "users.lookupByEmail", lambda: self._client.users_lookupByEmail(email=email)
        )
        user: Mapping[str, Any] = answer["user"]
        return user

    def group_members(self, group_id: str) -> list[str]:
        answer = slack_errors(
            "usergroups.users.list",
            lambda: self._client.usergroups_users_list(usergroup=group_id),
        )
        return [str(member) for member in answer["users"]]

    def team_id(self) -> str:
        if not self._team:
            self._team = str(slack_errors("auth.test", self._client.auth_test)["team_id"])
        return self._team


def open_direct(client: WebClient, user_id: str) -> str:
    """The id of the direct conversation with somebody (conversations.open); raises SlackError."""
    answer = slack_errors("conversations.open", lambda: client.conversations_open(users=user_id))
    return str(answer["channel"]["id"])


def answer_in_private(response_url: str, text: str, blocks: Sequence[Mapping[str, Any]]) -> None:
    """Post to a response_url, visible to the asking person only; raises SlackError.

    A response_url is valid five times within 30 minutes ("Handling user interaction", Slack).
    """
    if not response_url:
        return
    client = WebhookClient(response_url, timeout=10)
    answer = slack_errors(
        "response_url",
        lambda: client.send(
            text=text,
            blocks=list(blocks) or None,  # type: ignore[arg-type]
            response_type="ephemeral",
            replace_original=False,
        ),
    )
    if answer.status_code != 200:
        raise SlackError(
            f"Slack refused the answer: {answer.body[:100]}",
            operation="response_url",
            code=str(answer.status_code),
            retryable=answer.status_code == 429 or answer.status_code >= 500,
        )
