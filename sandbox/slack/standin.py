"""Knows how the stand-in's workspace is served, and what it shows. Never what a bot answers."""

from __future__ import annotations

import time
from collections.abc import Callable

from sandbox.faults import Faults
from sandbox.slack.hands import Hands, sent
from sandbox.slack.link import Delivery, SocketLink
from sandbox.slack.messages import Json, Message
from sandbox.slack.refusals import SlackRefusal
from sandbox.slack.signed import SignedLink
from sandbox.slack.web import SlackWeb, describe, fault_body
from sandbox.slack.workspace import Person, Workspace
from sandbox.wire import CallLog, Server, guard


class SlackStandIn(Hands):
    """A Slack workspace on 127.0.0.1, and the hands of the people in it.

    `mode` "socket" serves Socket Mode; "http" sends signed requests to `request_url`.
    `post_rate` limits chat.postMessage in each channel (messages a second; None: no limit).
    """

    def __init__(
        self,
        *,
        calls: CallLog,
        faults: Faults,
        port: int = 0,
        mode: str = "socket",
        request_url: str | None = None,
        post_rate: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if mode not in ("socket", "http"):
            raise ValueError(f"mode is {mode!r}; it must be socket or http")
        super().__init__(Workspace(clock, post_rate))
        self._socket = SocketLink(self.space.changed) if mode == "socket" else None
        self._signed = SignedLink(self.space.signing_secret, clock)
        self._signed.request_url = request_url
        web = SlackWeb(self.space, self._link_url)
        app = guard(
            "slack", web, calls=calls, faults=faults, describe=describe, fault_body=fault_body
        )
        self._server = Server(app, port, "slack", whole=True)
        self.space.base_url = self._server.url
        self.api_url = f"{self._server.url}/api/"
        self.bot_token = self.space.bot_token
        self.app_token = self.space.app_token
        self.signing_secret = self.space.signing_secret
        self.channel = "C0SECALERT"

    def start(self) -> None:
        self._server.start()
        if self._socket is not None:
            self._socket.start()

    def stop(self) -> None:
        if self._socket is not None:
            self._socket.stop()
        self._server.stop()

    @property
    def request_url(self) -> str | None:
        """Where mode http sends its requests."""
        return self._signed.request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self._signed.request_url = url

    @property
    def connections(self) -> int:
        """How many Socket Mode connections the bot holds."""
        return self._socket.connections if self._socket is not None else 0

    def wait_connected(self, timeout: float) -> bool:
        """True as soon as the bot holds a Socket Mode connection."""
        with self.space.lock:
            return self.space.lock.wait_for(lambda: self.connections > 0, timeout)

    def refresh_connections(self) -> None:
        """Slack asks the bot to reconnect, as it does every few hours."""
        if self._socket is not None:
            self._socket.refresh()

    def drop_connections(self) -> None:
        """Every Socket Mode connection is closed without a word before."""
        if self._socket is not None:
            self._socket.drop()

    def _link_url(self) -> str | None:
        return self._socket.url() if self._socket is not None else None

    def _deliver(self, kind: str, payload: Json, *, wait: bool = True) -> Delivery:
        link = self._socket or self._signed
        return link.deliver(kind, payload, ack_payload=kind != "events_api", wait=wait)

    # what a page shows

    @property
    def version(self) -> int:
        """Grows with every change of what a page shows."""
        return self.space.version

    def wait_for_change(self, after: int, timeout: float) -> int:
        """The version, once it is above `after`, at the latest after `timeout` seconds."""
        return self.space.wait_for_change(after, timeout)

    def messages(
        self, channel: str | None = None, user: str | None = None, since: str | float | None = None
    ) -> list[Json]:
        """Messages, replies and `user`'s ephemerals, newest last; read-only.

        `channel` and `user` are ids or names; `since` is a ts: only newer ones are given.
        Raises SlackRefusal 404 for an unknown channel or user.
        """
        with self.space.lock:
            person = self.space.person(user) if user else None
            place = self.space.find_channel(channel) if channel else None
            if channel and place is None:
                raise SlackRefusal(404, f"there is no channel {channel!r}")
            after = None if since is None else f"{float(since):017.6f}"
            return [
                m.as_sent()
                for m in self.space.messages.after(after)
                if (place is None or m.channel == place.id) and self._sees(person, m)
            ]

    def _sees(self, person: Person | None, message: Message) -> bool:
        if message.ephemeral_to is not None:
            return person is not None and message.ephemeral_to == person.id
        return person is None or person.id in self.space.channels[message.channel].members

    def views(self, user: str) -> list[Json]:
        """The person's open modals, the topmost last."""
        with self.space.lock:
            return [sent(v) for v in self.space.views.stack(self.space.person(user).id)]

    def home(self, user: str) -> Json | None:
        """The person's Home tab as it was last published."""
        with self.space.lock:
            view = self.space.views.home(self.space.person(user).id)
            return None if view is None else sent(view)
