"""Knows Slack over HTTP: the Web API, uploads, response URLs. Never what a method does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from sandbox.faults import Fault
from sandbox.slack import methods_app, methods_chat, methods_people
from sandbox.slack.arguments import Args, read_arguments
from sandbox.slack.messages import Json
from sandbox.slack.refusals import ApiError
from sandbox.slack.replies import answer_hook
from sandbox.slack.scopes import check_scope
from sandbox.slack.workspace import Workspace

Method = Callable[[Workspace, Args], Json]

METHODS: dict[str, Method] = {
    **methods_chat.METHODS,
    **methods_people.METHODS,
    **methods_app.METHODS,
}
OPEN = "apps.connections.open"
_NO_TOKEN = {"api.test"}
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests"}


def describe(environ: WSGIEnvironment, body: bytes) -> tuple[str, Mapping[str, Any]]:
    """Names a call for the log of calls; tokens are left out."""
    path = str(environ.get("PATH_INFO", ""))
    if path.startswith("/hooks/"):
        name = "response_url"
    elif path.startswith("/upload/"):
        return "files.upload", {"file": path.rsplit("/", 1)[-1], "bytes": len(body)}
    else:
        name = path.removeprefix("/api/").strip("/")
    try:
        arguments = _arguments(environ, body)
    except ApiError:
        return name, {}
    arguments.pop("token", None)
    return name, arguments


def fault_body(fault: Fault) -> tuple[list[tuple[str, str]], bytes]:
    """An injected fault as Slack answers: JSON for 200 and 429, text for a broken server."""
    if fault.status == 429:
        headers = [("Content-Type", "application/json; charset=utf-8")]
        if fault.retry_after is None:
            headers.append(("Retry-After", "1"))
        return headers, b'{"ok":false,"error":"ratelimited"}'
    if fault.status < 400:
        body = b'{"ok":false,"error":"internal_error"}'
        return [("Content-Type", "application/json; charset=utf-8")], body
    return [("Content-Type", "text/plain")], b"upstream connect error or disconnect/reset"


def _arguments(environ: WSGIEnvironment, body: bytes) -> dict[str, Any]:
    content_type = str(environ.get("CONTENT_TYPE", ""))
    return read_arguments(content_type, str(environ.get("QUERY_STRING", "")), body)


class SlackWeb:
    """The WSGI application. `link_url` gives a fresh Socket Mode address, or None for mode http."""

    def __init__(self, space: Workspace, link_url: Callable[[], str | None]) -> None:
        self._space = space
        self._link_url = link_url

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        body: bytes = environ["wsgi.input"].read()
        if path.startswith("/upload/v1/"):
            return self._upload(path.rsplit("/", 1)[-1], body, start_response)
        if path.startswith("/files/"):
            return self._download(path, start_response)
        headers: list[tuple[str, str]] = []
        try:
            if path.startswith("/hooks/"):
                status, answer = 200, self._hook(path.removeprefix("/hooks/"), environ, body)
            else:
                status, answer = 200, {"ok": True, **self._call(path, environ, body)}
        except ApiError as refusal:
            status, answer = refusal.status, refusal.as_json()
            if refusal.retry_after is not None:
                headers.append(("Retry-After", str(refusal.retry_after)))
        data = json.dumps(answer).encode()
        headers.append(("Content-Type", "application/json; charset=utf-8"))
        headers.append(("Content-Length", str(len(data))))
        headers.append(("x-oauth-scopes", ",".join(sorted(self._space.scopes))))
        start_response(f"{status} {_REASONS.get(status, 'Answer')}", headers)
        return [data]

    def _call(self, path: str, environ: WSGIEnvironment, body: bytes) -> Json:
        name = path.removeprefix("/api/").strip("/")
        if name != OPEN and name not in METHODS:
            raise ApiError("unknown_method", extra={"req_method": name})
        values = _arguments(environ, body)
        token = str(values.pop("token", ""))
        header = str(environ.get("HTTP_AUTHORIZATION", ""))
        if header.lower().startswith("bearer "):
            token = header[7:].strip()
        self._authorize(name, token)
        if name == OPEN:
            url = self._link_url()
            if url is None:
                raise ApiError("access_denied")
            return {"url": url}
        check_scope(name, self._space.scopes)
        with self._space.lock:
            return METHODS[name](self._space, Args(values))

    def _authorize(self, name: str, token: str) -> None:
        space = self._space
        if name in _NO_TOKEN and not token:
            return
        if not token:
            raise ApiError("not_authed")
        if token not in (space.bot_token, space.app_token):
            raise ApiError("invalid_auth")
        if (name == OPEN) != (token == space.app_token) and name not in ("api.test", "auth.test"):
            raise ApiError("not_allowed_token_type")

    def _hook(self, hook_id: str, environ: WSGIEnvironment, body: bytes) -> Json:
        values = _arguments(environ, body)
        if "payload" in values:
            values = read_arguments("application/json", "", str(values["payload"]).encode())
        with self._space.lock:
            answer_hook(self._space, hook_id, values)
        return {"ok": True}

    def _upload(self, file_id: str, body: bytes, start_response: StartResponse) -> list[bytes]:
        file = self._space.files.get(file_id)
        if file is None or file.content is not None or len(body) != file.length:
            answer = b"no such upload, or its length differs from what was announced"
            start_response("400 Bad Request", [("Content-Length", str(len(answer)))])
            return [answer]
        file.content = body
        answer = f"OK - {len(body)}".encode()
        start_response("200 OK", [("Content-Length", str(len(answer)))])
        return [answer]

    def _download(self, path: str, start_response: StartResponse) -> list[bytes]:
        file = self._space.files.get(path.split("/")[2])
        content = (file.content if file is not None else None) or b""
        status = "200 OK" if content else "404 Not Found"
        kind = "image/png" if content.startswith(b"\x89PNG") else "application/octet-stream"
        length = ("Content-Length", str(len(content)))
        start_response(status, [("Content-Type", kind), length])
        return [content]
