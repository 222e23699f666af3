"""Knows Opsgenie's Integration API, which its SDK lacks. Never logs a key or a secret."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from trailwatch.errors import RouterError
from trailwatch.json_http import JsonHttp, NoAnswer

READ_SECONDS = 20
ATTEMPTS = 4
LONGEST_WAIT = 30.0


class IntegrationsApi:
    """Integrations and their actions, under `base_url` (https://api.opsgenie.com).

    `api_key` needs the right "Configuration"; `attempts` is how often a call is tried. Every method
    raises RouterError. Source: Integration API, docs.opsgenie.com.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._auth = {"Authorization": f"GenieKey {api_key}"}
        self._http = JsonHttp(READ_SECONDS)
        self._sleep = sleep
        self._attempts = attempts

    def list(self) -> list[dict[str, Any]]:
        """Every integration: id, name, enabled, type, teamId."""
        return list(self._data("GET", ""))

    def get(self, ident: str) -> dict[str, Any]:
        """An integration's settings; headers and url for a webhook, never the key."""
        return dict(self._data("GET", f"/{quote(ident, safe='')}"))

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make one; the answer has id, name and apiKey."""
        return dict(self._data("POST", "", body))

    def update(self, ident: str, body: Mapping[str, Any]) -> None:
        """Replace an integration's settings."""
        self._data("PUT", f"/{quote(ident, safe='')}", body)

    def delete(self, ident: str) -> None:
        """Delete one; one that is gone already is fine."""
        try:
            self._data("DELETE", f"/{quote(ident, safe='')}")
        except RouterError as error:
            if error.code != "404":
                raise

    def enable(self, ident: str) -> None:
        self._data("POST", f"/{quote(ident, safe='')}/enable")

    def actions(self, ident: str) -> dict[str, Any]:
        """An integration's actions by category: ignore, create, close, acknowledge, addNote."""
        return dict(self._data("GET", f"/{quote(ident, safe='')}/actions"))

    def put_actions(self, ident: str, actions: Mapping[str, Any]) -> None:
        """Replace all of an integration's actions."""
        self._data("PUT", f"/{quote(ident, safe='')}/actions", actions)

    def close(self) -> None:
        self._http.close()

    def _data(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The "data" of the answer; waits and asks again where that is safe."""
        for attempt in range(1, self._attempts + 1):
            try:
                return self._ask(method, path, body)
            except RouterError as error:
                # A POST that got no answer may have taken effect; 429 says that it did not.
                safe = method != "POST" or error.code == "429"
                if not (error.retryable and safe) or attempt == self._attempts:
                    raise
                wait = error.retry_after if error.retry_after is not None else 0.5 * 2**attempt
                self._sleep(min(wait, LONGEST_WAIT))
        raise AssertionError("unreachable")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        what = f"{method} /v2/integrations{path}"
        try:
            answer = self._http.ask(method, f"{self._base}/v2/integrations{path}", self._auth, body)
        except NoAnswer as error:
            raise RouterError(
                "Opsgenie did not answer.",
                f"{error} at {what}.",
                "Try again; look at the address and at Opsgenie's status page.",
                operation=what,
                code=str(error),
                retryable=True,
            ) from error
        said = answer.said if isinstance(answer.said, dict) else {}
        if answer.status >= 400:
            raise _refused(what, answer.status, answer.headers, said)
        return said.get("data", {})


def _refused(
    what: str, status: int, headers: Mapping[str, str], said: Mapping[str, Any]
) -> RouterError:
    errors = said.get("errors")
    why = str(said.get("message", ""))
    if isinstance(errors, Mapping) and errors:
        why = f"{why} {'; '.join(f'{key}: {text}' for key, text in errors.items())}".strip()
    fix, permission = "", ""
    if status == 401:
        fix = "Look at the Opsgenie API key for setting up: Opsgenie does not know it."
    elif status == 403:
        permission = "Configuration access"
        fix = "Give the Opsgenie API key for setting up the right Configuration access."
    elif status == 429 or status >= 500:
        fix = "Try again in a moment."
    return RouterError(
        f"Opsgenie refused {what} ({status}).",
        why[:500],
        fix,
        operation=what,
        code=str(status),
        request_id=str(said.get("requestId", headers.get("X-Request-ID", ""))),
        permission=permission,
        retryable=status == 429 or status >= 500,
        retry_after=_retry_after(status, headers),
    )


def _retry_after(status: int, headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, by Retry-After or by the period of the rate limit that was hit.

    The period comes with every answer and means something in 429.
    """
    names = ("Retry-After", "X-RateLimit-Period-In-Sec") if status == 429 else ("Retry-After",)
    for name in names:
        try:
            return max(0.0, float(headers[name]))
        except (KeyError, ValueError):
            continue
    return None
