"""Knows how one run goes: what fails when, how long it lasts, when it is judged. Judges nothing."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sandbox.chaos.bots import Deaths, Killer, Launcher, Replica
from sandbox.chaos.feed import Feed, account_of
from sandbox.chaos.judge import Verdict, judge
from sandbox.chaos.mixture import Counted, Mixture, Odds, Postman
from sandbox.chaos.nothing import nothing
from sandbox.chaos.watch import Watch
from sandbox.machine import free_ports
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.slack import SlackStandIn
from sandbox.slack.workspace import BOT_USER, Channel
from sandbox.wire import Server

SECRET = "the-secret-of-the-chaos-run"  # noqa: S105 of a stand-in on loopback
KEY = "a key for the store of the chaos run"


@dataclass(frozen=True)
class Wanted:
    """One run. Times are seconds.

    rate: new alerts a second. post_rate: messages a second that a channel takes. replicas: how
    many processes share the work. changes: of the bot's rules, see benchmarks/chaos_bot.py;
    `sweep` is how long after the drain a twin may stand. stall: how long nothing new is shown
    until the rest is given up.
    """

    alerts: int = 1000
    channels: int = 40
    seed: int = 1
    rate: float = 30.0
    replicas: int = 1
    kill_every: float = 2.0
    most_kills: int = 1_000_000
    rollup: str = "0"
    post_rate: float = 1.0
    odds: Odds = field(default_factory=Odds)
    pauses: tuple[float, float] = (0.5, 20.0)
    changes: Mapping[str, Any] = field(default_factory=dict)
    sweep: float = 80.0
    stall: float = 120.0
    freeze_for: float = 0.0
    never_back: bool = False


@dataclass
class Outcome:
    """What came of a run: figures for the table, and what was wrong."""

    alerts: int
    shown: int
    kills: int
    seconds: float
    twins_seen: int
    at_drain: dict[str, int]
    after_sweep: dict[str, int]
    wrong: dict[str, str]
    more: dict[str, Any]

    @property
    def well(self) -> bool:
        return not any(self.after_sweep.values())

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Chaos:
    """The stand-ins, the bots and who kills them. Use it as a context; `run` once."""

    def __init__(
        self,
        wanted: Wanted,
        folder: Path,
        launcher: Sequence[str],
        database: str,
        interrupt: Callable[[], None] | None = None,
    ) -> None:
        """launcher: the command that starts bots (Launcher). database: an address, of an empty
        database. interrupt: called once in the middle, such as PostgreSQL's restart.
        """
        self.wanted = wanted
        self._folder = folder
        self._command = launcher
        self._database = database
        self._interrupt = interrupt
        self._ends = ExitStack()
        self.calls = Counted()
        self.faults = Mixture(wanted.odds, wanted.seed)
        self.watch = Watch()

    def __enter__(self) -> Chaos:
        try:
            self._build()
        except BaseException:
            self._ends.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def _build(self) -> None:
        wanted = self.wanted
        names = ["one", "two", "three", "four"][: wanted.replicas]
        if wanted.never_back:
            names.append("gone")
        ports = free_ports(len(names))
        # A process that is stopped answers no ping of Slack's: nothing to tell of at length.
        logging.getLogger("sandbox.slack.link").setLevel(logging.CRITICAL)
        shared: Any = {"calls": self.calls, "faults": self.faults}
        self.slack = SlackStandIn(**shared, post_rate=wanted.post_rate)
        self.slack.space.watch = self.watch.hear
        self.channels = self._make_channels()
        self.postman = Postman(self.calls, wanted.odds, wanted.seed, list(ports))
        self.opsgenie = OpsgenieStandIn(**shared, sender=self.postman)
        aws = Server(nothing, name="aws")
        for part in (self.slack, self.opsgenie, aws):
            part.start()
            self._ends.callback(part.stop)
        self._aws_url = aws.url
        self.opsgenie.by_hand({}, self._webhook())
        launcher = Launcher(self._command)
        self._ends.callback(launcher.stop)
        settings = self._settings()
        made = [
            Replica(
                launcher,
                name,
                port,
                self._environ(name, port),
                ("--config", str(settings)),
                self._folder / f"{name}.log",
                wanted.changes,
            )
            for name, port in zip(names, ports, strict=True)
        ]
        for replica in made:
            self._ends.callback(replica.kill)
        ready = launcher.order(
            do="prepare", environ=self._environ("one", ports[0]), secret=SECRET, key=KEY
        )
        if ready["status"] != 0:
            raise RuntimeError("the database could not be prepared")
        self.replicas = made[: wanted.replicas]
        self._gone = made[wanted.replicas :]
        self.feed = Feed(
            self.opsgenie, wanted.alerts, wanted.rate, self.channels, wanted.seed, wanted.pauses
        )
        self._ends.callback(self.feed.stop)

    def _make_channels(self) -> list[str]:
        members = {BOT_USER, *(user["id"] for user in self.slack.users)}
        ids = [f"C0CHAOS{number:03d}" for number in range(self.wanted.channels)]
        for number, channel in enumerate(ids):
            made = Channel(channel, f"chaos-{number}", set(members))
            self.slack.space.channels[channel] = made
        return ids

    def _webhook(self) -> dict[str, Any]:
        return {
            "url": "http://127.0.0.1:1/webhooks/opsgenie",
            "headers": {"X-Trailwatch-Token": SECRET},
            "addAlertDescription": True,
            "addAlertDetails": True,
        }

    def _settings(self) -> Path:
        routes = [
            f'[[routes]]\naccount = ["{account_of(number)}"]\nchannel = "{channel}"\n'
            for number, channel in enumerate(self.channels)
        ]
        path = self._folder / "trailwatch.toml"
        path.write_text("\n".join(routes))
        return path

    def _environ(self, name: str, port: int) -> dict[str, str]:
        ids = {user["name"]: user["id"] for user in self.slack.users}
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._folder),
            "PYTHONUNBUFFERED": "1",
            "SLACK_API_BASE_URL": self.slack.api_url,
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_CHANNEL": self.slack.channel,
            "SLACK_POST_INTERVAL": f"{1 / self.wanted.post_rate:g}",
            "AWS_ENDPOINT_URL": self._aws_url,
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE00",
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_EC2_METADATA_DISABLED": "true",
            "OPSGENIE_API_URL": self.opsgenie.url,
            "OPSGENIE_API_KEY": self.opsgenie.alert_key,
            "OPSGENIE_SETUP_API_KEY": self.opsgenie.api_key,
            "TRAILWATCH_ADMINS": ids["alice"],
            "TRAILWATCH_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "TRAILWATCH_SECRET_KEY": KEY,
            "TRAILWATCH_REPLICA": name,
            "TRAILWATCH_DRIFT_MINUTES": "0",
            "TRAILWATCH_ROLLUP": self.wanted.rollup,
            "PORT": str(port),
            "DATABASE_URL": self._database,
            "LOG_LEVEL": "INFO",
        }

    def verdict(self) -> Verdict:
        """What is wrong at this moment, by what Slack shows."""
        with self.slack.space.lock:
            messages = self.slack.messages()
            sights = self.watch.sights()
        return judge(
            messages,
            self.opsgenie.alerts(),
            sights,
            self.feed.states,
            self.feed.channel_of,
        )

    def run(self) -> Outcome:
        """Feed, kill and let fail; then calm, until all is shown; then until the sweep is over."""
        wanted = self.wanted
        began = time.monotonic()
        lasts = wanted.alerts / wanted.rate
        killers = self._killers(lasts)
        for one in self._gone:
            one.start()
        for killer in killers:
            killer.start()
        self.feed.start()
        timers = [_later(lasts / 2, self._in_the_middle), _later(lasts / 3, self._never_back)]
        self._wait_shown(wanted.alerts)
        for timer in timers:
            timer.join(60)
        self.faults.on = self.postman.on = False
        for killer in killers:
            killer.calm()
        calm_at = time.monotonic()
        at_drain = self._wait_drained()
        drained = time.monotonic()
        time.sleep(wanted.sweep)
        after = self.verdict()
        wrong = after.wrong
        if wrong:
            self._write(wrong)
        return Outcome(
            alerts=wanted.alerts,
            shown=self.watch.names,
            kills=sum(killer.kills for killer in killers) + len(self._gone),
            seconds=round(drained - began, 1),
            twins_seen=self.watch.twins_seen,
            at_drain=_numbers(at_drain),
            after_sweep=_numbers(after),
            wrong=dict(list(wrong.items())[:50]),
            more={
                "calm_after": round(calm_at - began, 1),
                "drained_after": round(drained - began, 1),
                **self._figures(killers),
            },
        )

    def _killers(self, lasts: float) -> list[Killer]:
        """One for each replica; the last one's freezes it where that is wanted."""
        wanted = self.wanted
        deaths = [
            Deaths(
                wanted.kill_every,
                freeze=lasts / 4 if wanted.freeze_for and number == wanted.replicas - 1 else None,
                frozen=wanted.freeze_for,
                most=wanted.most_kills,
            )
            for number in range(wanted.replicas)
        ]
        return [
            Killer(replica, death, wanted.seed)
            for replica, death in zip(self.replicas, deaths, strict=True)
        ]

    def _figures(self, killers: Sequence[Killer]) -> dict[str, Any]:
        return {
            "freezes": sum(killer.freezes for killer in killers),
            "ended_by_itself": sum(len(killer.died) for killer in killers),
            "last_words": [words for killer in killers for words in killer.died][:20],
            "start_median": _median([s for one in self.replicas for s in one.ready_after]),
            "slack_calls": self.calls.total("slack"),
            "slack_failed": self.calls.total("slack", failed=True),
            "opsgenie_calls": self.calls.total("opsgenie"),
            "opsgenie_failed": self.calls.total("opsgenie", failed=True),
            "webhooks_dropped": self.postman.dropped,
            "webhooks_doubled": self.postman.doubled,
        }

    def _never_back(self) -> None:
        for one in self._gone:
            one.kill()

    def _in_the_middle(self) -> None:
        if self._interrupt is not None:
            self._interrupt()

    def _wait_shown(self, count: int) -> None:
        """Until each alert was shown once, or nothing new is shown any more."""
        seen, since = -1, time.monotonic()
        while not self.feed.ended.is_set() or self.watch.names < count:
            if self.watch.names != seen or not self.feed.ended.is_set():
                seen, since = self.watch.names, time.monotonic()
            if time.monotonic() - since > self.wanted.stall:
                return
            time.sleep(0.1)

    def _wait_drained(self) -> Verdict:
        """Until all is shown in its newest state, or nothing gets better any more."""
        best, since = -1, time.monotonic()
        while True:
            now = self.verdict()
            if now.drained:
                return now
            left = len(now.lost) + len(now.stale)
            if best < 0 or left < best:
                best, since = left, time.monotonic()
            if time.monotonic() - since > self.wanted.stall:
                return now
            time.sleep(0.2 if left < 100 else 1.0)

    def _write(self, wrong: Mapping[str, str]) -> None:
        """What is wrong, with all that was seen of it, beside the bots' logs."""
        sights = self.watch.sights()
        standing = {m["ts"]: m["text"] for m in self.slack.messages()}
        lines = []
        for name, what in wrong.items():
            lines.append(
                f"{name}: {what}; in Opsgenie {' > '.join(self.feed.states.get(name, ()))}"
            )
            for sight in sights.get(name, ()):
                late = " late" if sight.late else ""
                lines.append(f"    {sight.at:9.3f} {sight.what} {sight.ts} {sight.state}{late}")
            stamps = dict.fromkeys(sight.ts for sight in sights.get(name, ()))
            lines += [f"    stands: {ts} {standing.get(ts, '(gone)')[:160]}" for ts in stamps]
        (self._folder / "wrong.txt").write_text("\n".join(lines) + "\n")


def _later(seconds: float, act: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer


def _numbers(verdict: Verdict) -> dict[str, int]:
    return {
        "lost": len(verdict.lost),
        "twice": len(verdict.twice),
        "stale": len(verdict.stale),
        "elsewhere": len(verdict.elsewhere),
        "back": len(verdict.back),
    }


def _median(values: list[float]) -> float:
    return round(sorted(values)[len(values) // 2], 2) if values else 0.0
