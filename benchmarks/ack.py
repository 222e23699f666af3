"""Measures how soon a slash command is acked, beside a default Bolt app. Target: p99 100 ms.

Four apps, each on a Slack stand-in of its own in this process: trailwatch and the default app, each
by Socket Mode and over HTTP (waitress, 8 threads). trailwatch has its pipeline set up and alerts
stored; AWS and Opsgenie stand in in a process of their own. All four get the same commands in the
same run: one after the other, then 20 a second, each at its moment whatever became of the rest.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import bolt_peer
from stage import header, quick, row, table
from webhook import PACK, create_webhook, post, webhook_secret

from sandbox.faults import Faults
from sandbox.machine import free_ports
from sandbox.process import BotProcess
from sandbox.run import Sandbox, Wanted, bot_environment
from sandbox.slack import SlackStandIn
from sandbox.wire import CallLog
from trailwatch.detections import load_catalogue

QUICK = (
    "help",
    "alerts",
    "alerts --since 24h",
    'pattern check { $.eventName = "ConsoleLogin" && $.errorMessage = "Failed authentication" }',
)
COMMANDS = (*QUICK * 5, "setup status")[1:]
"""Every 20th starts a job that reads the whole pipeline beside the commands that follow."""
RATE = 20
ALERTS = 20
SPAWN = multiprocessing.get_context("spawn")


@dataclass
class Arm:
    """One app on its stand-in, and what was measured, in ms."""

    name: str
    slack: SlackStandIn
    first: list[float] = field(default_factory=list)
    sequential: list[float] = field(default_factory=list)
    no_job: list[float] = field(default_factory=list)
    open_loop: list[float] = field(default_factory=list)
    failed: int = 0

    def command(self, text: str, into: list[float], due: float | None = None) -> None:
        """Type a command; `due` is when it should have been typed (time.perf_counter)."""
        began = time.perf_counter() if due is None else due
        answer = self.slack.command("alice", self.slack.channel, text)
        into.append((time.perf_counter() - began) * 1000)
        if answer["status"] != 200 or "error" in answer:
            self.failed += 1


def serve_services(folder: str, pipe: Connection) -> None:
    """AWS and Opsgenie in a process of their own: tells a bot's environment, ends with the pipe."""
    made = Sandbox(Wanted(0, 1.0, (), True), Path(folder), lambda text: None)
    made.opsgenie.start()
    made.aws.start()
    pipe.send(bot_environment(made, Path(folder), *free_ports(2)))
    with contextlib.suppress(EOFError):
        pipe.recv()
    made.aws.stop()
    made.opsgenie.stop()


@contextlib.contextmanager
def services(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a bot on these AWS and Opsgenie stand-ins."""
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=serve_services, args=(str(folder), theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        ours.close()
        process.join(15)


@contextlib.contextmanager
def stand_in(mode: str) -> Iterator[SlackStandIn]:
    slack = SlackStandIn(calls=CallLog(), faults=Faults(random.Random(0).random), mode=mode)
    slack.start()
    try:
        yield slack
    finally:
        slack.stop()


@contextlib.contextmanager
def trailwatch(
    slack: SlackStandIn, mode: str, environment: Mapping[str, str], state: Path
) -> Iterator[BotProcess]:
    """The real bot, ready, on this Slack stand-in."""
    port, metrics = free_ports(2)
    url = f"http://127.0.0.1:{port}"
    own = {
        "SLACK_API_BASE_URL": slack.api_url,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_MODE": mode,
        "TRAILWATCH_PUBLIC_URL": url,
        "TRAILWATCH_METRICS_PORT": str(metrics),
        "HOME": str(state),
        "PORT": str(port),
        "DATABASE_URL": f"sqlite:///{state / 'trailwatch.db'}",
    }
    slack.request_url = f"{url}/slack/events"
    script = Path(sys.executable).with_name("trailwatch")
    bot = BotProcess(
        [str(script), "serve"], {**environment, **own}, state, state / "bot.log", url, print
    )
    bot.start()
    try:
        if not bot.wait_ready(60, lambda: False):
            raise RuntimeError(f"the bot is not ready:\n{bot.tail()}")
        yield bot
    finally:
        bot.stop()


@contextlib.contextmanager
def default_bolt(slack: SlackStandIn, mode: str) -> Iterator[None]:
    """The app with Bolt's defaults on this Slack stand-in."""
    port = free_ports(1)[0] if mode == "http" else 0
    slack.request_url = f"http://127.0.0.1:{port}/slack/events"
    keys = (slack.api_url, slack.bot_token, slack.app_token, slack.signing_secret, port)
    process = SPAWN.Process(target=bolt_peer.run, args=keys, daemon=True)
    process.start()
    try:
        until(lambda: slack.command("alice", slack.channel, "help")["status"] == 200, 30)
        yield
    finally:
        process.terminate()
        process.join(10)


def until(look: Callable[[], object], seconds: float) -> None:
    """Wait for a true result; raises RuntimeError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise RuntimeError("it did not come about")
        time.sleep(0.05)


def set_up(slack: SlackStandIn, bot: BotProcess, state: Path, key: str) -> None:
    """Build the pipeline and bring in some alerts, so that the commands have something to say."""

    def find(words: str) -> list[dict[str, Any]]:
        return [m for m in slack.messages() if words in str(m)]

    slack.command("alice", slack.channel, f"setup plan --pack {PACK}")
    until(lambda: find("plan.apply"), 30)
    slack.click("alice", find("plan.apply")[0]["ts"], "plan.apply")
    until(lambda: find("Applied:"), 60)
    secret = webhook_secret(state, key)
    detections = load_catalogue().pack(PACK)
    for number in range(ALERTS):
        post(bot.url, secret, create_webhook(detections[number % len(detections)]))
    until(lambda: len(find("FIRING")) >= ALERTS, 60)


def echo(pipe: Connection) -> None:
    """Send back what comes, until the pipe is closed."""
    with contextlib.suppress(EOFError):
        while True:
            pipe.send(pipe.recv())


@contextlib.contextmanager
def noise() -> Iterator[Callable[[], float]]:
    """A round trip to an idle process, in ms: what the machine itself adds to every figure."""
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=echo, args=(theirs,), daemon=True)
    process.start()
    theirs.close()

    def trip() -> float:
        began = time.perf_counter()
        ours.send(0)
        ours.recv()
        return (time.perf_counter() - began) * 1000

    trip()
    yield trip
    ours.close()
    process.join(5)


def one_after_the_other(arms: Sequence[Arm], count: int, trip: Callable[[], float]) -> list[float]:
    """`count` commands to each app, the apps in turn: first those without a job, then all.

    Returns the empty round trips made between them, in ms.
    """
    trips = []
    for number in range(count):
        for arm in arms:
            arm.command(QUICK[number % len(QUICK)], arm.no_job)
        trips.append(trip())
    for number in range(count):
        for arm in arms:
            arm.command(COMMANDS[number % len(COMMANDS)], arm.sequential)
        trips.append(trip())
    return trips


def at_a_rate(arm: Arm, count: int) -> None:
    """`count` commands, RATE a second, each typed by a thread of its own."""
    began = time.perf_counter() + 0.1
    threads = []
    for number in range(count):
        due = began + number / RATE
        text = COMMANDS[number % len(COMMANDS)]
        threads.append(threading.Thread(target=arm.command, args=(text, arm.open_loop, due)))
        time.sleep(max(0.0, due - time.perf_counter()))
        threads[-1].start()
    for thread in threads:
        thread.join()


@contextlib.contextmanager
def stage(folder: str) -> Iterator[list[Arm]]:
    """All four apps, ready."""
    with contextlib.ExitStack() as stack:
        places = {name: Path(folder) / name for name in ("services", "socket", "http")}
        for place in places.values():
            place.mkdir()
        environment = stack.enter_context(services(places["services"]))
        arms = []
        for mode, name in (("socket", "Socket Mode"), ("http", "HTTP")):
            slack = stack.enter_context(stand_in(mode))
            if mode == "http":
                copy_store(places["socket"], places["http"])
            bot = stack.enter_context(trailwatch(slack, mode, environment, places[mode]))
            arm = Arm(f"trailwatch, {name}", slack)
            arm.command("help", arm.first)
            if mode == "socket":
                set_up(slack, bot, places[mode], environment["TRAILWATCH_SECRET_KEY"])
            peer = stack.enter_context(stand_in(mode))
            stack.enter_context(default_bolt(peer, mode))
            arms += [arm, Arm(f"default Bolt, {name}", peer)]
        yield arms


def copy_store(source: Path, target: Path) -> None:
    """The second bot starts with what the first one has stored."""
    with (
        contextlib.closing(sqlite3.connect(source / "trailwatch.db")) as old,
        contextlib.closing(sqlite3.connect(target / "trailwatch.db")) as new,
    ):
        old.backup(new)


def main() -> None:
    count, turns = (50, 1) if quick() else (300, 6)
    header(f"ack: slash command -> ack, {count} commands an app, in turn, then {RATE} a second")
    with tempfile.TemporaryDirectory(prefix="trailwatch-bench-") as folder, stage(folder) as arms:
        time.sleep(3)
        with noise() as trip:
            trips = one_after_the_other(arms, count, trip)
        for _ in range(turns):
            for arm in arms:
                at_a_rate(arm, count // turns)
                time.sleep(1)
    table(
        [row(f"{arm.name}: in turn, no job beside", arm.no_job) for arm in arms]
        + [row(f"{arm.name}: in turn", arm.sequential) for arm in arms]
        + [row(f"{arm.name}: {RATE} a second", arm.open_loop) for arm in arms]
        + [row("noise: an empty round trip to a process", trips)]
    )
    firsts = "; ".join(f"{arm.name}: {arm.first[0]:.1f} ms" for arm in arms if arm.first)
    print(f"\nfirst command after the start: {firsts}")
    print(f"failed: {sum(arm.failed for arm in arms)}")


if __name__ == "__main__":
    main()
