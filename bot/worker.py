"""Handles what is in the inbox and does the jobs, each until it is done. Knows no handler."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from bot.counters import Counters
from bot.work import Delivery, Held, Job, Running, Work
from handlers.jobs.job import JobHandler
from trailwatch.clock import Clock
from trailwatch.errors import ProviderError, TrailwatchError, UsageError
from trailwatch.store import inbox, jobs, wake
from trailwatch.store.database import Database
from trailwatch.store.inbox import InboxRow
from trailwatch.store.jobs import LostClaim
from trailwatch.store.replica import Replica

log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds after which the store is looked at without being told."""
BACK_OFF = (1, 2, 5, 15, 60, 120, 300)
"""Seconds before the second try, the third, …; the last one repeats. Never longer than the work
has been waiting: tries that a dying process cut off say nothing of an outage."""

Run = Callable[[], "Run | None"]
"""Does claimed work to its end; gives what was claimed as that was written down."""
Claim = Callable[[Connection], Run | None]
"""Claims what is due; None where nothing is."""
NextDue = Callable[[Connection], datetime | None]
OnDead = Callable[[str, str, str], None]
"""Told of a dead letter: "inbox" or "job:KIND", its key or id, and the error."""


class NoHandler(UsageError):
    """A job of a kind that this version does not know."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"There is no handler for jobs of kind {kind!r}.")


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
        self._held: dict[str, Held] = {}
        self._held_lock = threading.Lock()
        loops = [(wake.INBOX, self._claim_delivery, inbox.next_due)] * inbox_threads
        loops += [(wake.JOBS, self._claim_job, jobs.next_due)] * threads
        # One idle thread of a topic looks for work and waits for it; the others wait for their
        # turn to look. If all looked, each piece of news would set off a search in every thread.
        self._looking = {topic: threading.Lock() for topic in (wake.INBOX, wake.JOBS)}
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

    def _loop(self, topic: str, claim: Claim, next_due: NextDue) -> None:
        while not self._stopping.is_set():
            with self._looking[topic]:
                run = self._look(topic, claim, next_due)
            while run is not None:
                run = self._outlived(run)

    def _outlived(self, run: Run) -> Run | None:
        """Run claimed work; where even its end cannot be written, its lease brings it back."""
        try:
            return run()
        except Exception:
            # The loop must outlive a bug; what it is, the log tells.
            log.exception("what became of work could not be written")
            self._stopping.wait(POLL)
            return None

    def _look(self, topic: str, claim: Claim, next_due: NextDue) -> Run | None:
        """Claim what is due, or wait until something may be."""
        if self._stopping.is_set():
            return None
        ticket = self._db.wake.ticket(topic)
        try:
            with self._db.transaction() as tx:
                run = claim(tx)
            if run is not None:
                return run
            with self._db.reading() as tx:
                due = next_due(tx)
        except ProviderError as error:
            log.warning("the store cannot be read: %s", error)
            self._stopping.wait(POLL)
            return None
        except Exception:
            # The loop must outlive a bug; what it is, the log tells.
            log.exception("work could not be taken up")
            self._stopping.wait(POLL)
            return None
        pause = POLL if due is None else (due - self._clock()).total_seconds()
        self._db.wake.wait(topic, ticket, min(POLL, max(0.005, pause)))
        return None

    def _claim_delivery(self, tx: Connection) -> Run | None:
        now = self._clock()
        row = inbox.claim(tx, owner=self._replica.name, now=now, lease=now + self._patience.lease)
        if row is None:
            return None
        return partial(self._run, Delivery(row), lambda _held: self._on_inbox(row))

    def _claim_job(self, tx: Connection) -> Run | None:
        now = self._clock()
        row = jobs.claim(tx, owner=self._replica.name, now=now, lease=now + self._patience.lease)
        if row is None:
            return None

        def run(held: Held) -> object:
            handler = self._job_handlers.get(row.kind)
            if handler is None:
                raise NoHandler(row.kind)
            return handler(Running(self._db, self._clock, row, held))

        return partial(self._run, Job(row), run)

    def _run(self, work: Work, run: Callable[[Held], object]) -> Run | None:
        """Run a handler and write down how it ended; gives the job claimed with that."""
        if work.row.attempts > self._patience.cuts:
            self._bury(work, f"It was cut off {work.row.attempts - 1} times.")
            return None
        held = Held(work)
        with self._held_lock:
            self._held[work.row.token] = held
        began = time.monotonic()
        more, following = True, None
        try:
            result = run(held)
        except LostClaim:
            self._counters.add("work_fenced_total")
            log.warning("%s was taken over by another process", work.name)
        except ProviderError as error:
            self._failed(work, error, retryable=error.retryable)
        except NoHandler as error:
            # Another replica may run a newer version that has one.
            self._failed(work, error, retryable=True)
        except Exception as error:
            if not isinstance(error, TrailwatchError):
                log.exception("%s ended in an error", work.name)
            self._failed(work, error, retryable=False)
        else:
            following = self._finish(work, result)
            self._counters.add(f"{work.topic}_done_total")
            more = work.leaves_more(result)
        finally:
            with self._held_lock:
                self._held.pop(work.row.token, None)
            self._counters.add(f"{work.topic}_seconds_total", time.monotonic() - began)
            if more:
                self._db.wake.notify(work.topic)
        return following

    def _finish(self, work: Work, result: object) -> Run | None:
        """Write down that work is done, and claim the next job in the same transaction."""
        if work.ended(result):
            return None
        now = self._clock()
        following: Run | None = None

        def finish(tx: Connection) -> bool:
            nonlocal following
            mine = work.finish(tx, result, now)
            goes_on = mine and work.topic == wake.JOBS and not self._stopping.is_set()
            following = self._claim_job(tx) if goes_on else None
            return mine

        if not self._write(finish):
            self._counters.add("work_fenced_total")
            return None
        return following

    def _failed(self, work: Work, error: Exception, *, retryable: bool) -> None:
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

    def _bury(self, work: Work, error: str) -> None:
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
