"""The daily job that deletes from the store what nobody needs any more."""

from __future__ import annotations

from handlers.deps import Deps
from handlers.jobs.job import JobContext
from trailwatch.store import retention


def prune(deps: Deps, job: JobContext) -> None:
    """Delete in short transactions until nothing is left to delete."""
    while True:
        with deps.db.transaction() as tx:
            deleted = retention.prune(tx, deps.clock())
        job.beat()
        if max(deleted.values(), default=0) < retention.AT_ONCE:
            return
