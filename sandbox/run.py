"""Knows how to start the whole sandbox and to end it. Never how any part of it works."""

from __future__ import annotations

import os
import random
import secrets
import sys
import webbrowser
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from wsgiref.types import StartResponse, WSGIEnvironment

from sandbox.aws import AwsStandIn
from sandbox.control import ControlApp
from sandbox.faults import Faults
from sandbox.machine import (
    PortTaken,
    free_ports,
    has_screen,
    need_free,
    no_aws_settings,
    secret_key,
    state_folder,
    until_signalled,
)
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.opsgenie.jsm import CLOUD_ID, EMAIL
from sandbox.page import PageApp
from sandbox.process import BotProcess
from sandbox.replay import Replay
from sandbox.sites import PLACES, Place, write_settings
from sandbox.slack import SlackStandIn
from sandbox.wire import CallLog, Sender, Server, WsgiApp

ACCOUNT = PLACES[0].account
REGION = PLACES[0].region
READY_SECONDS = 60.0

Log = Callable[[str], None]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Part(Protocol):
    """A stand-in or the page: a server with threads of its own."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for."""

    port: int
    speed: float
    replay: tuple[Path, ...]
    headless: bool
    sites: int = 1
    """How many accounts there are, each a site of the bot's."""
    router: str = "opsgenie"
    """Who is told of alarms: "opsgenie", "jsm", or "direct" for the bot alone."""
    by_hand: Mapping[str, Any] | None = None
    """The actions that somebody enters in Jira Service Management's integration."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further settings of the bot, by their environment variables."""

    @property
    def places(self) -> tuple[Place, ...]:
        return PLACES[: self.sites]


class Sandbox:
    """The three stand-ins, the page and the bot, started in that order and ended in reverse."""

    def __init__(self, wanted: Wanted, state: Path, log: Log) -> None:
        self._wanted = wanted
        self._log = log
        self._calls = CallLog()
        self._faults = Faults(random.Random(0).random)  # noqa: S311 decides faults, no secrets
        sender = Sender(self._calls, self._faults)
        shared: dict[str, Any] = {"calls": self._calls, "faults": self._faults}
        self.slack = SlackStandIn(**shared)
        self.opsgenie = OpsgenieStandIn(**shared, sender=sender)
        self.aws = AwsStandIn(
            **shared,
            sender=sender,
            speed=wanted.speed,
            region=REGION,
            account=ACCOUNT,
            others={place.account: place.external_id for place in wanted.places[1:]},
            organization={p.account: p.name for p in wanted.places} if wanted.sites > 1 else None,
            recording=True,
        )
        self.control = ControlApp(
            slack=self.slack,
            aws=self.aws,
            opsgenie=self.opsgenie,
            calls=self._calls,
            faults=self._faults,
            status=self.status,
            places=wanted.places,
        )
        page = PageApp(self.slack, self.control, router=wanted.router)
        self._page = Server(_routes(page, self.control), wanted.port, "page")
        self.url = self._page.url
        self.bot = self._make_bot(state)
        self._replay = Replay(wanted.replay, wanted.speed, self.aws, self._calls, log)
        self._started: list[Part] = []
        self._ready = False

    def _make_bot(self, state: Path) -> BotProcess:
        port, metrics = free_ports(2)
        environment = bot_environment(self, state, port, metrics)
        script = Path(sys.executable).with_name("trailwatch")
        url = f"http://127.0.0.1:{port}"
        command = [str(script), "serve"]
        if self._wanted.sites > 1:
            write_settings(self._wanted.places, state / "sites.toml")
            command += ["--config", str(state / "sites.toml")]
        return BotProcess(command, environment, state, state / "bot.log", url, self._log)

    def status(self) -> dict[str, Any]:
        """The body of GET /api/status."""
        return {
            "ready": self._ready and self.bot.pid is not None and self.bot.ready(),
            "speed": self._wanted.speed,
            "aws": {"endpoint": self.aws.url, "region": REGION, "account": ACCOUNT},
            "sites": [
                {"name": place.name, "account": place.account, "region": place.region}
                for place in self._wanted.places
            ],
            "slack": {
                "api": self.slack.api_url,
                "channel": self.slack.channel,
                "users": [{k: u[k] for k in ("name", "id", "role")} for u in self.slack.users],
            },
            "opsgenie": {"api": self.opsgenie.url},
            "bot": {"url": self.bot.url, "pid": self.bot.pid},
            "replay": self._replay.as_json(),
        }

    def start(self, given_up: Callable[[], bool]) -> bool:
        """Start everything; False when given up, or the bot is not ready (the log says why)."""
        for part in (self.slack, self.opsgenie, self.aws, self._page):
            self._started.append(part)
            part.start()
        self._log(f"The stand-ins and the page are up: {self.url}")
        try:
            self.bot.start()
        except OSError as error:
            self._log(f"The bot cannot be started: {error}")
            return False
        if not self.bot.wait_ready(READY_SECONDS, given_up):
            if not given_up():
                self._tell_why_not_ready()
            return False
        self._ready = True
        self.bot.watch()
        return True

    def _tell_why_not_ready(self) -> None:
        slow = f"is not ready after {READY_SECONDS:.0f} s"
        how = slow if self.bot.pid else "ended before it was ready"
        self._log(f"The bot {how}. Its last words:")
        self._log(self.bot.tail() or "(none)")

    def replay(self) -> None:
        """Read the files of --replay and play them, on a thread, as soon as a trail logs."""
        self._replay.start()

    def stop(self) -> None:
        """End every thread and process; safe where only some of it was started."""
        self._ready = False
        self._replay.stop()
        self.bot.stop()
        for part in reversed(self._started):
            part.stop()


def bot_environment(sandbox: Sandbox, state: Path, port: int, metrics: int) -> dict[str, str]:
    """Everything that the bot is told: addresses and keys of the stand-ins, nothing of ours."""
    ids = {user["name"]: user["id"] for user in sandbox.slack.users}
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        # Not the person's own: no ~/.aws and no trailwatch.toml of theirs is to be read.
        "HOME": str(state),
        "PYTHONUNBUFFERED": "1",
        "SLACK_API_BASE_URL": sandbox.slack.api_url,
        "SLACK_BOT_TOKEN": sandbox.slack.bot_token,
        "SLACK_APP_TOKEN": sandbox.slack.app_token,
        "SLACK_MODE": "socket",
        "SLACK_CHANNEL": sandbox.slack.channel,
        "AWS_ENDPOINT_URL": sandbox.aws.url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLESANDBOX01",
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(24),
        "AWS_EC2_METADATA_DISABLED": "true",
        "OPSGENIE_API_URL": sandbox.opsgenie.url,
        "OPSGENIE_API_KEY": sandbox.opsgenie.alert_key,
        "OPSGENIE_SETUP_API_KEY": sandbox.opsgenie.api_key,
        "TRAILWATCH_ADMINS": ids["alice"],
        "TRAILWATCH_RESPONDERS": ids["bob"],
        "TRAILWATCH_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TRAILWATCH_METRICS_PORT": str(metrics),
        "TRAILWATCH_SECRET_KEY": secret_key(state),
        "TRAILWATCH_SETUP_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/trailwatch-setup",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DATABASE_URL": f"sqlite:///{state / 'trailwatch.db'}",
        "TRAILWATCH_ROUTER": sandbox._wanted.router,
        **(jsm_environment(sandbox, port) if sandbox._wanted.router == "jsm" else {}),
        **sandbox._wanted.settings,
    }


def jsm_environment(sandbox: Sandbox, port: int) -> dict[str, str]:
    """What the bot is told of Jira Service Management, whose integrations are made here."""
    token = secrets.token_urlsafe(24)
    webhook = {
        "url": f"http://127.0.0.1:{port}/webhooks/jsm",
        "headers": {"X-Trailwatch-Token": token},
        "addAlertDescription": True,
        "addAlertDetails": True,
    }
    return {
        "JSM_API_URL": sandbox.opsgenie.url,
        "JSM_CLOUD_ID": CLOUD_ID,
        "JSM_EMAIL": EMAIL,
        "JSM_API_TOKEN": sandbox.opsgenie.jsm_token,
        "JSM_API_KEY": sandbox.opsgenie.alert_key,
        "JSM_SNS_KEY": sandbox.opsgenie.by_hand(sandbox._wanted.by_hand or {}, webhook),
        "JSM_WEBHOOK_TOKEN": token,
        "OPSGENIE_API_KEY": "",
        "OPSGENIE_SETUP_API_KEY": "",
    }


def run_sandbox(
    port: int = 8787,
    speed: float = 1.0,
    replay: Iterable[str | Path] = (),
    headless: bool = False,
    state: str | Path | None = None,
    sites: int = 1,
    router: str = "opsgenie",
    by_hand: Mapping[str, Any] | None = None,
    settings: Mapping[str, str] | None = None,
    log: Log = _say,
) -> int:
    """Run until Ctrl-C or SIGTERM; 0 then, 1 when the bot does not start, 2 for bad arguments.

    `speed` N divides periods and gaps by N; `replay` names CloudTrail files and folders;
    `state` is a folder that keeps the bot's database, key and log (else nothing is kept);
    `sites` is how many accounts there are; `router` is who is told of alarms;
    `by_hand` are the actions of the integration that people make in Jira Service Management;
    `settings` are further ones of the bot, by their environment variables.
    """
    files = tuple(Path(p).expanduser() for p in replay)
    wanted = Wanted(port, speed, files, headless, sites, router, by_hand, settings or {})
    if not 0.1 <= speed <= 10_000 or not 0 <= port <= 65_535:
        log("--speed must be 0.1 to 10000, and --port 0 to 65535.")
        return 2
    if not 1 <= sites <= len(PLACES):
        log(f"--sites must be 1 to {len(PLACES)}.")
        return 2
    missing = [str(p) for p in wanted.replay if not p.exists()]
    if missing:
        log(f"--replay: there is no {', '.join(missing)}")
        return 2
    try:
        need_free(port)
    except PortTaken as taken:
        log(f"{taken}; choose another with --port N, or --port 0 for any free one.")
        return 2
    with no_aws_settings(), state_folder(state) as folder, until_signalled() as ended:
        sandbox = Sandbox(wanted, folder, log)
        try:
            if not sandbox.start(ended.is_set):
                return 0 if ended.is_set() else 1
            _welcome(sandbox, wanted, folder if state else None, log)
            if wanted.replay:
                sandbox.replay()
            ended.wait()
            log("Stopping …")
            return 0
        finally:
            sandbox.stop()


def _welcome(sandbox: Sandbox, wanted: Wanted, kept: Path | None, log: Log) -> None:
    log(
        f"\ntrailwatch's sandbox is ready: {sandbox.url}\n"
        "Everything runs on this machine; nothing is sent anywhere else.\n\n"
        "Try first, as alice:\n"
        "  1. type  /trailwatch setup plan  and click Apply\n"
        "  2. click  Sign in as root  in the panel, and see the alarm with who did it\n"
        "  3. click  Acknowledge  in the alarm, then  /trailwatch digest now\n"
    )
    if len(wanted.places) > 1:
        named = ", ".join(f"{p.name} ({p.account}, {p.region})" for p in wanted.places)
        log(f"Sites: {named}. Build another: /trailwatch setup plan --site {PLACES[1].name}\n")
    if kept is not None:
        log(f"Kept in {kept}: the bot's database, its key and its log (bot.log).")
    log("Ctrl-C ends it.")
    if not wanted.headless and has_screen():
        webbrowser.open(sandbox.url)


def _routes(page: WsgiApp, control: WsgiApp) -> WsgiApp:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        chosen = control if path == "/api" or path.startswith("/api/") else page
        return chosen(environ, start_response)

    return app
