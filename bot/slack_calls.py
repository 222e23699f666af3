"""Knows how a call to Slack ended: applied, not applied, or nobody knows. Keeps no state."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

EVENT_TYPE = "trailwatch_message"
"""event_type of the metadata by which a message of ours is found again."""


class Ending(StrEnum):
    APPLIED = "applied"
    LIMITED = "limited"
    """Not applied: Slack names the seconds to wait."""
    NOT_APPLIED = "not applied"
    UNREACHED = "unreached"
    """Not applied: no connection came about."""
    HELD = "held"
    """Not applied: the token or its scopes must be mended first, whatever the message."""
    REFUSED = "refused"
    """Not applied, and this message never will be."""
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True)
class Outcome:
    """How a call ended. retry_after: seconds, where Slack named them."""

    ending: Ending
    error: str = ""
    code: str = ""
    retry_after: float | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)


# Error words of chat.postMessage, chat.update, chat.delete, conversations.history and
# conversations.replies in Slack's reference of these methods.
REFUSED = frozenset(
    {
        "as_user_not_supported",
        "cannot_reply_to_message",
        "cant_broadcast_message",
        "cant_delete_message",
        "cant_update_message",
        "channel_not_found",
        "channel_type_not_supported",
        "compliance_exports_prevent_deletion",
        "edit_window_closed",
        "invalid_arguments",
        "invalid_arg_name",
        "invalid_array_arg",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_channel",
        "invalid_cursor",
        "invalid_json",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "invalid_ts_latest",
        "invalid_ts_oldest",
        "is_archived",
        "is_inactive",
        "message_not_found",
        "messages_tab_disabled",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
        "method_not_supported_for_channel_type",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "not_in_channel",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "slack_connect_canvas_sharing_blocked",
        "slack_connect_file_link_sharing_blocked",
        "team_not_found",
        "thread_not_found",
        "too_many_attachments",
        "too_many_contact_cards",
        "user_not_found",
        "users_not_found",
        "cannot_dm_bot",
        "user_disabled",
    }
)
HELD = frozenset(
    {
        "access_denied",
        "account_inactive",
        "deprecated_endpoint",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "method_deprecated",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
# "It's possible some aspect of the operation succeeded before the error was raised."
AMBIGUOUS = frozenset({"fatal_error", "internal_error", "service_unavailable"})

_WORD = re.compile(r"[a-z0-9_]+\Z")


def bare_client(client: WebClient, timeout: float) -> WebClient:
    """A client to the same Slack that never repeats a call by itself.

    slack_sdk repeats a call after a lost connection, which posts twice.
    """
    return WebClient(
        token=client.token,
        base_url=client.base_url,
        timeout=max(1, round(timeout)),
        ssl=client.ssl,
        proxy=client.proxy,
        team_id=client.default_params.get("team_id"),
        logger=client.logger,
        retry_handlers=[],
    )


def call(client: WebClient, method: str, arguments: Mapping[str, Any]) -> Outcome:
    """Call a method of the Web API and tell how it ended; raises nothing."""
    try:
        response = client.api_call(method, json=dict(arguments))
    except SlackApiError as error:
        return _refusal(error)
    except SlackClientError as error:
        return Outcome(Ending.NOT_APPLIED, f"{method}: {error}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _silence(method, error)
    data = response.data
    return Outcome(Ending.APPLIED, answer=data if isinstance(data, dict) else {})


def _refusal(error: SlackApiError) -> Outcome:
    response = error.response
    status = int(response.status_code)
    data = response.data if isinstance(response.data, dict) else {}
    code = str(data.get("error") or "")
    if status == 429 or code in LIMITED:
        return Outcome(Ending.LIMITED, code or "429", code, _seconds(response.headers))
    if status >= 500 or code in AMBIGUOUS or not _WORD.match(code):
        return Outcome(Ending.AMBIGUOUS, f"HTTP {status} {code[:80]}".strip(), code[:80])
    notes = data.get("response_metadata")
    messages = notes.get("messages") if isinstance(notes, dict) else None
    detail = "; ".join(str(one) for one in messages[:5]) if isinstance(messages, list) else ""
    text = f"{code}: {detail}" if detail else code
    if code in REFUSED:
        return Outcome(Ending.REFUSED, text, code)
    return Outcome(Ending.HELD if code in HELD else Ending.NOT_APPLIED, text, code)


def _silence(method: str, error: Exception) -> Outcome:
    cause = error.reason if isinstance(error, URLError) else error
    text = f"{method}: {type(cause).__name__}: {cause}"[:300]
    unreached = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
    if isinstance(cause, unreached):
        return Outcome(Ending.UNREACHED, text)
    return Outcome(Ending.AMBIGUOUS, text)


def _seconds(headers: Mapping[str, Any]) -> float:
    for name, value in headers.items():
        if name.lower() == "retry-after":
            try:
                return max(0.0, float(value))
            except (TypeError, ValueError):
                return 30.0
    return 30.0
