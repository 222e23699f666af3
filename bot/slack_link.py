"""Knows how the bot stays connected to Slack by Socket Mode. Handles no request itself."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import suppress

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk.errors import SlackApiError, SlackClientError

log = logging.getLogger("trailwatch.slack")

WAITS = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between attempts at the first connection; later ones are the client's own affair."""
CLOSING = 5.0
"""Seconds that the client has to close; it goes with the process at the latest."""


class SlackLink:
    """Connects in the background and tries again until it succeeds: Slack may be down at start."""

    def __init__(self, app: App, app_token: str) -> None:
        self._handler = SocketModeHandler(app, app_token)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._connect, name="slack connect", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let the connection go, in at most some seconds; whatever the client makes of that."""
        self._stopped.set()
        self._thread.join(10)
        self._wake_reader()
        closing = threading.Thread(target=self._close, name="slack close", daemon=True)
        closing.start()
        closing.join(CLOSING)
        if closing.is_alive():
            log.warning("the connection to Slack did not close within %.0f s", CLOSING)

    def _close(self) -> None:
        try:
            self._handler.close()  # type: ignore[no-untyped-call]
        except (AttributeError, OSError, RuntimeError) as error:
            # Its reader may close the same socket at the same time, and then none is left to it.
            log.info("the connection to Slack was closed already (%s)", error)

    @property
    def connected(self) -> bool:
        return bool(self._handler.client.is_connected())

    def _wake_reader(self) -> None:
        """End the wait for Slack's next word: the client would wait it out, a second and more."""
        session = getattr(self._handler.client, "current_session", None)
        sock = getattr(session, "sock", None)
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _connect(self) -> None:
        attempt = 0
        while not self._stopped.is_set():
            try:
                self._handler.connect()  # type: ignore[no-untyped-call]
            except (SlackApiError, SlackClientError, OSError) as error:
                wait = WAITS[min(attempt, len(WAITS) - 1)]
                code = error.response.get("error") if isinstance(error, SlackApiError) else error
                log.warning("no connection to Slack (%s); again in %.0f s", code, wait)
                attempt += 1
                self._stopped.wait(wait)
            else:
                log.info("connected to Slack")
                return
