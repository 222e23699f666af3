"""Knows how Atlassian's REST APIs are called, and who is who there. Knows no alert.

People are accounts with an id; Jira's platform API finds one by an e-mail address and tells the
address of one. Source: "Find users" and "Get user",
developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-users.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from trailwatch.errors import RouterError
from trailwatch.json_http import JsonAnswer, JsonHttp, NoAnswer

READ_SECONDS = 5
CALLED = "Jira Service Management"
MOST_KEPT = 10_000
_ACCOUNT = re.compile(r"(\d+:)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24}")


class AtlassianHttp:
    """Asks and reads JSON. One instance serves all threads. Raises RouterError."""

    def __init__(self) -> None:
        self._http = JsonHttp(READ_SECONDS)

    def ask(
        self, method: str, url: str, auth: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> Any:
        operation = f"{method} {url.partition('?')[0].rpartition('/')[2]}"
        try:
            answer = self._http.ask(method, url, auth, body)
        except NoAnswer as error:
            raise RouterError(
                f"{CALLED} does not answer.",
                f"{operation}: {error}.",
                "It is tried again; see JSM_API_URL and JSM_SITE_URL if this goes on.",
                operation=operation,
                code="unreachable",
                retryable=True,
            ) from error
        if answer.status >= 400:
            raise _refused(operation, answer)
        if answer.said is None:
            raise unreadable(operation)
        return answer.said


class AtlassianPeople:
    """Accounts by e-mail address and back. What was found once is kept."""

    def __init__(self, http: AtlassianHttp, jira: str, auth: Mapping[str, str]) -> None:
        """jira: the address of the Jira whose users they are."""
        self._http = http
        self._jira = f"{jira}/rest/api/3"
        self._auth = auth
        self._lock = threading.Lock()
        self._ids: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def id_of(self, email: str) -> str:
        """The id of the account with an address. Raises RouterError where there is none."""
        with self._lock:
            if email in self._ids:
                return self._ids[email]
        url = f"{self._jira}/user/search?{urlencode({'query': email})}"
        found = self._http.ask("GET", url, self._auth)
        users = (
            [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
        )
        # An address that its owner hides is searched, but not shown.
        exact = [one for one in users if one.get("emailAddress") == email] or [
            one for one in users if not one.get("emailAddress")
        ]
        if len(exact) != 1 or not exact[0].get("accountId"):
            raise RouterError(
                f"{email} is not known in {CALLED}.",
                "No single account there has that address.",
                "Assign it there, or give the person an account with the address that Slack has.",
                code="404",
            )
        self._keep(email, str(exact[0]["accountId"]))
        return str(exact[0]["accountId"])

    def name_of(self, user: str) -> str:
        """The address of an account, or else the name that it shows; anything else as it is."""
        if not _ACCOUNT.fullmatch(user):
            return user
        with self._lock:
            if user in self._names:
                return self._names[user]
        try:
            url = f"{self._jira}/user?{urlencode({'accountId': user})}"
            found = as_object(self._http.ask("GET", url, self._auth))
        except RouterError:
            return user  # the alert is worth more than the name
        name = str(found.get("emailAddress") or found.get("displayName") or user)
        self._keep(name, user)
        return name

    def _keep(self, name: str, account: str) -> None:
        with self._lock:
            if len(self._names) >= MOST_KEPT:
                self._names.clear()
                self._ids.clear()
            self._names[account] = name
            if "@" in name:
                self._ids[name] = account


def as_object(said: Any) -> Mapping[str, Any]:
    """The answer, which has to be an object; raises RouterError."""
    if not isinstance(said, Mapping):
        raise unreadable("it is no JSON object")
    return said


def unreadable(why: str) -> RouterError:
    """What an answer leads to that is no JSON, or another than is documented."""
    return RouterError(f"The answer of {CALLED} cannot be read.", why, code="unreadable")


def _refused(operation: str, answer: JsonAnswer) -> RouterError:
    status, said = answer.status, answer.said
    why = ""
    if isinstance(said, Mapping):
        why = str(said.get("message") or said.get("errors") or "")[:300]
    fix = {
        401: "Check JSM_EMAIL, JSM_API_TOKEN and JSM_API_KEY.",
        403: "Its plan has to include Operations, and the token's owner has to have the right.",
        429: "It is tried again when its limit allows.",
    }.get(status, "")
    return RouterError(
        f"{CALLED} answered {status} to {operation}.",
        why,
        fix,
        operation=operation,
        code=str(status),
        request_id=str(answer.headers.get("X-Request-ID", "")),
        retryable=status == 429 or status >= 500,
        retry_after=_seconds(answer.headers.get("Retry-After")),
    )


def _seconds(value: str | None) -> float | None:
    try:
        return float(value) if value else None
    except ValueError:
        return None
