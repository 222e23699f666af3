"""Knows how an app writes the arguments of a Web API call. Never what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from sandbox.slack.refusals import ApiError

_JSON_ARGUMENTS = frozenset(
    {"blocks", "attachments", "metadata", "view", "files", "message", "unfurls"}
)


def read_arguments(content_type: str, query: str, body: bytes) -> dict[str, Any]:
    """The arguments of a call, from JSON, a form or the query; raises ApiError.

    Arguments that hold JSON inside a form (blocks, view, ...) are decoded; what can't be
    decoded stays text, and the method says so.
    """
    arguments: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    if content_type.startswith("application/json"):
        try:
            parsed = json.loads(body or b"{}")
        except ValueError:
            raise ApiError("invalid_json") from None
        if not isinstance(parsed, dict):
            raise ApiError("json_not_object")
        arguments |= parsed
    elif body:
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise ApiError("invalid_form_data") from None
        arguments |= dict(parse_qsl(text, keep_blank_values=True))
    for name in _JSON_ARGUMENTS & arguments.keys():
        if isinstance(arguments[name], str):
            try:
                arguments[name] = json.loads(arguments[name])
            except ValueError:
                continue
    return {k: v for k, v in arguments.items() if v is not None}


class Args:
    """The arguments of one call, read by kind."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str) -> Any:
        return self._values.get(name)

    def text(self, name: str, default: str = "") -> str:
        value = self._values.get(name, default)
        return value if isinstance(value, str) else str(value)

    def need(self, name: str) -> str:
        """Raises ApiError invalid_arguments where it is missing or empty."""
        value = self.text(name)
        if not value:
            message = f"[ERROR] missing required field: {name} [json-pointer:/{name}]"
            raise ApiError("invalid_arguments", [message])
        return value

    def flag(self, name: str) -> bool:
        """True for true, "true" and "1"."""
        return self._values.get(name) in (True, "true", "True", "1", 1)

    def number(self, name: str, default: int) -> int:
        """Raises ApiError invalid_arguments where it is not a whole number."""
        value = self._values.get(name)
        if value in (None, ""):
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            message = f"[ERROR] must be an integer [json-pointer:/{name}]"
            raise ApiError("invalid_arguments", [message]) from None
