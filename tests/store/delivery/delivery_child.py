"""A process that sends and works until it is killed; its orders come as JSON on standard input.

{"url", "name", "token", "api", "reconcile", "timeout", "lease", "marks"}: `timeout` is how many
seconds Slack may be silent, `lease` how many a job is held without a sign of life, and `marks` is
a file to which the jobs of kind "mark" write a line for each step that they run.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

from slack_sdk import WebClient

from bot.sender import Sender
from bot.work import Running
from bot.worker import Patience, Worker
from trailwatch.clock import utc_now
from trailwatch.store import inbox, outbox
from trailwatch.store.database import open_database
from trailwatch.store.inbox import InboxRow
from trailwatch.store.lanes import Rules
from trailwatch.store.outbox import Outgoing
from trailwatch.store.replica import claim_replica

orders = json.load(sys.stdin)
db = open_database(orders["url"])
replica = claim_replica(db, orders["name"], utc_now())
marks = Path(orders["marks"])


def take(row: InboxRow) -> None:
    """A delivery's body is "KEY LANE TEXT"."""
    key, lane, text = row.body.split(" ", 2)
    with db.transaction() as tx:
        outbox.say(tx, Outgoing(key, lane, text), utc_now())
        inbox.done(tx, row, utc_now())


def mark(job: Running) -> None:
    for number in range(int(job.args["steps"])):
        job.step(f"s{number}", lambda number=number: write(job, number))  # type: ignore[misc]


def write(job: Running, number: int) -> int:
    with marks.open("a") as file:
        file.write(json.dumps([job.id, number, job.resumed, job.begun(f"s{number}")]) + "\n")
    time.sleep(0.02)
    return number


sender = Sender(
    db,
    WebClient(orders["token"], base_url=orders["api"]),
    utc_now,
    replica=replica,
    rules=Rules(
        post_interval=timedelta(0),
        edit_interval=timedelta(0),
        lease=timedelta(seconds=2),
        settle=timedelta(seconds=0.3),
        verify=(timedelta(seconds=0.7),),
        reconcile=orders["reconcile"],
    ),
    threads=4,
    timeout=orders["timeout"],
)
worker = Worker(
    db,
    utc_now,
    replica=replica,
    on_inbox=take,
    job_handlers={"mark": mark},
    patience=Patience(lease=timedelta(seconds=orders["lease"])),
)
sender.start()
worker.start()
print("ready", flush=True)
threading.Event().wait()
