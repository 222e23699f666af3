"""Knows how to ask Slack about people and how to answer them in private. Keeps nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from trailwatch.errors import SlackError

T = TypeVar("T")


def slack_errors(operation: str, call: Callable[[], T]) -> T:
    """Run a call of slack_sdk; every failure becomes a SlackError, `code` Slack's own word."""
    try:
        return call()
    except SlackApiError as error:
        code = str(error.response.get("error", "")) if error.response else ""
        status = getattr(error.response, "status_code", 0)
        raise SlackError(
            f"Slack refused {operation}: {code or status}.",
            operation=operation,
            code=code,
            retryable=status == 429 or status >= 500 or code in ("ratelimited", "internal_error"),
        ) from error
    except (SlackClientError, OSError) as error:
        raise SlackError(
            f"Slack does not answer {operation}.",
            f"{type(error).__name__}.",
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
