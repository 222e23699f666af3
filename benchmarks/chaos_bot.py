"""Starts bots for chaos.py by forking: it has their code in memory. Decides nothing itself.

One JSON object a line on standard input, one answer a line. {"do": "prepare", "environ",
"secret", "key"} makes the tables and keeps the webhook's secret: {"status"}. {"do": "start",
"environ", "arguments", "log", "changes"} runs `trailwatch serve`: {"pid"}. `changes` are of the
sender's rules: seconds for settle and lease, a list of them for verify, reconcile true or false;
and `reconcile_seconds` between two comparisons with the on-call service.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import bot.app
import bot.cli
import bot.schedule
import bot.worker
from setup.pipeline import webhook_secret_name
from trailwatch.aws import Aws
from trailwatch.clock import utc_now
from trailwatch.detections import load_catalogue
from trailwatch.errors import AwsError
from trailwatch.store import secrets
from trailwatch.store.database import open_database
from trailwatch.store.lanes import Rules
from trailwatch.store.secrets import Vault


def warm() -> None:
    """Load what a bot loads only when it is first needed: each life would do it again."""
    for name in ("apscheduler.triggers.interval", "opsgenie_sdk", "psycopg", "slack_sdk.web"):
        importlib.import_module(name)
    load_catalogue()
    os.environ |= {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE00", "AWS_SECRET_ACCESS_KEY": "example"}
    nobody = Aws("us-east-1", "http://127.0.0.1:9", max_attempts=1)
    for service, operation in (
        ("sts", "GetCallerIdentity"),
        ("logs", "DescribeLogGroups"),
        ("cloudwatch", "DescribeAlarms"),
    ):
        with contextlib.suppress(AwsError):
            nobody.call(service, operation)
    nobody.close()


def prepare(order: Mapping[str, Any]) -> int:
    """What setup would have left in the store."""
    database = open_database(order["environ"]["DATABASE_URL"])
    try:
        with database.transaction() as tx:
            name = webhook_secret_name("main")
            secrets.put(tx, Vault(order["key"]), name, order["secret"], utc_now())
    finally:
        database.close()
    return 0


def start(order: Mapping[str, Any]) -> int:
    """`trailwatch serve`, with the rules that the run asks for."""
    os.setsid()
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    for number, to in ((0, nowhere), (1, log), (2, log)):
        os.dup2(to, number)
    os.environ.clear()
    os.environ.update(order["environ"])
    random.seed()
    change(order["changes"])
    return bot.cli.main(["serve", *order["arguments"]])


def change(changes: Mapping[str, Any]) -> None:
    """Other rules than the product's own, where a run asks for them."""
    given: dict[str, Any] = {}
    for name in ("settle", "lease", "post_interval", "edit_interval"):
        if name in changes:
            given[name] = timedelta(seconds=changes[name])
    if "verify" in changes:
        given["verify"] = tuple(timedelta(seconds=s) for s in changes["verify"])
    if "reconcile" in changes:
        given["reconcile"] = changes["reconcile"]
    bot.app.Rules = lambda **own: Rules(**{**own, **given})  # type: ignore[assignment,misc]
    if "lease" in given:
        patience = bot.worker.Patience(lease=given["lease"])
        bot.worker.Patience = lambda: patience  # type: ignore[assignment,misc]
    if "reconcile_seconds" in changes:
        bot.schedule.RECONCILE_SECONDS = changes["reconcile_seconds"]


def fork(order: Mapping[str, Any]) -> int:
    """The process id of a child that carries the order out."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        status = (prepare if order["do"] == "prepare" else start)(order)
    except Exception:  # noqa: BLE001 whatever it is, the child ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    warm()
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "prepare":
            _, status = os.waitpid(fork(order), 0)
            answer = {"status": os.waitstatus_to_exitcode(status)}
            # From now on dead children are forgotten at once: nobody asks how they ended.
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        else:
            answer = {"pid": fork(order)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
