"""A stand-in of Slack with its faults, and senders and workers that end with the test."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from slack_sdk import WebClient

from bot.sender import Sender
from bot.worker import Worker
from sandbox.faults import Fault, Faults
from sandbox.slack import SlackStandIn
from sandbox.wire import CallLog
from trailwatch.clock import utc_now
from trailwatch.store import outbox
from trailwatch.store.database import Database, open_database
from trailwatch.store.lanes import Rules
from trailwatch.store.outbox import Outgoing, Sent
from trailwatch.store.replica import claim_replica

RULES = Rules(
    post_interval=timedelta(0),
    edit_interval=timedelta(0),
    lease=timedelta(seconds=3),
    settle=timedelta(seconds=0.3),
    verify=(timedelta(seconds=0.7),),
)
"""As in production, in a hurry."""


def wait_until(fits: Callable[[], Any], seconds: float = 60) -> Any:
    """What `fits` gives as soon as it is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = fits()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError("it did not come about in time")
        time.sleep(0.01)


class Slack:
    """The stand-in, and what a test asks of it."""

    def __init__(self) -> None:
        self.calls = CallLog()
        self.faults = Faults(random.Random(int(os.environ.get("TRAILWATCH_SEED", "7"))).random)
        self.stand_in = SlackStandIn(calls=self.calls, faults=self.faults)
        self.channel = self.stand_in.channel
        self.client = WebClient(self.stand_in.bot_token, base_url=self.stand_in.api_url, timeout=30)

    def fault(self, match: str, kind: str, **more: Any) -> None:
        self.faults.add(Fault("slack", match, kind, **more))

    def shown(self, channel: str | None = None) -> list[dict[str, Any]]:
        """The bot's messages that stand in a channel, oldest first."""
        messages = self.stand_in.messages(channel or self.channel)
        return [message for message in messages if message["metadata"]]

    def texts(self, channel: str | None = None) -> list[str]:
        return [message["text"] for message in self.shown(channel)]

    def keys(self, channel: str | None = None) -> list[str]:
        return [m["metadata"]["event_payload"]["key"] for m in self.shown(channel)]

    def everywhere(self) -> list[dict[str, Any]]:
        return [message for message in self.stand_in.messages() if message["metadata"]]

    def keys_everywhere(self) -> list[str]:
        messages = self.stand_in.messages()
        return [m["metadata"]["event_payload"]["key"] for m in messages if m["metadata"]]

    def count(self, method: str) -> int:
        return len(self.called(method))

    def called(self, method: str) -> list[dict[str, Any]]:
        return [call for call in self.calls.list("slack") if call["method"] == method]


@pytest.fixture
def slack() -> Iterator[Slack]:
    world = Slack()
    world.stand_in.start()
    yield world
    world.stand_in.stop()


class Bot:
    """Starts senders and workers on a database; says and reads messages."""

    def __init__(self, db: Database, slack: Slack) -> None:
        self.db = db
        self.slack = slack
        self.trouble: list[Sent] = []
        self._ends: list[Callable[[], object]] = []

    def second(self) -> Database:
        """The same database, opened as another process does."""
        opened = open_database(self.db.engine.url.render_as_string(hide_password=False))
        self._ends.append(opened.close)
        return opened

    def sender(self, name: str = "one", db: Database | None = None, **changes: Any) -> Sender:
        threads = changes.pop("threads", 4)
        timeout = changes.pop("timeout", 10)
        client = changes.pop("client", self.slack.client)
        replica = claim_replica(db or self.db, name, utc_now())
        sender = Sender(
            db or self.db,
            client,
            utc_now,
            replica=replica,
            rules=replace(RULES, **changes),
            threads=threads,
            timeout=timeout,
            on_trouble=self.trouble.append,
        )
        sender.start()
        self._ends += [replica.close, sender.stop]
        return sender

    def worker(self, name: str = "one", db: Database | None = None, **given: Any) -> Worker:
        replica = claim_replica(db or self.db, name, utc_now())
        given.setdefault("on_inbox", lambda row: None)
        given.setdefault("job_handlers", {})
        worker = Worker(db or self.db, utc_now, replica=replica, **given)
        worker.start()
        self._ends += [replica.close, worker.stop]
        return worker

    def say(self, key: str, text: str, lane: str | None = None, **more: Any) -> None:
        outgoing = Outgoing(key, lane or self.slack.channel, text, **more)
        with self.db.transaction() as tx:
            outbox.say(tx, outgoing, utc_now())

    def find(self, key: str) -> Sent:
        with self.db.reading() as tx:
            found = outbox.find(tx, key)
        assert found is not None
        return found

    def await_sent(self, key: str, seconds: float = 60) -> Sent:
        """The message as soon as Slack shows its newest content."""

        def fits() -> Sent | None:
            found = self.find(key)
            return found if found.state == "sent" and found.sent_rev == found.rev else None

        sent: Sent = wait_until(fits, seconds)
        return sent

    def end(self) -> None:
        while self._ends:
            self._ends.pop()()


@pytest.fixture
def bot(db: Database, slack: Slack) -> Iterator[Bot]:
    starter = Bot(db, slack)
    yield starter
    starter.end()


@pytest.fixture
def until() -> Callable[..., Any]:
    """Waits for something to come about, with a deadline."""
    return wait_until
