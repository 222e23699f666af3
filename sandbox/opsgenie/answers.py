"""Knows Opsgenie's envelopes: requests, answers, refusals, headers. Never what they are about."""

from __future__ import annotations

import http.client
import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote
from wsgiref.types import StartResponse, WSGIEnvironment

from sandbox.faults import Fault

RATE_HEADERS = (
    ("X-RateLimit-State", "OK"),
    ("X-RateLimit-Reason", "ACCOUNT"),
    ("X-RateLimit-Period-In-Sec", "60"),
)
MESSAGES = {
    400: "Invalid JSON body",
    401: "Could not authenticate",
    403: "You are not authorized to access this resource",
    404: "The resource was not found",
    422: "Request body is not processable. Please check the errors.",
    429: "You are making too many requests!",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Refusal(Exception):
    """An error answer; source of codes and wording: Opsgenie's "REST API Response"."""

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        code: int | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message or MESSAGES.get(status, "Error"))
        self.status = status
        self.code = code
        self.errors = errors

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"message": str(self)}
        if self.code is not None:
            body["code"] = self.code
        if self.errors:
            body["errors"] = dict(self.errors)
        return body


@dataclass(frozen=True)
class Request:
    """One HTTP request, split up."""

    method: str
    path: tuple[str, ...]
    """The path's parts, each decoded by itself, so that an alias may hold a slash."""
    query: Mapping[str, str]
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self, *, required: bool = False) -> dict[str, Any]:
        """The body as an object, {} where empty; raises Refusal (400 no JSON, 422 no object)."""
        if not self.body.strip():
            if required:
                raise Refusal(422, errors={"body": "Request body can not be empty."})
            return {}
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            raise Refusal(400) from None
        if not isinstance(value, dict):
            raise Refusal(422, errors={"body": "Request body should be a JSON object."})
        return value


@dataclass(frozen=True)
class Reply:
    status: int
    body: Mapping[str, Any] | list[Any]
    """A list is sent as it is; an object gets what every answer has."""
    headers: tuple[tuple[str, str], ...] = ()


def data(value: object, status: int = 200, **more: object) -> Reply:
    return Reply(status, {"data": value, **more})


def read_request(environ: WSGIEnvironment, body: bytes | None = None) -> Request:
    """The request of a WSGI environment; reads the raw path, for %2F in identifiers."""
    raw = environ.get("REQUEST_URI") or environ.get("RAW_URI") or environ.get("PATH_INFO", "/")
    path = str(raw).partition("?")[0]
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    headers = {
        k[5:].replace("_", "-").lower(): str(v) for k, v in environ.items() if k[:5] == "HTTP_"
    }
    return Request(
        method=str(environ["REQUEST_METHOD"]),
        path=tuple(unquote(part) for part in path.split("/")[1:]),
        query=query,
        body=environ["wsgi.input"].read() if body is None else body,
        headers=headers,
    )


def respond(
    handle: Callable[[Request], Reply], environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Run a handler and write its reply, or its refusal, as Opsgenie does."""
    began = time.monotonic()
    try:
        reply = handle(read_request(environ))
    except Refusal as refused:
        reply = Reply(refused.status, refused.body())
    took = round(time.monotonic() - began, 3)
    request_id = str(uuid.uuid4())
    said: Any = reply.body
    if not isinstance(said, list):
        said = {"took": took, "requestId": request_id, **said}
        request_id = str(said["requestId"])
    payload = json.dumps(said).encode()
    headers = [
        ("Content-Type", "application/json; charset=utf-8"),
        ("Content-Length", str(len(payload))),
        ("X-Request-ID", request_id),
        ("X-Response-Time", str(took)),
        *RATE_HEADERS,
        *reply.headers,
    ]
    start_response(f"{reply.status} {http.client.responses.get(reply.status, 'Error')}", headers)
    return [payload]


def fault_body(fault: Fault) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of an error that was asked for (429 with its rate limit headers)."""
    request_id = str(uuid.uuid4())
    message = MESSAGES.get(fault.status, "Error")
    body = json.dumps({"message": message, "took": 0.001, "requestId": request_id}).encode()
    state = "THROTTLED" if fault.status == 429 else "OK"
    return [
        ("Content-Type", "application/json; charset=utf-8"),
        ("X-Request-ID", request_id),
        ("X-Response-Time", "0.001"),
        ("X-RateLimit-State", state),
        *RATE_HEADERS[1:],
    ], body
