"""Brings Slack to what the outbox wants: in order, at its pace, once. Decides no content."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from slack_sdk import WebClient
from sqlalchemy import Connection

from bot.counters import Counters
from bot.moves import Moves, Write
from bot.slack_calls import bare_client
from trailwatch.clock import Clock
from trailwatch.errors import ProviderError
from trailwatch.store import lanes, wake
from trailwatch.store.database import Database
from trailwatch.store.lanes import Claim, Rules
from trailwatch.store.outbox import Sent
from trailwatch.store.replica import Replica

log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds after which the outbox is looked at without being told."""

OnTrouble = Callable[[Sent], None]


class Sender:
    """The loop from the outbox to Slack. One in a process; several replicas share the work."""

    def __init__(
        self,
        database: Database,
        client: WebClient,
        clock: Clock,
        *,
        replica: Replica,
        rules: Rules | None = None,
        threads: int = 8,
        timeout: float = 10.0,
        on_trouble: OnTrouble | None = None,
    ) -> None:
        """threads: calls in flight, at most one a channel. timeout: seconds for one call.

        on_trouble: told of each message that died or whose fate a person must find out; it runs
        in the sender's thread, outside of any transaction.
        """
        self._db = database
        self._clock = clock
        self._replica = replica
        self._rules = rules or Rules()
        self._on_trouble = on_trouble
        self._counters = Counters()
        slack = bare_client(client, timeout)
        self._moves = Moves(database, slack, clock, self._rules, self._counters)
        self._stopping = threading.Event()
        self._slots = threading.Semaphore(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="sender")
        self._thread = threading.Thread(target=self._dispatch, name="sender", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, timeout: float = 15.0) -> None:
        """Begin no call any more, and wait at most `timeout` seconds for those in flight."""
        deadline = time.monotonic() + timeout
        self._stopping.set()
        self._db.wake.notify(wake.OUTBOX)
        self._thread.join(timeout)
        self._pool.shutdown(wait=False, cancel_futures=True)
        for thread in list(self._pool._threads):
            thread.join(max(0.0, deadline - time.monotonic()))

    def metrics(self) -> dict[str, float]:
        """Counters since the start: slack_posts_total, slack_adopted_total and others."""
        return self._counters.read()

    @property
    def alive(self) -> bool:
        """Whether the loop runs; for readiness."""
        return self._thread.is_alive()

    def _dispatch(self) -> None:
        while not self._stopping.is_set():
            ticket = self._db.wake.ticket(wake.OUTBOX)
            if not self._slots.acquire(timeout=POLL):
                continue
            claim, pause = self._look_for_work()
            if claim is None:
                self._slots.release()
                self._db.wake.wait(wake.OUTBOX, ticket, pause)
            else:
                self._pool.submit(self._work, claim)

    def _look_for_work(self) -> tuple[Claim | None, float]:
        try:
            self._replica.keep()
            with self._db.transaction() as tx:
                claim = self._claim(tx, None)
                due = None if claim else lanes.next_due(tx)
        except ProviderError as error:
            log.warning("the outbox cannot be read: %s", error)
            return None, POLL
        except Exception:
            # The loop must outlive a bug; what it is, the log tells.
            log.exception("the outbox cannot be read")
            return None, POLL
        if due is None:
            return claim, POLL
        return claim, min(POLL, max(0.001, (due - self._clock()).total_seconds()))

    def _claim(self, tx: Connection, lane: str | None) -> Claim | None:
        return lanes.claim(
            tx,
            owner=self._replica.name,
            now=self._clock(),
            rules=self._rules,
            key=lane,
            no_edits_before=self._moves.no_edits_before,
        )

    def _work(self, claim: Claim | None) -> None:
        try:
            while claim is not None:
                claim = self._move(claim)
        except Exception:
            # The lease ends by itself; a bug in one message must not stop the others.
            log.exception("a message could not be worked on")
        finally:
            self._slots.release()
            self._db.wake.notify(wake.OUTBOX)

    def _move(self, claim: Claim) -> Claim | None:
        """Make a claimed move and write down how it ended; gives the lane's next move."""
        write = self._moves.make(claim)
        return self._write(claim, write)

    def _write(self, claim: Claim, write: Write) -> Claim | None:
        """Write a result in one transaction with the next claim of the lane.

        Repeated while the database is away: a result that is forgotten costs a look-up, and an
        answer that Slack gave is worth keeping.
        """
        deadline = time.monotonic() + self._rules.lease.total_seconds()
        while True:
            try:
                with self._db.transaction() as tx:
                    trouble = write(tx, self._clock())
                    following = None
                    if not self._stopping.is_set():
                        following = self._claim(tx, claim.lane)
                break
            except ProviderError as error:
                log.warning("the result of %s cannot be written: %s", claim.key, error)
                if time.monotonic() > deadline or self._stopping.wait(0.3):
                    return None
        if trouble is not None:
            self._tell(trouble)
        return following

    def _tell(self, trouble: Sent) -> None:
        log.error("message %s is %s: %s", trouble.key, trouble.state, trouble.error)
        if self._on_trouble is None:
            return
        try:
            self._on_trouble(trouble)
        except Exception:
            # Whoever is told must not stop the sending.
            log.exception("the trouble with message %s was not passed on", trouble.key)
