"""Knows how one connection is served: requests in turn, read and answered whole. Never a meaning.

werkzeug's own handler closes a connection after each answer and starts a thread for each call;
real services keep theirs, and a test run makes tens of thousands of calls.
"""

from __future__ import annotations

import io
import socket
import sys
import traceback
from collections.abc import Iterator
from email.utils import formatdate
from socketserver import StreamRequestHandler
from typing import IO, Any, cast
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIEnvironment

from werkzeug.serving import DechunkedInput

LONGEST_LINE = 65_536
"""Bytes of a request line or header; a longer one ends the connection."""


class BadRequest(Exception):
    """What arrived is no HTTP/1 request; the connection ends."""


class KeepingHandler(StreamRequestHandler):
    """Serves a WSGI application (`server.app`) on one connection until either side closes it.

    For applications that answer whole: their answer is sent when it is complete. The connection
    ends with a request that asks for it, one of HTTP/1.0, and when the server has stopped
    (`server.stopped`); `server.connections` holds those that are open.
    """

    disable_nagle_algorithm = True
    server: Any

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def handle(self) -> None:
        """Answer requests in turn; a connection that breaks is nobody's error."""
        try:
            while not self.server.stopped:
                line = self.rfile.readline(LONGEST_LINE + 1)
                if not line.strip():
                    return
                environ, keep = self._environ(line)
                self._answer(environ, keep)
                if not keep:
                    return
        except BadRequest:
            self.connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        except (ConnectionError, TimeoutError):
            return

    def _environ(self, line: bytes) -> tuple[WSGIEnvironment, bool]:
        """The request with its body, and whether the connection stays for another."""
        words = line.decode("latin-1").split()
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise BadRequest
        method, target, version = words
        path, _, query = target.partition("?")
        environ: WSGIEnvironment = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "werkzeug.socket": self.connection,
            "SERVER_SOFTWARE": "sandbox",
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "REQUEST_URI": target,
            "RAW_URI": target,
            "REMOTE_ADDR": self.client_address[0],
            "REMOTE_PORT": self.client_address[1],
            "SERVER_NAME": self.server.server_address[0],
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": version,
        }
        for name, value in self._headers():
            key = name.upper().replace("-", "_")
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                key = f"HTTP_{key}"
                value = f"{environ[key]},{value}" if key in environ else value
            environ[key] = value
        environ["wsgi.input"] = io.BytesIO(self._body(environ))
        asked = str(environ.get("HTTP_CONNECTION", "")).lower()
        return environ, version != "HTTP/1.0" and "close" not in asked

    def _headers(self) -> Iterator[tuple[str, str]]:
        while True:
            line = self.rfile.readline(LONGEST_LINE + 1)
            if len(line) > LONGEST_LINE or not line:
                raise BadRequest
            if line in (b"\r\n", b"\n"):
                return
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                raise BadRequest
            if "_" not in name:
                yield name, value.strip()

    def _body(self, environ: WSGIEnvironment) -> bytes:
        if "100-continue" in str(environ.get("HTTP_EXPECT", "")).lower():
            self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in str(environ.get("HTTP_TRANSFER_ENCODING", "")).lower():
            environ["wsgi.input_terminated"] = True
            return b"".join(DechunkedInput(cast(IO[bytes], self.rfile)))
        length = str(environ.get("CONTENT_LENGTH") or "0")
        if not length.isdecimal():
            raise BadRequest
        return self.rfile.read(int(length))

    def _answer(self, environ: WSGIEnvironment, keep: bool) -> None:
        begun: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            begun[:] = [(status, headers)]
            return lambda data: None

        try:
            chunks = self.server.app(environ, start)
            try:
                body = b"".join(chunks)
            finally:
                close = getattr(chunks, "close", None)
                if close is not None:
                    close()
        except (ConnectionError, TimeoutError):
            raise
        except Exception:  # noqa: BLE001 - whatever a stand-in's own error is, the caller hears of it
            told = traceback.format_exc()
            self.server.log("error", f"Error on request:\n{told}")
            begun[:] = [("500 Internal Server Error", [("Content-Type", "text/plain")])]
            body = told.encode()
        status, headers = begun[0]
        silent = environ["REQUEST_METHOD"] == "HEAD" or status[:3] in ("204", "304")
        head = _head(status, headers, None if silent else len(body), keep)
        self.connection.sendall(head if silent else head + body)


def _head(status: str, headers: list[tuple[str, str]], size: int | None, keep: bool) -> bytes:
    """Status line and headers as they are sent; `size` is the body's, in bytes, if one follows."""
    given = {name.lower() for name, _ in headers}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
    if "date" not in given:
        lines.append(f"Date: {formatdate(usegmt=True)}")
    if "content-length" not in given and size is not None:
        lines.append(f"Content-Length: {size}")
    if not keep:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def end(connection: socket.socket) -> None:
    """Let a connection end once what is being answered on it is answered."""
    try:
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        return
