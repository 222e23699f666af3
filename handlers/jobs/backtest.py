"""The job behind /trailwatch backtest: reads the trail's bucket, shows how far it is. Read-only."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from handlers.blocks.backtest import backtest_message, backtest_running
from handlers.blocks.errors import error_message
from handlers.blocks.kit import Message, span
from handlers.deps import Deps
from handlers.drifting import nothing_set_up
from handlers.jobs.job import JobContext, worth_another_try
from trailwatch.backtest import Subject, run, subject_of
from trailwatch.detections import Detection, facts_of
from trailwatch.errors import TrailwatchError
from trailwatch.site import SiteConfig
from trailwatch.store import jobs, outbox
from trailwatch.store.outbox import Outgoing

LONGEST = 300.0
"""Seconds after which the part that was read is the answer: the bot has other work."""

TELL_EVERY = 3.0
"""Seconds between two looks at how far it is."""

LOOK_EVERY = 0.5
"""Seconds between two looks at whether somebody has cancelled it."""


def run_backtest(deps: Deps, job: JobContext, look_every: float = LOOK_EVERY) -> None:
    """Go through the archive in this thread and show the result in the channel."""
    now = deps.clock()
    since = now - timedelta(seconds=float(job.args["seconds"]))
    try:
        config = deps.sites.config(str(job.args.get("site", "")))
        what, subjects = _subjects(deps, job, config)
        what += f", site {config.site.name}" if deps.sites.several else ""
        began = told = looked = time.monotonic()
        stopped = ""
        for progress in run(subjects, deps.archive(config, since), since=since, processes=1):
            job.beat()
            moment = time.monotonic()
            if moment - looked >= look_every:
                looked = moment
                stopped = _cancelled(deps, job)
            if moment - began > LONGEST:
                stopped = f"It ended after {span(timedelta(seconds=LONGEST))}"
            if stopped:
                break
            if moment - told > TELL_EVERY or not progress.files:
                told = moment
                running = backtest_running(what, progress.records, progress.matches, job.id)
                _show(deps, job, running)
        result = progress.result(complete=not stopped)
        message = backtest_message(what, result, now, str(job.args["name"]), stopped)
        if any("NoSuchBucket" in one.reason for one in result.problems):
            message = nothing_set_up(deps, config.site.name) or message
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        message = error_message(error)
    _show(deps, job, message)


def _cancelled(deps: Deps, job: JobContext) -> str:
    """Who has cancelled it, as the message says it; "" while nobody has."""
    with deps.db.reading() as tx:
        by = jobs.asked_to_stop(tx, job.id)
    return f"Cancelled by {by}" if by else ""


def _subjects(deps: Deps, job: JobContext, config: SiteConfig) -> tuple[str, list[Subject]]:
    catalogue = deps.catalogue
    ids = [part for part in str(job.args["detections"]).split(",") if part]
    pack = str(job.args["pack"])
    chosen: Sequence[Detection]
    if ids:
        what, chosen = ", ".join(ids), [catalogue[one] for one in ids]
    elif pack:
        what, chosen = f"pack {pack}", catalogue.pack(pack)
    else:
        what, chosen = f"pack {config.pack}", deps.sites.detections(config)
    facts = facts_of(config)
    return what, [subject_of(detection, facts) for detection in chosen]


def _show(deps: Deps, job: JobContext, message: Message) -> None:
    outgoing = Outgoing(
        key=f"backtest:{job.args['key']}",
        lane=str(job.args["channel"]),
        text=message.text,
        blocks=message.blocks,
        metadata={},
    )
    with deps.db.transaction() as tx:
        outbox.say(tx, outgoing, deps.clock())
