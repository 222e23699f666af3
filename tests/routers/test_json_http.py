"""What comes back when JSON is asked for: its status, what it says, and that nothing came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from sandbox.machine import free_ports
from sandbox.wire import Server
from trailwatch.json_http import JsonHttp, NoAnswer

BODIES = {"/object": b'{"a": [1]}', "/empty": b"", "/html": b"<html>"}


def service(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    length = int(environ.get("CONTENT_LENGTH") or 0)
    sent = environ["wsgi.input"].read(length)
    body = BODIES.get(path, sent)
    status = "503 Service Unavailable" if path == "/html" else "200 OK"
    kind = environ.get("CONTENT_TYPE", "")
    start_response(status, [("Content-Length", str(len(body))), ("X-Kind", kind)])
    return [body]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = Server(service, whole=True)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


@pytest.fixture
def http() -> Iterator[JsonHttp]:
    http = JsonHttp(read_seconds=20)
    yield http
    http.close()


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [("/object", 200, {"a": [1]}), ("/empty", 200, {}), ("/html", 503, None)],
)
def test_what_is_said_with_its_status(
    url: str, http: JsonHttp, path: str, status: int, said: object
) -> None:
    answer = http.ask("GET", url + path, {})
    assert (answer.status, answer.said) == (status, said)


def test_a_body_goes_as_json(url: str, http: JsonHttp) -> None:
    answer = http.ask("POST", f"{url}/echo", {}, {"ä": None})
    assert answer.said == {"ä": None}
    assert answer.headers["X-Kind"] == "application/json"


def test_nobody_there_is_told_by_its_kind(http: JsonHttp) -> None:
    (port,) = free_ports(1)
    with pytest.raises(NoAnswer, match=r"^NewConnectionError$"):
        http.ask("GET", f"http://127.0.0.1:{port}/", {})
