"""What a worker has in hand: deliveries and jobs, and the claim on each. Takes up none itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from handlers.jobs.job import Later
from trailwatch.clock import Clock
from trailwatch.store import inbox, jobs, wake
from trailwatch.store.database import Database
from trailwatch.store.inbox import InboxRow
from trailwatch.store.jobs import JobRow, LostClaim


class Running:
    """One try of a job, as its handler sees it (handlers.jobs.job.JobContext)."""

    def __init__(self, database: Database, clock: Clock, row: JobRow, held: Held) -> None:
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


class Held:
    """What runs in this process, and when it last gave a sign of life."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.lost = threading.Event()
        self._signed = time.monotonic()

    def sign(self) -> None:
        self._signed = time.monotonic()

    def silent(self) -> float:
        return time.monotonic() - self._signed


class Delivery:
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

    def leaves_more(self, result: object) -> bool:
        """Whether there may be work now that was not due before: what waited in its lane."""
        return True

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


class Job:
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

    def leaves_more(self, result: object) -> bool:
        """Whether there may be work now that was not due before: the job itself, again."""
        return isinstance(result, Later)

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


Work = Delivery | Job
