"""Handles what is in the inbox and does the jobs, each until it is done. Knows no handler."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from bot.counters import Counters
from handlers.jobs.job import JobHandler, Later
from trailwatch.clock import Clock
from trailwatch.errors import ProviderError, TrailwatchError, UsageError
from trailwatch.store import inbox, jobs, wake
from trailwatch.store.database import Database
from trailwatch.store.inbox import InboxRow
from trailwatch.store.jobs import JobRow, LostClaim
from trailwatch.store.replica import Replica

log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds after which the store is looked at without being told."""
BACK_OFF = (1, 2, 5, 15, 60, 120, 300)
"""Seconds before the second try, the third, …; the last one repeats. Never longer than the work
has been waiting: tries that a dying process cut off say nothing of an outage."""

OnDead = Callable[[str, str, str], None]
"""Told of a dead letter: "inbox" or "job:KIND", its key or id, and the error."""


@dataclass(frozen=True)
class Patience:
    """How long work is held, and how often it is tried.

    lease: after this without a sign of life others take the work over. longest: a handler that
    says nothing (JobContext.beat, .step) for so long is taken for hung. tries: of work that an
    outside service keeps from being done; with BACK_OFF 100 are about 8 hours. failures: of
    work that ends in any other error. cuts: of work during which the process died.
    """

    lease: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(minutes=15)
    tries: int = 100
    failures: int = 3
    cuts: int = 200


class Worker:
    """Threads that handle deliveries, in order per alert, and others that do jobs."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        replica: Replica,
        on_inbox: Callable[[InboxRow], bool],
        job_handlers: Mapping[str, JobHandler],
        threads: int = 4,
        inbox_threads: int = 2,
        patience: Patience | None = None,
        on_dead: OnDead | None = None,
    ) -> None:
        """on_inbox: handles one delivery; whether it called inbox.done in its own transaction.

        job_handlers: by kind. threads: for jobs. Neither is called inside a transaction.
        """
        self._db = database
        self._clock = clock
        self._replica = replica
        self._on_inbox = on_inbox
        self._job_handlers = job_handlers
        self._patience = patience or Patience()
        self._on_dead = on_dead
        self._counters = Counters()
        self._stopping = threading.Event()
        self._held: dict[str, _Held] = {}
        self._held_lock = threading.Lock()
        loops = [(wake.INBOX, self._one_delivery, inbox.next_due)] * inbox_threads
        loops += [(wake.JOBS, self._one_job, jobs.next_due)] * threads
        self._threads = [
            threading.Thread(target=self._loop, args=loop, name=f"{loop[0]} {number}", daemon=True)
            for number, loop in enumerate(loops)
        ]
        self._threads.append(threading.Thread(target=self._beats, name="beats", daemon=True))

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 15.0) -> bool:
        """Take up nothing any more; wait at most `timeout` seconds. Whether all has ended."""
        deadline = time.monotonic() + timeout
        self._stopping.set()
        self._db.wake.notify(wake.INBOX, wake.JOBS)
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def alive(self) -> bool:
        """Whether all threads run; for readiness."""
        return all(thread.is_alive() for thread in self._threads)

    def metrics(self) -> dict[str, float]:
        """Counters since the start; names that end in _total only grow."""
        with self._held_lock:
            running = float(len(self._held))
        return {**self._counters.read(), "work_running": running}

    def _loop(
        self,
        topic: str,
        one: Callable[[], bool],
        next_due: Callable[[Connection], datetime | None],
    ) -> None:
        while not self._stopping.is_set():
            ticket = self._db.wake.ticket(topic)
            try:
                if one():
                    continue
                with self._db.reading() as tx:
                    due = next_due(tx)
            except ProviderError as error:
                log.warning("the store cannot be read: %s", error)
                self._stopping.wait(POLL)
                continue
            except Exception:
                # The loop must outlive a bug; what it is, the log tells.
                log.exception("work could not be taken up")
                self._stopping.wait(POLL)
                continue
            pause = POLL if due is None else (due - self._clock()).total_seconds()
            self._db.wake.wait(topic, ticket, min(POLL, max(0.005, pause)))

    def _one_delivery(self) -> bool:
        now = self._clock()
        with self._db.transaction() as tx:
            row = inbox.claim(
                tx, owner=self._replica.name, now=now, lease=now + self._patience.lease
            )
        if row is None:
            return False
        self._run(_Delivery(row), lambda _held: self._on_inbox(row))
        return True

    def _one_job(self) -> bool:
        now = self._clock()
        with self._db.transaction() as tx:
            row = jobs.claim(
                tx, owner=self._replica.name, now=now, lease=now + self._patience.lease
            )
        if row is None:
            return False
        handler = self._job_handlers.get(row.kind)
        if handler is None:
            # Another replica may run a newer version that has one.
            nobody = UsageError(f"There is no handler for jobs of kind {row.kind!r}.")
            self._failed(_Job(row), nobody, retryable=True)
            return True

        def run(held: _Held) -> object:
            assert handler is not None
            return handler(Running(self._db, self._clock, row, held))

        self._run(_Job(row), run)
        return True

    def _run(self, work: _Work, run: Callable[[_Held], object]) -> None:
        """Run a handler and write down how it ended."""
        if work.row.attempts > self._patience.cuts:
            self._bury(work, f"It was cut off {work.row.attempts - 1} times.")
            return
        held = _Held(work)
        with self._held_lock:
            self._held[work.row.token] = held
        began = time.monotonic()
        try:
            result = run(held)
        except LostClaim:
            self._counters.add("work_fenced_total")
            log.warning("%s was taken over by another process", work.name)
        except ProviderError as error:
            self._failed(work, error, retryable=error.retryable)
        except Exception as error:
            if not isinstance(error, TrailwatchError):
                log.exception("%s ended in an error", work.name)
            self._failed(work, error, retryable=False)
        else:
            now = self._clock()
            if not work.ended(result) and not self._write(lambda tx: work.finish(tx, result, now)):
                self._counters.add("work_fenced_total")
            self._counters.add(f"{work.topic}_done_total")
        finally:
            with self._held_lock:
                self._held.pop(work.row.token, None)
            self._counters.add(f"{work.topic}_seconds_total", time.monotonic() - began)
            # What waited behind it in its lane may go now.
            self._db.wake.notify(work.topic)

    def _failed(self, work: _Work, error: Exception, *, retryable: bool) -> None:
        row, patience = work.row, self._patience
        text = str(error) or type(error).__name__
        spent = (
            row.attempts >= patience.tries if retryable else (row.failures + 1 >= patience.failures)
        )
        if spent:
            self._bury(work, text)
            return
        pause = float(BACK_OFF[min(row.attempts, len(BACK_OFF)) - 1])
        pause = min(pause, max(1.0, (self._clock() - row.at).total_seconds()))
        if isinstance(error, ProviderError) and error.retry_after is not None:
            pause = max(0.1, error.retry_after)
        log.info("%s is tried again in %.1f s: %s", work.name, pause, text)
        at = self._clock() + timedelta(seconds=pause)
        self._write(lambda tx: work.retry(tx, at, text, not retryable))
        self._counters.add(f"{work.topic}_retried_total")

    def _bury(self, work: _Work, error: str) -> None:
        now = self._clock()
        if not self._write(lambda tx: work.bury(tx, error, now)):
            return
        self._counters.add(f"{work.topic}_dead_total")
        log.error("%s is dead: %s", work.name, error)
        if self._on_dead is None:
            return
        try:
            self._on_dead(work.kind, work.id, error)
        except Exception:
            # Whoever is told must not stop the work.
            log.exception("the death of %s was not passed on", work.name)

    def _write(self, write: Callable[[Connection], bool]) -> bool:
        """Write a result, again while the database is away and the claim is ours."""
        deadline = time.monotonic() + self._patience.lease.total_seconds()
        while True:
            try:
                with self._db.transaction() as tx:
                    return write(tx)
            except ProviderError as error:
                log.warning("a result cannot be written: %s", error)
                if time.monotonic() > deadline or self._stopping.wait(0.3):
                    return False

    def _beats(self) -> None:
        """Extend the leases of what runs, and keep the replica's name."""
        pause = self._patience.lease.total_seconds() / 3
        while not self._stopping.wait(pause):
            self._replica.keep()
            with self._held_lock:
                running = list(self._held.values())
            for held in running:
                if held.silent() > self._patience.longest.total_seconds():
                    continue
                lease = self._clock() + self._patience.lease
                try:
                    with self._db.transaction() as tx:
                        if not held.work.extend(tx, lease):
                            held.lost.set()
                except ProviderError as error:
                    log.warning("a lease was not extended: %s", error)


class Running:
    """One try of a job, as its handler sees it (handlers.jobs.job.JobContext)."""

    def __init__(self, database: Database, clock: Clock, row: JobRow, held: _Held) -> None:
        self._db = database
        self._clock = clock
        self._row = row
        self._held = held
        self.id: int = row.id
        self.kind: str = row.kind
        self.args: Mapping[str, Any] = row.args
        self.attempt: int = row.attempts
        self.resumed: bool = row.resumed
        self._entered: dict[str, bool] = {}

    def step(self, name: str, function: Callable[[], Any]) -> Any:
        """The function's result (JSON), from the first try that came to the end of this step.

        It runs again where the process died inside it: `begun` tells, and `resumed`.
        Raises LostClaim, which the handler lets pass, where another replica has the job now.
        """
        self.beat()
        with self._db.transaction() as tx:
            known = jobs.begin_step(tx, self._row, name, self._clock())
        if known is not None and known.done:
            return known.result
        self._entered.setdefault(name, known is not None)
        result = function()
        with self._db.transaction() as tx:
            jobs.end_step(tx, self._row, name, result, self._clock())
        self._held.sign()
        return result

    def begun(self, name: str) -> bool:
        """Whether an earlier try began this step and was cut off: look before you write."""
        if name in self._entered:
            return self._entered[name]
        with self._db.reading() as tx:
            return jobs.has_begun(tx, self._row, name)

    def beat(self) -> None:
        """A sign of life. Raises LostClaim as `step` does."""
        self._held.sign()
        if self._held.lost.is_set():
            raise LostClaim(f"job {self.id}")


class _Held:
    """What runs in this process, and when it last gave a sign of life."""

    def __init__(self, work: _Work) -> None:
        self.work = work
        self.lost = threading.Event()
        self._signed = time.monotonic()

    def sign(self) -> None:
        self._signed = time.monotonic()

    def silent(self) -> float:
        return time.monotonic() - self._signed


class _Delivery:
    """A delivery of the inbox as work."""

    topic = wake.INBOX
    kind = "inbox"

    def __init__(self, row: InboxRow) -> None:
        self.row = row
        self.id = row.key
        self.name = f"delivery {row.key}"

    def ended(self, result: object) -> bool:
        """Whether the handler has written down itself that it is done."""
        return result is True

    def finish(self, tx: Connection, result: object, now: datetime) -> bool:
        # False is right here where the handler has called inbox.done itself.
        inbox.done(tx, self.row, now)
        return True

    def retry(self, tx: Connection, at: datetime, error: str, failed: bool) -> bool:
        return inbox.retry(tx, self.row, at=at, error=error, failed=failed)

    def bury(self, tx: Connection, error: str, now: datetime) -> bool:
        return inbox.bury(tx, self.row, error=error, at=now)

    def extend(self, tx: Connection, lease: datetime) -> bool:
        return inbox.extend(tx, self.row, lease)


class _Job:
    """A job as work."""

    topic = wake.JOBS

    def __init__(self, row: JobRow) -> None:
        self.row = row
        self.kind = f"job:{row.kind}"
        self.id = str(row.id)
        self.name = f"job {row.id} {row.kind}"

    def ended(self, result: object) -> bool:
        """Never: what follows is in the result."""
        return False

    def finish(self, tx: Connection, result: object, now: datetime) -> bool:
        if isinstance(result, Later):
            return jobs.again(tx, self.row, at=now + result.delay, args=result.args)
        return jobs.done(tx, self.row, now)

    def retry(self, tx: Connection, at: datetime, error: str, failed: bool) -> bool:
        return jobs.retry(tx, self.row, at=at, error=error, failed=failed)

    def bury(self, tx: Connection, error: str, now: datetime) -> bool:
        return jobs.bury(tx, self.row, error=error, at=now)

    def extend(self, tx: Connection, lease: datetime) -> bool:
        return jobs.extend(tx, self.row, lease)


_Work = _Delivery | _Job
