"""A bot without Slack: its handlers and jobs, the stand-ins of AWS and Opsgenie, and its messages.

What would be sent to Slack is read from the outbox.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import boto3
import pytest
from botocore.config import Config
from slack_sdk import WebClient
from sqlalchemy import select

from bot.app import build_deps, take_in
from bot.settings import read_settings
from bot.vault import AcceptedSecrets, StoredSecrets, Vault
from bot.web import View, WebApp
from bot.webhooks import opsgenie_view, sns_view
from bot.worker import Worker
from handlers.access import Person, Role
from handlers.actions.table import clicked
from handlers.commands.table import answer
from handlers.deps import Deps
from handlers.direct import own_topics
from handlers.intake import show_new
from handlers.jobs.job import Later
from handlers.jobs.table import KINDS
from handlers.people import People
from handlers.request import Click, Reply, Request
from sandbox.aws import AwsStandIn
from sandbox.faults import Faults
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.opsgenie.jsm import CLOUD_ID, EMAIL
from sandbox.wire import CallLog, Sender, Server
from setup.actions import incoming_actions
from setup.clients import Clients
from setup.pipeline import jsm_secret_name, webhook_secret_name
from trailwatch.alert import Alert, AlertFields, AlertState
from trailwatch.clock import utc_now
from trailwatch.errors import SlackError
from trailwatch.search.logs import LogsSource
from trailwatch.search.lookup import LookupSource
from trailwatch.site import SiteConfig
from trailwatch.store import drifts, jobs
from trailwatch.store.database import open_database
from trailwatch.store.drifts import DriftRow
from trailwatch.store.replica import claim_replica
from trailwatch.store.tables import message

ACCOUNT = "123456789012"
CHANNEL = "C0ALERTS"
ADMIN, VIEWER = "U0ALICE", "U0CAROL"
SETUP_ROLE = f"arn:aws:iam::{ACCOUNT}:role/trailwatch-setup"
DEFAULTS = "retention_days=365,archive_after_days=90"
LEASE = timedelta(minutes=5)


@dataclass(frozen=True)
class Job:
    """One try of a job."""

    id: int
    kind: str
    args: Mapping[str, Any]
    attempt: int = 1
    resumed: bool = False

    def step(self, name: str, function: Callable[[], Any]) -> Any:
        return function()

    def beat(self) -> None: ...


class Directory:
    """What Slack says of people."""

    def user(self, user_id: str) -> Mapping[str, Any]:
        return {"id": user_id, "name": "alice", "team_id": "T0"}

    def user_by_email(self, email: str) -> Mapping[str, Any]:
        name, _, domain = email.partition("@")
        if domain != "example.com" or name not in ("alice", "bob", "carol"):
            raise SlackError("Nobody.", code="users_not_found")
        return {"id": f"U0{name.upper()}", "name": name, "team_id": "T0"}

    def group_members(self, group_id: str) -> list[str]:
        return []

    def team_id(self) -> str:
        return "T0"


@dataclass
class House:
    """The bot's handlers with everything that they need."""

    deps: Deps
    aws: AwsStandIn
    faults: Faults
    url: str = ""
    """Where SNS delivers to, where it listens."""
    bodies: list[bytes] = field(default_factory=list)
    """What SNS sent there."""
    opsgenie: OpsgenieStandIn | None = None
    calls: CallLog = field(default_factory=CallLog)
    """What the stand-ins were asked."""
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    _number: int = 0

    def client(self, service: str, key: str = "AKIAEXAMPLEMALLORY01") -> Any:
        """A client of somebody in the account; mallory's by default."""
        if (service, key) not in self._clients:
            self._clients[service, key] = boto3.client(
                service,
                region_name="us-east-1",
                endpoint_url=self.aws.url,
                aws_access_key_id=key,
                aws_secret_access_key="example",
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self._clients[service, key]

    def session(self, keys: Mapping[str, Any], service: str) -> Any:
        """A client with the keys of an assumed role; the caller closes it."""
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.aws.url,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    def command(self, text: str, user: str = ADMIN) -> Reply:
        """What a typed command answers; its jobs are run."""
        reply = answer(self.deps, self._request(user), text)
        self.work()
        return reply

    def click(self, action: str, value: str = "", selected: str = "", user: str = ADMIN) -> Reply:
        request = self._request(user)
        click = Click(**vars(request), action_id=action, value=value, selected=selected)
        reply = clicked(self.deps, click)
        self.work()
        return reply

    def _request(self, user: str) -> Request:
        self._number += 1
        role = Role.VIEWER if user == VIEWER else Role.ADMIN
        name = user.removeprefix("U0").lower()
        person = Person(id=user, name=name, email="", timezone="UTC", member=True, role=role)
        return Request(person, CHANNEL, "https://example.com/answer", "", f"key-{self._number}")

    def job(self, kind: str, **args: Any) -> None:
        with self.deps.db.transaction() as tx:
            jobs.add(tx, kind, args, self.deps.clock())
        self.work()

    def work(self) -> None:
        """Run every job that is due."""
        while True:
            now = self.deps.clock()
            with self.deps.db.transaction() as tx:
                row = jobs.claim(tx, owner="test", now=now, lease=now + LEASE)
            if row is None:
                return
            later = KINDS[row.kind](self.deps, Job(row.id, row.kind, row.args))
            with self.deps.db.transaction() as tx:
                jobs.done(tx, row, now)
                if isinstance(later, Later):
                    args = row.args if later.args is None else later.args
                    jobs.add(tx, row.kind, args, now, delay=later.delay)

    def fire(
        self,
        ident: str,
        detection: str = "s3-bucket-policy-changes",
        fields: Mapping[str, str] = MappingProxyType({}),
        **more: Any,
    ) -> None:
        """An alert of a detection's alarm, as its webhook makes it; its jobs are run."""
        now = self.deps.clock()
        given: dict[str, Any] = {
            "title": "S3 bucket policy changed",
            "severity": "P3",
            "alias": ident,
            "router_id": ident,
            "site": "main",
            **more,
        }
        alert = Alert(
            id=ident,
            state=AlertState.OPEN,
            fields=AlertFields(
                alarm_name=f"trailwatch-{detection}",
                state_change=now,
                detection_id=detection,
                **fields,
            ),
            first_seen=now,
            updated_at=now,
            **given,
        )
        with self.deps.db.transaction() as tx:
            show_new(self.deps, tx, alert)
        self.work()

    def messages(self, part: str = "") -> list[dict[str, Any]]:
        """What Slack would show of what was posted since `set_up`: key, text and blocks."""
        with self.deps.db.reading() as tx:
            rows = tx.execute(select(message).order_by(message.c.seq)).all()
        shown = [{"key": row.key, **json.loads(row.body)} for row in rows]
        return [one for one in shown if part in one["key"] and one["key"] not in self._seen]

    def told(self) -> list[dict[str, Any]]:
        """What was said in private."""
        return list(self._told)

    _told: list[dict[str, Any]] = field(default_factory=list)

    views: list[Mapping[str, Any]] = field(default_factory=list)
    """The dialogs that were opened."""

    def home(self) -> str:
        """What alice's Home shows, as text."""
        self.job("home.publish", user_id=ADMIN)
        return json.dumps(self._homes[-1], ensure_ascii=False)

    _homes: list[Mapping[str, Any]] = field(default_factory=list)

    def set_up(self, pack: str = "walkthrough") -> None:
        """A pipeline that stands as it does by default, and of which no drift is known."""
        wanted = f"{pack} {DEFAULTS}"
        if self._stands != wanted or self.drifted():
            self.plan_and_apply(f"--pack {pack} --set {DEFAULTS}")
            self._stands = wanted
        self.job("setup.drift", due=f"begin {self._number}")
        assert self.drifted() == []
        self._seen |= {one["key"] for one in self.messages()}

    def plan_and_apply(self, options: str = "") -> str:
        """Plan and, where there is something to do, apply; the plan's id."""
        self.command(f"setup plan {options}")
        shown = self.messages("plan:")[-1]
        plan = str(shown["key"].split(":")[1])
        if "Nothing to change" not in shown["text"]:
            self.command(f"setup apply {plan}")
            assert "Applied" in self.messages(f"plan:{plan}")[0]["text"], self.messages("plan:")
        return plan

    def drifted(self) -> list[DriftRow]:
        """What drifted and is not gone."""
        with self.deps.db.reading() as tx:
            return drifts.standing(tx, "main")

    def clean(self) -> None:
        """Put back whatever a test left."""
        self.faults.clear()
        self.job("setup.drift", due=f"end {self._number}")
        for name in {row.message for row in self.drifted() if not row.blocked}:
            self.click("drift.restore", f"all:{name}")
        self._told.clear()
        self._ahead = timedelta(0)

    _stands: str = ""
    _seen: set[str] = field(default_factory=set)

    def pass_time(self, **more: float) -> None:
        """The bot's clock goes on; AWS's does not."""
        self._ahead += timedelta(**more)

    _ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return utc_now() + self._ahead

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


@pytest.fixture(scope="module")
def whole_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The bot's handlers beside an empty account that records calls."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLESANDBOX01")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
        yield from _house(tmp_path_factory.mktemp("house"))


@pytest.fixture
def house(whole_house: House) -> Iterator[House]:
    """The same, for one test of a module; what it let drift is put back."""
    yield whole_house
    whole_house.clean()


@pytest.fixture(scope="module")
def make_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., House]]:
    """Makes a house with settings of its own."""
    with pytest.MonkeyPatch.context() as monkeypatch, contextlib.ExitStack() as ends:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLESANDBOX01")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")

        def make(**settings: str) -> House:
            folder = tmp_path_factory.mktemp("house")
            return ends.enter_context(contextlib.contextmanager(_house)(folder, **settings))

        yield make


@pytest.fixture(scope="module")
def make_listener(make_house: Callable[..., House]) -> Iterator[Callable[..., House]]:
    """Makes a house that takes what SNS and Opsgenie send it, with the settings given."""
    with contextlib.ExitStack() as ends:

        def make(**settings: str) -> House:
            return ends.enter_context(_listening(make_house, settings))

        yield make


@contextlib.contextmanager
def _listening(make: Callable[..., House], settings: dict[str, str]) -> Iterator[House]:
    apps: list[WebApp] = []
    bodies: list[bytes] = []

    def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = BytesIO(body)
        if "HTTP_X_AMZ_SNS_MESSAGE_ID" in environ:
            bodies.append(body)
        return apps[0](environ, start)

    server = Server(app, name="bot")
    house = make(TRAILWATCH_PUBLIC_URL=server.url, **settings)
    deps = house.deps
    stored = StoredSecrets(deps.db, Vault("a key of sixteen characters"), utc_now)
    secrets = AcceptedSecrets(stored, [webhook_secret_name("main")])
    token = settings.get("JSM_API_TOKEN", "")

    of_setup = AcceptedSecrets(stored, [jsm_secret_name("main")])

    def jsm_secrets(*, anew: bool = False) -> tuple[str, ...]:
        return (token, *of_setup(anew=anew))

    routes: dict[tuple[str, str], View] = {
        ("POST", "/webhooks/jsm"): opsgenie_view(deps.db, house.now, jsm_secrets, "jsm"),
        ("POST", "/webhooks/sns"): sns_view(
            deps.db, house.now, lambda: own_topics(deps), deps.sns.certificate
        ),
        ("POST", "/webhooks/opsgenie"): opsgenie_view(deps.db, house.now, secrets),
    }
    apps.append(WebApp(routes))
    replica = claim_replica(deps.db, "test", utc_now())
    worker = Worker(
        deps.db,
        house.now,  # as what it takes is dated: else it would wait for all the time that passed
        replica=replica,
        on_inbox=lambda row: take_in(deps, row),
        job_handlers={},
        threads=0,
    )
    server.start()
    worker.start()
    house.url, house.bodies = f"{server.url}/webhooks/sns", bodies
    yield house
    worker.stop()
    server.stop()
    replica.close()
    deps.sns.close()


def _jsm(stand_in: OpsgenieStandIn, given: Mapping[str, str]) -> dict[str, str]:
    """What somebody made by hand in Jira Service Management; its webhook sends the token that is
    given.
    """
    webhook = {
        "url": f"{given['TRAILWATCH_PUBLIC_URL']}/webhooks/jsm",
        "headers": {"X-Trailwatch-Token": given["JSM_API_TOKEN"]},
        "addAlertDescription": True,
        "addAlertDetails": True,
    }
    if "JSM_SETUP_API_TOKEN" in given:
        made = {"JSM_SNS_KEY": "", "JSM_SETUP_API_TOKEN": stand_in.jsm_token}
    else:
        made = {
            "JSM_SNS_KEY": stand_in.by_hand(incoming_actions("main", auto_close=False), webhook)
        }
    return {
        **made,
        "JSM_API_URL": stand_in.url,
        "JSM_CLOUD_ID": CLOUD_ID,
        "JSM_EMAIL": EMAIL,
        "JSM_SITE_URL": stand_in.url,
        "JSM_API_KEY": stand_in.alert_key,
        "JSM_WEBHOOK_TOKEN": given["JSM_API_TOKEN"],
        "JSM_API_TOKEN": stand_in.jsm_token,
    }


def _house(folder: Path, **more: str) -> Iterator[House]:
    log, faults = CallLog(), Faults(lambda: 0.0)
    sender = Sender(log, faults)
    opsgenie = OpsgenieStandIn(calls=log, faults=faults, sender=sender, processing_delay=0.0)
    speed = float(more.pop("SPEED", "1"))  # AWS's
    aws = AwsStandIn(calls=log, faults=faults, sender=sender, speed=speed, recording=True)
    opsgenie.start()
    aws.start()
    if "JSM_API_TOKEN" in more:
        more = {**more, **_jsm(opsgenie, more)}
    settings = read_settings(
        {
            "SLACK_CHANNEL": CHANNEL,
            "SLACK_BOT_TOKEN": "xoxb-example",
            "TRAILWATCH_ADMINS": f"{ADMIN},U0DAVE",
            "TRAILWATCH_PUBLIC_URL": "http://127.0.0.1:9",
            "TRAILWATCH_ROLLUP": "0",  # many alerts a minute, each looked at on its own
            "TRAILWATCH_SECRET_KEY": "a key of sixteen characters",
            "TRAILWATCH_SETUP_ROLE_ARN": SETUP_ROLE,
            "AWS_ENDPOINT_URL": aws.url,
            "OPSGENIE_API_URL": opsgenie.url,
            "OPSGENIE_API_KEY": opsgenie.alert_key,
            "OPSGENIE_SETUP_API_KEY": opsgenie.api_key,
            **more,
        }
    )
    db = open_database(f"sqlite:///{folder / 'trailwatch.db'}")
    secrets = StoredSecrets(db, Vault(settings.secret_key), utc_now)
    deps = build_deps(settings, db, secrets, WebClient("xoxb-example", "http://127.0.0.1:9/"))
    found = House(deps, aws, faults, opsgenie=opsgenie, calls=log)
    quick = LookupSource(deps.setup_clients().aws, pace=0.0)

    def unpaced(site: str = "", session: str = "") -> Clients:
        clients = deps.setup_clients(site, session)
        clients.pace = 0.0
        return clients

    def unhurried(config: SiteConfig) -> LogsSource:
        source = deps.logs(config)
        source.sleep = lambda seconds: None
        return source

    found.deps = replace(
        deps,
        logs=unhurried,
        clock=found.now,
        setup_clients=unpaced,
        lookup=lambda config: quick,
        publish_home=lambda user_id, view: found._homes.append(view),
        people=People(Directory(), found.now, deps.people.roles(), lambda channel="": {}),
        open_view=lambda trigger_id, view: found.views.append(view),
        open_direct=lambda user_id: f"D{user_id[1:]}",
        answer=lambda url, text, blocks: found._told.append({"text": text, "blocks": blocks}),
    )
    yield found
    found.close()
    db.close()
    aws.stop()
    opsgenie.stop()


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """Waits until something is true, a minute at most."""

    def wait(look: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 60
        while not (found := look()):
            if time.monotonic() > deadline:
                pytest.fail("it did not come true within a minute")
            threading.Event().wait(0.02)
        return found

    return wait
