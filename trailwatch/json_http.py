"""Knows how a service is asked over HTTP and its JSON read. Never tries again, nor what it means.

Who calls decides on both, and words the errors: services differ.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

CONNECT_SECONDS = 3


@dataclass(frozen=True)
class JsonAnswer:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str]
    said: Any
    """The JSON; {} for an empty body, None for what is no JSON."""


class NoAnswer(Exception):
    """The service was not reached, or broke off; the text is the kind of failure."""


class JsonHttp:
    """Asks once and reads JSON. One instance serves all threads."""

    def __init__(self, read_seconds: float) -> None:
        """read_seconds: how long an answer may let itself be waited for."""
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds)
        self._pool = urllib3.PoolManager(maxsize=4, retries=False, timeout=timeout)

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
    ) -> JsonAnswer:
        """Send a request, with a body as JSON where there is one. Raises NoAnswer."""
        sent = {**headers, "Accept": "application/json"}
        content = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        try:
            answer = self._pool.request(method, url, body=content, headers=sent)
        except urllib3.exceptions.HTTPError as error:
            raise NoAnswer(type(error).__name__) from error
        try:
            said = json.loads(answer.data) if answer.data else {}
        except ValueError:
            said = None
        return JsonAnswer(answer.status, answer.headers, said)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()
