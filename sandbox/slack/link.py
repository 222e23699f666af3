"""Knows Socket Mode: connections, envelopes, acks. Never what an envelope carries.

Source: docs.slack.dev/apis/events-api/using-socket-mode.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from sandbox.slack.tickets import PATIENCE
from sandbox.slack.workspace import APP

TICKET_SECONDS = 30.0
MOST_CONNECTIONS = 10
ACK_SECONDS = 3.0 * PATIENCE
LEAVING_SECONDS = 10.0


@dataclass(frozen=True)
class Delivery:
    """How a delivery to the bot ended: 200 with the ack's payload, 504 too late, 503 nobody."""

    status: int
    ack: Any = None
    ms: float = 0.0


class SocketLink:
    """The websocket server to which the bot connects; any one connection gets an envelope."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._open: list[ServerConnection] = []
        self._leaving: list[ServerConnection] = []
        self._timers: list[threading.Timer] = []
        self._next = 0
        self._tickets: dict[str, float] = {}
        self._waiting: dict[str, SimpleQueue[Any]] = {}
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._port = 0

    @property
    def connections(self) -> int:
        """How many connections take envelopes now."""
        return len(self._open) + len(self._leaving)

    def start(self) -> None:
        self._server = serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._admit,
            compression=None,
            ping_interval=10,
            ping_timeout=20,
            close_timeout=0.3,
            max_size=16 * 1024 * 1024,
            logger=logging.getLogger("sandbox.slack.link"),
        )
        self._port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="slack link", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self.drop(1001)
            self._thread.join(5)

    def url(self) -> str:
        """A fresh address with a ticket, good for one connection within 30 seconds."""
        ticket = secrets.token_hex(12)
        now = time.monotonic()
        with self._lock:
            self._tickets = {t: s for t, s in self._tickets.items() if now - s < TICKET_SECONDS}
            self._tickets[ticket] = now
        return f"ws://127.0.0.1:{self._port}/link/?ticket={ticket}&app_id={APP}"

    def refresh(self, reason: str = "refresh_requested") -> None:
        """Ask every open connection to go and come again; it is closed 10 seconds later.

        Until a leaving connection is gone it takes the envelopes, as its successor may not
        be read yet (slack_sdk's client reads one connection at a time).
        """
        with self._lock:
            leaving, self._open = self._open, []
            self._leaving += leaving
        for connection in leaving:
            self._send(connection, {"type": "disconnect", "reason": reason, "debug_info": {}})
            timer = threading.Timer(LEAVING_SECONDS, connection.close, [1000])
            timer.daemon = True
            timer.start()
            self._timers.append(timer)

    def drop(self, code: int = 1011) -> None:
        """Close every connection without a word before."""
        with self._lock:
            leaving = [*self._open, *self._leaving]
            self._open, self._leaving = [], []
        for connection in leaving:
            connection.close(code)

    def deliver(
        self, kind: str, payload: dict[str, Any], *, ack_payload: bool, wait: bool = True
    ) -> Delivery:
        """Send one envelope and wait up to 3 seconds for its ack (`wait` False: do not)."""
        envelope = {
            "envelope_id": str(uuid.uuid4()),
            "type": kind,
            "accepts_response_payload": ack_payload,
            "payload": payload,
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": 0, "retry_reason": ""}
        began = time.perf_counter()
        answers: SimpleQueue[Any] = SimpleQueue()
        if wait:
            self._waiting[str(envelope["envelope_id"])] = answers
        try:
            if not self._send_to_any(envelope):
                return Delivery(503, None, _ms(began))
            if not wait:
                return Delivery(202, None, _ms(began))
            return Delivery(200, answers.get(timeout=ACK_SECONDS), _ms(began))
        except Empty:
            return Delivery(504, None, _ms(began))
        finally:
            self._waiting.pop(str(envelope["envelope_id"]), None)

    def _send_to_any(self, envelope: dict[str, Any]) -> bool:
        while True:
            with self._lock:
                candidates = self._leaving or self._open
                if not candidates:
                    return False
                self._next = (self._next + 1) % len(candidates)
                connection = candidates[self._next]
            if self._send(connection, envelope):
                return True

    def _send(self, connection: ServerConnection, message: dict[str, Any]) -> bool:
        try:
            connection.send(json.dumps(message))
        except (ConnectionClosed, OSError):
            self._forget(connection)
            return False
        return True

    def _forget(self, connection: ServerConnection) -> None:
        with self._lock:
            for connections in (self._open, self._leaving):
                if connection in connections:
                    connections.remove(connection)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        asked = parse_qs(urlsplit(request.path).query).get("ticket", [""])[0]
        with self._lock:
            issued = self._tickets.pop(asked, None)
        if issued is None or time.monotonic() - issued > TICKET_SECONDS:
            return connection.respond(HTTPStatus.FORBIDDEN, "invalid or expired ticket\n")
        if self.connections >= MOST_CONNECTIONS:
            return connection.respond(HTTPStatus.TOO_MANY_REQUESTS, "too_many_websockets\n")
        return None

    def _serve(self, connection: ServerConnection) -> None:
        hello = {
            "type": "hello",
            "num_connections": self.connections + 1,
            "debug_info": {"host": "sandbox", "approximate_connection_time": 18060},
            "connection_info": {"app_id": APP},
        }
        if not self._send(connection, hello):
            return
        with self._lock:
            self._open.append(connection)
        self._changed()
        try:
            for text in connection:
                self._take(text)
        except ConnectionClosed:
            return
        finally:
            self._forget(connection)
            self._changed()

    def _take(self, text: str | bytes) -> None:
        try:
            answer = json.loads(text)
        except ValueError:
            return
        if isinstance(answer, dict):
            waiting = self._waiting.pop(str(answer.get("envelope_id")), None)
            if waiting is not None:
                waiting.put(answer.get("payload"))


def _ms(began: float) -> float:
    return (time.perf_counter() - began) * 1000
