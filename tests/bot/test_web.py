from __future__ import annotations

import hashlib
import hmac
from io import BytesIO

import pytest

from bot.web import SlackGuard, WebApp, WebRequest, answer

SECRET = "shh"
NOW = 1_795_424_400


def signed(body: bytes, stamp: str = str(NOW), **headers: str) -> WebRequest:
    digest = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    given = {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}
    return WebRequest("POST", "/slack/events", {**given, **headers}, body)


@pytest.fixture
def guard() -> SlackGuard:
    return SlackGuard(SECRET, clock=lambda: NOW)


def test_a_signed_request_passes_once(guard: SlackGuard) -> None:
    assert guard.refusal(signed(b"a=1")) is None
    again = guard.refusal(signed(b"a=1"))
    assert again is not None
    assert again.status == 401


@pytest.mark.parametrize(
    "request_",
    [
        signed(b"x", stamp="yesterday"),
        signed(b"x", stamp=""),
        signed(b"x", stamp="\u0661\u0662"),
        signed(b"x", stamp=str(NOW - 301)),
        signed(b"x", stamp=str(NOW + 301)),
        signed(b"x", **{"x-slack-signature": "v0=ümlaut"}),
        signed(b"x", **{"x-slack-signature": ""}),
        signed(b"x", **{"x-slack-signature": "v0=" + "0" * 64}),
    ],
    ids=range(8),
)
def test_everything_else_is_refused_with_401(guard: SlackGuard, request_: WebRequest) -> None:
    refusal = guard.refusal(request_)
    assert refusal is not None
    assert refusal.status == 401


def test_without_a_secret_there_is_no_guard() -> None:
    with pytest.raises(ValueError, match="signing secret"):
        SlackGuard("")


def call(app: WebApp, method: str, path: str, body: bytes = b"", length: str | None = None) -> str:
    seen: list[str] = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_LENGTH": length if length is not None else str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    list(app(environ, lambda status, headers: seen.append(status)))  # type: ignore[arg-type,return-value]
    return seen[0]


def test_routes() -> None:
    def broken(_: WebRequest):  # type: ignore[no-untyped-def]
        raise RuntimeError("a bug")

    app = WebApp({("GET", "/a"): lambda _: answer(200, ok=True), ("POST", "/b"): broken})
    assert call(app, "GET", "/a").startswith("200")
    assert call(app, "POST", "/a").startswith("405")
    assert call(app, "GET", "/none").startswith("404")
    assert call(app, "POST", "/b", b"{}").startswith("500")
    assert call(app, "POST", "/b", length="many").startswith("400")
    assert call(app, "POST", "/b", length="99999999").startswith("413")
