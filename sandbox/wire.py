"""Knows HTTP: serving, sending, and the log of calls. Never what a call means."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.connection import KeepingHandler, end
from sandbox.faults import Fault, Faults

WsgiApp = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]

LATE = "late call"
"""The name of the thread in which a call takes effect after its connection was closed."""


@dataclass(frozen=True)
class Call:
    """One call that a stand-in received, or (sns, webhook) one that it sent."""

    target: str
    method: str
    arguments: Mapping[str, Any]
    status: int
    """The HTTP status; 0 where the answer was lost or never given."""
    time: str
    """UTC, ISO 8601 with milliseconds."""
    ms: float

    def as_json(self) -> dict[str, Any]:
        return {
            "target": self.target,
            "method": self.method,
            "arguments": dict(self.arguments),
            "status": self.status,
            "time": self.time,
            "ms": round(self.ms, 2),
        }


class CallLog:
    """The last 50,000 calls, newest last. Safe for threads."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=50_000)

    def add(
        self, target: str, method: str, arguments: Mapping[str, Any], status: int, ms: float
    ) -> None:
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._calls.append(Call(target, method, arguments, status, stamp, ms))

    def list(self, target: str | None = None) -> list[dict[str, Any]]:
        return [c.as_json() for c in list(self._calls) if target in (None, "", c.target)]


@dataclass
class Answer:
    """What an inner application answered, read to its end."""

    status: str = "500 Internal Server Error"
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @property
    def code(self) -> int:
        return int(self.status.split(" ", 1)[0])


def run_app(app: WsgiApp, environ: WSGIEnvironment) -> Answer:
    """Call a WSGI application and read its whole answer."""
    answer = Answer()

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        answer.status, answer.headers = status, list(headers)
        return lambda data: None

    chunks = app(environ, start)
    try:
        answer.body = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    return answer


Describe = Callable[[WSGIEnvironment, bytes], tuple[str, Mapping[str, Any]]]
"""Names a call and its arguments from the request and its body; must never raise."""

FaultBody = Callable[[Fault], tuple[list[tuple[str, str]], bytes]]
"""Headers and body of a fault's answer, as the stand-in's real service would write them."""


def _plain_fault(fault: Fault) -> tuple[list[tuple[str, str]], bytes]:
    body = json.dumps({"message": f"fault injected: {fault.status}"}).encode()
    return [("Content-Type", "application/json")], body


def guard(
    target: str,
    app: WsgiApp,
    *,
    calls: CallLog,
    faults: Faults,
    describe: Describe,
    fault_body: FaultBody = _plain_fault,
) -> WsgiApp:
    """Wrap a stand-in: every call is logged, and meets the faults that were asked for."""

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.monotonic()
        body = _read_body(environ)
        name, arguments = describe(environ, body)

        def log(status: int) -> None:
            calls.add(target, name, arguments, status, (time.monotonic() - began) * 1000)

        fault = faults.take(target, name)
        if fault is not None and fault.kind != "lost":
            if fault.applied:
                run_app(app, environ)
            return _refuse(fault, environ, start_response, log, fault_body)
        if fault is not None and fault.late > 0:
            log(0)
            later = threading.Timer(fault.late, run_app, [app, dict(environ)])
            later.daemon = True
            later.name = LATE
            later.start()
            return _hang_up(environ, start_response)
        answer = run_app(app, environ)
        if fault is not None:
            log(0)
            return _hang_up(environ, start_response)
        log(answer.code)
        start_response(answer.status, answer.headers)
        return [answer.body]

    return guarded


def _read_body(environ: WSGIEnvironment) -> bytes:
    from io import BytesIO

    length = environ.get("CONTENT_LENGTH")
    stream = environ["wsgi.input"]
    body: bytes = stream.read(int(length)) if length else b""
    if not length and environ.get("wsgi.input_terminated"):
        body = stream.read()
    environ["wsgi.input"] = BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    return body


def _refuse(
    fault: Fault,
    environ: WSGIEnvironment,
    start_response: StartResponse,
    log: Callable[[int], None],
    fault_body: FaultBody,
) -> Iterable[bytes]:
    if fault.kind in ("timeout", "reset"):
        log(0)
        if fault.kind == "timeout":
            fault.over.wait(fault.seconds)
        return _hang_up(environ, start_response)
    log(fault.status)
    headers, body = fault_body(fault)
    if fault.retry_after is not None:
        headers = [*headers, ("Retry-After", str(fault.retry_after))]
    headers = [*headers, ("Content-Length", str(len(body)))]
    reason = http.client.responses.get(fault.status, "Fault")
    start_response(f"{fault.status} {reason}", headers)
    return [body]


def _hang_up(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Close the connection with a reset and no answer."""
    connection = environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    raise ConnectionAbortedError("fault injected")


class _StreamingHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Calls are kept in the CallLog instead."""

    def connection_dropped(
        self, error: BaseException, environ: WSGIEnvironment | None = None
    ) -> None:
        """Read no further request: the socket closes only once its reader lets go of it."""
        self.close_connection = True


class Server:
    """A WSGI application served on 127.0.0.1 by threads of this process.

    `whole`: every answer is sent when it is complete, and connections are kept, as real services
    keep them; without it answers may be streams, and each ends its connection.
    """

    def __init__(
        self, app: WsgiApp, port: int = 0, name: str = "stand-in", *, whole: bool = False
    ) -> None:
        handler: Any = KeepingHandler if whole else _StreamingHandler
        made = make_server("127.0.0.1", port, app, threaded=True, request_handler=handler)
        self._server = cast(Any, made)
        self._connections: set[socket.socket] = set()
        self._server.connections, self._server.stopped = self._connections, False
        self.port: int = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            # How long stop() may take to be noticed, in seconds.
            kwargs={"poll_interval": 0.1},
            name=f"{name} server",
            daemon=True,
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.stopped = True
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(5)
        self._server.server_close()
        for connection in list(self._connections):
            end(connection)


@dataclass(frozen=True)
class Delivery:
    """How an outgoing delivery ended, as its sender saw it: status 0 is no answer."""

    status: int
    body: bytes


class Sender:
    """Deliveries from a stand-in to the outside (SNS, Opsgenie's webhook), with faults and log."""

    def __init__(self, calls: CallLog, faults: Faults) -> None:
        self._calls = calls
        self._faults = faults

    def post(
        self,
        target: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout: float = 10.0,
    ) -> Delivery:
        """POST to a loopback address; the fault "lost" delivers and forgets the answer."""
        began = time.monotonic()
        name = f"POST {url.split('?', 1)[0]}"
        fault = self._faults.take(target, name)
        if fault is not None and fault.kind == "status":
            delivery = Delivery(fault.status, b"")
        elif fault is not None and fault.kind in ("reset", "timeout"):
            delivery = Delivery(0, b"")
        else:
            delivery = _send(url, body, headers, timeout)
            if fault is not None:
                delivery = Delivery(0, b"")
        arguments = {"url": url.split("?", 1)[0], "bytes": len(body)}
        self._calls.add(target, name, arguments, delivery.status, (time.monotonic() - began) * 1000)
        return delivery


def _send(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Delivery:
    if not url.startswith(("http://127.0.0.1:", "http://localhost:")):
        return Delivery(0, b"the sandbox delivers to loopback addresses only")
    request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310
            return Delivery(response.status, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Delivery(error.code, error.read())
    except (OSError, http.client.HTTPException):
        return Delivery(0, b"")
