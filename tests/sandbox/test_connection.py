"""Connections to the stand-ins: kept for the next call, whole answers, and an end when asked."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from sandbox.wire import Server


def echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Says what it was sent, by path: /none answers 204, /wrong fails."""
    path = str(environ["PATH_INFO"])
    if path == "/wrong":
        raise ValueError("not today")
    if path == "/none":
        start_response("204 No Content", [])
        return [b""]
    body = environ["wsgi.input"].read()
    said = f"{environ['REQUEST_METHOD']} {path}?{environ['QUERY_STRING']} {environ['REMOTE_PORT']} "
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [said.encode(), str(environ.get("HTTP_X_TWICE", "")).encode(), body]


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(echo, whole=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def caller(server: Server) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.connect()
    yield connection
    connection.close()


def call(caller: http.client.HTTPConnection, method: str, path: str, **more: object) -> bytes:
    caller.request(method, path, **more)  # type: ignore[arg-type]
    return caller.getresponse().read()


def exchange(server: Server, sent: bytes) -> bytes:
    """What is answered to these bytes until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_one_connection_serves_call_after_call(caller: http.client.HTTPConnection) -> None:
    port = caller.sock.getsockname()[1]
    assert (
        call(caller, "POST", "/a%20b?c=%20d", body=b"said")
        == f"POST /a b?c=%20d {port} said".encode()
    )
    assert call(caller, "HEAD", "/") == b""
    assert call(caller, "DELETE", "/none") == b""
    assert call(caller, "GET", "/") == f"GET /? {port} ".encode()


def test_a_body_in_chunks_is_read_whole(caller: http.client.HTTPConnection) -> None:
    body = iter([b"one", b"two"])
    assert call(caller, "PUT", "/", body=body, encode_chunked=True).endswith(b"onetwo")
    assert call(caller, "GET", "/").startswith(b"GET")


def test_a_header_that_comes_twice_is_joined(server: Server) -> None:
    sent = b"GET / HTTP/1.1\r\nX-Twice: 1\r\nX-Twice: 2\r\n\r\n"
    assert exchange(server, sent).endswith(b" 1,2")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET /again HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\nGET /again HTTP/1.1\r\n\r\n",
    ],
)
def test_a_connection_ends_when_asked(server: Server, sent: bytes) -> None:
    answer = exchange(server, sent)
    assert b"\r\nConnection: close\r\n" in answer and b"/again" not in answer


def test_a_caller_that_waits_for_leave_to_send_gets_it(server: Server) -> None:
    sent = b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nsaid"
    answer = exchange(server, sent)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"said")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02 no http\r\n\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(server: Server, sent: bytes) -> None:
    assert exchange(server, sent).startswith(b"HTTP/1.1 400 ")


def test_an_error_of_the_stand_ins_own_is_told(caller: http.client.HTTPConnection) -> None:
    caller.request("GET", "/wrong")
    answer = caller.getresponse()
    assert answer.status == 500 and b"not today" in answer.read()


def test_a_server_that_stops_ends_its_connections(
    server: Server, caller: http.client.HTTPConnection
) -> None:
    call(caller, "GET", "/")
    server.stop()
    assert caller.sock.recv(1) == b""
