"""Measures many webhooks: to their 200 (committed), to the posts in Slack, and a storm's drain.

The stand-ins and whoever sends run in this process, the bot in one of its own, on SQLite. Slack
takes one message a second and channel, three at once. A latency counts from the moment at which
the webhook was due, so a sender that falls behind is counted, too. Beside it what a script of
thirty lines would do: post to Slack, then answer 200 (naive_webhook.py).
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stage import header, row, table
from webhook import create_webhook

from handlers.webhooks.opsgenie import HEADER
from sandbox.chaos.bots import Launcher, Replica
from sandbox.chaos.nothing import nothing
from sandbox.faults import Faults
from sandbox.machine import free_ports
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.slack import SlackStandIn
from sandbox.slack.workspace import BOT_USER, Channel
from sandbox.wire import CallLog, Sender, Server
from trailwatch.detections import Detection, load_catalogue

SECRET = "the-secret-of-the-benchmark"
KEY = "a key for the store of the benchmark"
HERE = Path(__file__).parent
PATIENCE = 60.0
"""Seconds without anything new in Slack, after which the rest counts as lost."""
_COUNTED = re.compile(r"([\d,]+) alerts? at once")


@dataclass
class Run:
    """What was sent and when (seconds since 1970), and the seconds until each 200."""

    due: dict[str, float] = field(default_factory=dict)
    committed: dict[str, float] = field(default_factory=dict)


class Stage:
    """Slack, Opsgenie, and the bot or the naive receiver beside them."""

    def __init__(self, ends: ExitStack, folder: Path, channels: int, rollup: int, naive: bool):
        shared: Any = {"calls": CallLog(), "faults": Faults(lambda: 1.0)}
        self.slack = SlackStandIn(**shared, post_rate=1.0)
        self.opsgenie = OpsgenieStandIn(**shared, sender=Sender(**shared))
        aws = Server(nothing, name="aws")
        for part in (self.slack, self.opsgenie, aws):
            part.start()
            ends.callback(part.stop)
        self.channels = [f"C0BENCH{number:03d}" for number in range(channels)]
        members = {BOT_USER, *(user["id"] for user in self.slack.users)}
        for number, channel in enumerate(self.channels):
            self.slack.space.channels[channel] = Channel(channel, f"bench-{number}", set(members))
        self.port = free_ports(1)[0]
        script = "naive_webhook.py" if naive else "chaos_bot.py"
        launcher = Launcher([sys.executable, str(HERE / script)])
        ends.callback(launcher.stop)
        environ = self._environ(folder, aws.url, rollup)
        launcher.order(do="prepare", environ=environ, secret=SECRET, key=KEY)
        settings = ("--config", str(self._settings(folder)))
        log = folder / "bot.log"
        # What is measured is the way of the webhooks: nothing is compared meanwhile.
        changes = {"reconcile_seconds": 3600}
        bot = Replica(launcher, "bench", self.port, environ, settings, log, changes)
        ends.callback(bot.kill)
        bot.start()
        if not bot.wait_up(lambda: False):
            raise SystemExit(f"the bot did not start:\n{log.read_text()}")

    def _environ(self, folder: Path, aws: str, rollup: int) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "PYTHONUNBUFFERED": "1",
            "SLACK_API_BASE_URL": self.slack.api_url,
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_CHANNEL": self.slack.channel,
            "AWS_ENDPOINT_URL": aws,
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE00",
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_EC2_METADATA_DISABLED": "true",
            "OPSGENIE_API_URL": self.opsgenie.url,
            "OPSGENIE_API_KEY": self.opsgenie.alert_key,
            "OPSGENIE_SETUP_API_KEY": self.opsgenie.api_key,
            "TRAILWATCH_ADMINS": next(str(user["id"]) for user in self.slack.users),
            "TRAILWATCH_PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "TRAILWATCH_SECRET_KEY": KEY,
            "TRAILWATCH_DRIFT_MINUTES": "0",
            "TRAILWATCH_ROLLUP": str(rollup),
            "PORT": str(self.port),
            "DATABASE_URL": f"sqlite:///{folder / 'trailwatch.db'}",
            "BENCH_CHANNELS": ",".join(self.channels),
        }

    def _settings(self, folder: Path) -> Path:
        routes = [
            f'[[routes]]\naccount = ["{account_of(number)}"]\nchannel = "{channel}"\n'
            for number, channel in enumerate(self.channels)
        ]
        path = folder / "trailwatch.toml"
        path.write_text("\n".join(routes))
        return path

    def shown(self) -> dict[str, float]:
        """When each alert's own message was posted, by its alarm's name."""
        found: dict[str, float] = {}
        for message in self.slack.messages():
            for ident in re.findall(r"bench-\d{5}", json.dumps(message["blocks"])):
                found.setdefault(ident, float(message["ts"]))
        return found

    def in_storm(self) -> int:
        """How many alerts the counts of storms tell of."""
        texts = [str(message["text"]) for message in self.slack.messages()]
        return sum(
            int(match[1].replace(",", "")) for text in texts if (match := _COUNTED.search(text))
        )


@contextmanager
def staged(channels: int, rollup: int, naive: bool = False) -> Iterator[Stage]:
    """A fresh stage; all of it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="trailwatch-bench-") as folder, ExitStack() as ends:
        yield Stage(ends, Path(folder), channels, rollup, naive)


def account_of(number: int) -> str:
    return f"{123456000000 + number}"


def webhook_of(stage: Stage, detection: Detection, number: int) -> tuple[str, bytes]:
    """A new alert of an alarm of its own, in the account of one of the channels: the alarm's name,
    and what Opsgenie, which has the alert, posts.
    """
    body: dict[str, Any] = json.loads(json.dumps(create_webhook(detection)))
    alert, ident = body["alert"], f"bench-{number:05d}"
    account = account_of(number % len(stage.channels))
    alert["alias"] = alert["details"]["alarm_arn"] = (
        f"arn:aws:cloudwatch:us-east-1:{account}:alarm:{ident}"
    )
    alert["details"]["alarm_name"] = alert["message"] = ident
    alert["details"]["aws_account"] = account
    known = ("message", "alias", "description", "priority", "tags", "details")
    alert["alertId"] = stage.opsgenie.create({name: alert[name] for name in known})
    alert["updatedAt"] = time.time_ns()
    return ident, json.dumps(body).encode()


def send(stage: Stage, rate: float, count: int) -> Run:
    """So many new alerts, each at its time whatever became of those before."""
    run, lock, local = Run(), threading.Lock(), threading.local()
    detections = load_catalogue().pack("cis")

    def post(ident: str, data: bytes) -> None:
        headers = {"Content-Type": "application/json", HEADER: SECRET}
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection("127.0.0.1", stage.port, timeout=30)
        try:
            local.connection.request("POST", "/webhooks/opsgenie", data, headers)
            answer = local.connection.getresponse()
            answer.read()
            taken = answer.status == 200
        except (OSError, http.client.HTTPException):
            local.connection.close()
            taken = False
        if taken:
            with lock:
                run.committed[ident] = time.time() - run.due[ident]

    bodies = [
        webhook_of(stage, detections[number % len(detections)], number) for number in range(count)
    ]
    with ThreadPoolExecutor(32) as senders:
        began = time.time() + 0.2
        for number, (ident, data) in enumerate(bodies):
            run.due[ident] = began + number / rate
            time.sleep(max(0.0, run.due[ident] - time.time()))
            senders.submit(post, ident, data)
    return run


def drained(stage: Stage, wanted: int) -> tuple[float, dict[str, float]]:
    """When everything stood in Slack (or nothing new came any more), and what was shown when."""
    before, moved = -1, time.time()
    while True:
        shown = stage.shown()
        seen = len(shown) + stage.in_storm()
        if seen != before:
            before, moved = seen, time.time()
        if seen >= wanted or time.time() - moved > PATIENCE:
            return moved, shown
        time.sleep(0.25)


def measure(
    rate: float, channels: int, count: int, rollup: int, naive: bool = False
) -> list[list[str]]:
    """Rows for one rate: to the 200, and to the post where every alert has one."""
    with staged(channels, rollup, naive) as stage:
        time.sleep(1.0)
        run = send(stage, rate, count)
        _, shown = drained(stage, count)
        told = len(shown) + stage.in_storm()
    who = "naive" if naive else "trailwatch"
    name = f"{who}, {rate:g}/s over {channels}"
    rows = [row(f"{name}: to the 200", [one * 1000 for one in run.committed.values()])]
    if not rollup:
        delays = [(shown[one] - run.due[one]) * 1000 for one in shown]
        rows.append(row(f"{name}: to the post", delays))
    if len(run.committed) < count or told < count:
        rows.append([f"  refused {count - len(run.committed)}, lost {count - told}", *[""] * 5])
    return rows


def storm(count: int, rollup: int) -> list[str]:
    """Alerts within a minute in one channel: when the first, half and all of them can be seen."""
    with staged(1, rollup) as stage:
        time.sleep(1.0)
        began = time.time()
        times: list[tuple[float, int, int]] = []
        done = threading.Event()

        def look() -> None:
            while not done.wait(0.2):
                shown = stage.shown()
                counted = len(shown) if not rollup else min(10, len(shown)) + stage.in_storm()
                times.append((time.time() - began, counted, len(shown)))

        watcher = threading.Thread(target=look)
        watcher.start()
        send(stage, count / 60, count)
        moved, best = time.time(), -1
        while time.time() - moved < PATIENCE and (not times or times[-1][2] < count):
            if times and times[-1][2] != best:
                moved, best = time.time(), times[-1][2]
            time.sleep(0.2)
        done.set()
        watcher.join()
        posts = len(stage.slack.messages(stage.channels[0]))

    def when(column: int, number: int) -> str:
        found = next((one[0] for one in times if one[column] >= number), None)
        return "never" if found is None else f"{found:.1f} s"

    kind = "one roll-up" if rollup else "a message each"
    return [f"{count} in a minute, {kind}", when(1, 1), when(1, count), when(2, count), f"{posts}"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--quick", action="store_true", help="a short run that shows that all works"
    )
    parser.add_argument("--part", choices=("committed", "posted", "storm"), help="that part alone")
    given = parser.parse_args()
    seconds = 5 if given.quick else 30
    header("throughput: webhooks to their 200, to Slack, and a storm")
    if given.part in (None, "committed"):
        rows: list[list[str]] = []
        for rate in (1, 50, 200):
            rows += measure(rate, 100, max(10, rate * seconds), 10)
            rows += measure(rate, 100, max(10, rate * seconds), 0, naive=True)[:1]
        table(rows)
    if given.part in (None, "posted"):
        rows = measure(1, 1, 10 if given.quick else 120, 0)
        rows += measure(50, 100, 50 * seconds, 0)
        table(rows)
    if given.part in (None, "storm"):
        sizes = (60, 60) if given.quick else (1000, 200)
        found = [storm(sizes[0], 10), storm(sizes[1], 0)]
        table(found, ("", "first seen", "all counted", "all listed", "messages"))


if __name__ == "__main__":
    main()
