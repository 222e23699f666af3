"""Knows the routes that the bot answers over HTTP. Decides nothing: it verifies and hands on."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

log = logging.getLogger("trailwatch.web")

THREADS = 8
"""How many requests are answered at a time."""

SLACK_WINDOW = 300
"""Seconds that Slack's signature is valid ("Verifying requests from Slack", api.slack.com)."""


@dataclass(frozen=True)
class WebRequest:
    """A request, read to its end. Header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class WebResponse:
    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


def answer(status: int, **content: object) -> WebResponse:
    """A JSON answer."""
    return WebResponse(status, json.dumps(content).encode())


View = Callable[[WebRequest], WebResponse]

_REASONS = {
    200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large",
    500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip

LARGEST_BODY = 1_000_000
"""Bytes of a request's body; Slack's and Opsgenie's are far smaller."""


class WebApp:
    """A WSGI application over a table of routes: {(method, path): view}.

    A view that raises is a bug or an outage: the caller gets 500 and no detail, the log a trace,
    and a service that retries delivers again.
    """

    def __init__(self, routes: Mapping[tuple[str, str], View]) -> None:
        self._routes = dict(routes)
        self._paths = {path for _, path in routes}

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        response = self._respond(environ)
        reason = _REASONS.get(response.status, "Status")
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
            *response.headers,
        ]
        start(f"{response.status} {reason}", headers)
        return [response.body]

    def _respond(self, environ: WSGIEnvironment) -> WebResponse:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/")
        view = self._routes.get((method, path))
        if view is None:
            known = path in self._paths
            return answer(
                405 if known else 404, error="method not allowed" if known else "no such page"
            )
        try:
            length = int(environ.get("CONTENT_LENGTH") or 0)
        except ValueError:
            return answer(400, error="Content-Length is no number")
        if length > LARGEST_BODY:
            return answer(413, error=f"at most {LARGEST_BODY} bytes are taken")
        body = environ["wsgi.input"].read(length) if length else b""
        try:
            return view(WebRequest(method, path, _headers(environ), body))
        except Exception:  # the last line of defence: whatever it is, the server must go on
            log.exception("request failed: %s %s", method, path)
            return answer(500, error="internal error; it is in the log")


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    headers = {
        key[5:].replace("_", "-").lower(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    headers["content-type"] = str(environ.get("CONTENT_TYPE", ""))
    return headers


class SlackGuard:
    """Stands before Bolt: refuses what Bolt would answer with 500, and every replay.

    Bolt raises on a timestamp that is no number and on a signature that is not ASCII, and takes
    a signed request as often as it comes within five minutes.
    """

    def __init__(self, signing_secret: str, clock: Callable[[], float] = time.time) -> None:
        if not signing_secret:
            raise ValueError("a signing secret is needed: without one anybody could be Slack")
        self._secret = signing_secret.encode()
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def refusal(self, request: WebRequest) -> WebResponse | None:
        """The answer to a request that Slack did not sign, or sent before; None lets it pass."""
        stamp = request.headers.get("x-slack-request-timestamp", "")
        signature = request.headers.get("x-slack-signature", "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12 and signature.isascii()):
            return answer(401, error="signature or timestamp missing or malformed")
        if abs(self._clock() - int(stamp)) > SLACK_WINDOW:
            return answer(401, error="timestamp too old or in the future")
        signed = hmac.new(self._secret, f"v0:{stamp}:".encode() + request.body, hashlib.sha256)
        if not hmac.compare_digest(f"v0={signed.hexdigest()}", signature):
            return answer(401, error="signature does not fit")
        if self._replayed(signature):
            return answer(401, error="this request was taken before")
        return None

    def _replayed(self, signature: str) -> bool:
        now = self._clock()
        with self._lock:
            while self._seen and next(iter(self._seen.values())) < now - 2 * SLACK_WINDOW:
                self._seen.popitem(last=False)
            if signature in self._seen:
                return True
            self._seen[signature] = now
            return False


def make_server(routes: Mapping[tuple[str, str], View], host: str, port: int) -> Any:
    """A waitress server of these routes; `run` serves until `end_server`."""
    from waitress import create_server

    return create_server(
        WebApp(routes),
        host=host,
        port=port,
        threads=THREADS,
        ident=None,
        # Answered with 413 by the headers alone; else the server takes 1 GB before it asks us.
        max_request_body_size=LARGEST_BODY + 1,
    )


def end_server(server: Any, thread: threading.Thread, seconds: float = 5.0) -> None:
    """End a waitress server and its thread: no new request, but those under way are answered.

    Connections that are only kept open by their clients (Opsgenie's, a proxy's) are closed: the
    server's loop would otherwise wait for them. Sockets are closed on the loop's own thread, which
    may be waiting for just these.
    """
    from waitress.channel import HTTPChannel
    from waitress.server import BaseWSGIServer
    from waitress.trigger import trigger
    from waitress.wasyncore import dispatcher

    # One server for one address; for a name with several addresses there are several in a map.
    parts: dict[int, Any] = server.map if hasattr(server, "map") else server._map
    wakers = [part for part in parts.values() if isinstance(part, trigger)]

    def close_doors() -> None:
        for part in list(parts.values()):
            if isinstance(part, BaseWSGIServer):
                dispatcher.close(part)

    asked = threading.Event()

    def close_rest() -> None:
        # A request's own end may wake the loop before the waker is pulled for this; closed now, the
        # pull would write to a descriptor that is closed or is another file's by then.
        asked.wait(seconds)
        for part in list(parts.values()):
            if isinstance(part, HTTPChannel):
                part.close_when_flushed = True
        for waker in wakers:
            waker.close()

    if not wakers:
        return
    wakers[0].pull_trigger(close_doors)
    server.task_dispatcher.shutdown(timeout=seconds)
    wakers[0].pull_trigger(close_rest)
    asked.set()
    thread.join(seconds)
