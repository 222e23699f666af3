"""A Bolt app with Bolt's defaults, as its documentation shows it: what trailwatch is held against.

It acks every command with a short text and does nothing else.
"""

from __future__ import annotations

import threading
from typing import Any

from slack_bolt import Ack, App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk import WebClient

TEXT = "An answer of about the size that a short command has, which is one line of text."


def run(api_url: str, bot_token: str, app_token: str, signing_secret: str, port: int) -> None:
    """Serve until the process is ended: over HTTP on `port`, or by Socket Mode where it is 0."""
    app = App(client=WebClient(bot_token, base_url=api_url), signing_secret=signing_secret)

    @app.command("/trailwatch")
    def answer(ack: Ack, body: dict[str, Any]) -> None:
        ack(text=TEXT)

    if not port:
        SocketModeHandler(app, app_token).connect()  # type: ignore[no-untyped-call]
        threading.Event().wait()
    from waitress import serve

    serve(SlackRequestHandler(app), host="127.0.0.1", port=port, threads=8, ident=None)
