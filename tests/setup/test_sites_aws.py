"""Two sites in two accounts and Regions: each is read, built and searched by its own role."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient
from sqlalchemy import select

from bot.app import build_deps
from bot.clients import SiteClients
from bot.doctor import examine_sites
from bot.routing import integrations_of
from bot.settings import Settings, read_settings
from bot.vault import StoredSecrets
from handlers.access import Person, Role
from handlers.commands.table import answer
from handlers.deps import Deps
from handlers.jobs.table import KINDS
from handlers.request import Request
from sandbox.aws import AwsStandIn
from sandbox.faults import Faults
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.wire import CallLog, Sender
from setup.clients import Clients
from trailwatch.alert import Alert
from trailwatch.aws import Aws
from trailwatch.clock import iso, utc_now
from trailwatch.errors import AwsError, NotFound
from trailwatch.store import alerts, jobs, plans, site_config
from trailwatch.store.database import open_database
from trailwatch.store.secrets import Vault
from trailwatch.store.tables import message

MAIN, STAGE = "123456789012", "111122223333"
EXTERNAL_ID = "one-of-a-kind"
ALICE = Person("U1", "alice", role=Role.ADMIN)
BOTH = f"""
[site]
name = "prod"
[slack]
channel = "C1"
[sites.stage]
region = "eu-central-1"
role_arn = "arn:aws:iam::{STAGE}:role/trailwatch-run"
external_id = "{EXTERNAL_ID}"
setup_role_arn = "arn:aws:iam::{STAGE}:role/trailwatch-setup"
setup_external_id = "{EXTERNAL_ID}"
channel = "C2"
"""


@dataclass
class Try:
    """One try of a job, as bot.worker gives it."""

    kind: str
    args: Mapping[str, Any]
    id: int = 1
    attempt: int = 9
    resumed: bool = False

    def step(self, name: str, function: Callable[[], Any]) -> Any:
        return function()

    def beat(self) -> None:
        pass


@dataclass
class World:
    """Two accounts, an Opsgenie, and what the bot is made of, without its threads."""

    aws: AwsStandIn
    settings: Settings
    deps: Deps
    answers: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def ask(self, text: str, channel: str = "C9") -> str:
        """What a typed command answers at once, and after its jobs in private."""
        key = f"k{next(self.numbers)}"
        reply = answer(self.deps, Request(ALICE, channel, "https://answer", "", key), text)
        self.answers.clear()
        self.work()
        return "\n".join([reply.text, json.dumps(list(map(dict, reply.blocks))), *self.answers])

    def work(self) -> None:
        """Do every job that waits, and those that they leave behind; none is tried again."""
        while True:
            with self.deps.db.transaction() as tx:
                lease = utc_now() + timedelta(minutes=5)
                job = jobs.claim(tx, owner="test", now=utc_now(), lease=lease)
            if job is None:
                return
            KINDS[job.kind](self.deps, Try(job.kind, job.args))
            with self.deps.db.transaction() as tx:
                jobs.done(tx, job, utc_now())

    def messages(self, start: str = "") -> list[tuple[str, str]]:
        """Channel and body of each message whose key starts so, oldest first; no answers."""
        with self.deps.db.reading() as tx:
            rows = tx.execute(select(message).where(message.c.thread_of.is_(None)))
            return [(row.lane, row.body) for row in rows if row.key.startswith(start)]

    def newest_plan(self, site: str) -> plans.PlanRow:
        with self.deps.db.reading() as tx:
            return plans.newest(tx, site)[0]

    def set_up(self, asked: str) -> None:
        """Plan and apply a site; `asked` is its name and what else the plan is asked for."""
        site = asked.split()[0]
        self.ask(f"setup plan --site {asked}")
        self.ask(f"setup apply {self.newest_plan(site).id}")
        assert self.newest_plan(site).state is plans.PlanState.APPLIED

    def open_alerts(self, count: int) -> list[Alert]:
        """The open alerts as the bot has them, once there are so many."""
        deadline = time.monotonic() + 60
        while len(self.deps.router.list_open()) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        KINDS["alert.reconcile"](self.deps, Try("alert.reconcile", {}))
        self.work()
        with self.deps.db.reading() as tx:
            return alerts.list_open(tx)

    def sign_in(self, account: str, region: str) -> None:
        """Let root sign in."""
        self.aws.ingest([root_sign_in(account, region)])


def root_sign_in(account: str, region: str) -> dict[str, Any]:
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "Root",
            "principalId": account,
            "arn": f"arn:aws:iam::{account}:root",
            "accountId": account,
        },
        "eventTime": f"{utc_now():%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "awsRegion": region,
        "sourceIPAddress": "203.0.113.9",
        "userAgent": "Mozilla/5.0",
        "requestParameters": None,
        "responseElements": {"ConsoleLogin": "Success"},
        "additionalEventData": {"MFAUsed": "Yes"},
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsConsoleSignIn",
        "managementEvent": True,
        "eventCategory": "Management",
        "recipientAccountId": account,
    }


@pytest.fixture
def stand_ins() -> Iterator[tuple[AwsStandIn, OpsgenieStandIn]]:
    calls, faults = CallLog(), Faults(lambda: 0.0)
    sender = Sender(calls, faults)
    aws = AwsStandIn(
        calls=calls,
        faults=faults,
        sender=sender,
        speed=60,
        others={STAGE: EXTERNAL_ID},
        organization={MAIN: "prod", STAGE: "stage"},
    )
    opsgenie = OpsgenieStandIn(calls=calls, faults=faults, sender=sender, processing_delay=0.0)
    aws.start()
    opsgenie.start()
    yield aws, opsgenie
    opsgenie.stop()
    aws.stop()


@pytest.fixture
def make(
    stand_ins: tuple[AwsStandIn, OpsgenieStandIn],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str], World]]:
    """Makes the world for a trailwatch.toml."""
    aws, opsgenie = stand_ins
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLESANDBOX01")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    database = open_database(f"sqlite:///{tmp_path / 'bot.db'}")
    made: list[Clients] = []

    def world(text: str) -> World:
        file = tmp_path / "trailwatch.toml"
        file.write_text(text)
        environ = {
            "AWS_ENDPOINT_URL": aws.url,
            "SLACK_API_BASE_URL": "http://127.0.0.1:9",
            "OPSGENIE_API_URL": opsgenie.url,
            "OPSGENIE_API_KEY": opsgenie.alert_key,
            "OPSGENIE_SETUP_API_KEY": opsgenie.api_key,
        }
        settings = read_settings(environ, file)
        secrets = StoredSecrets(database, Vault("a key of the tests"), utc_now)
        deps = build_deps(settings, database, secrets, WebClient("xoxb-none"))
        clients = SiteClients(settings)

        def building(site: str = "", session: str = "") -> Clients:
            made.append(Clients(clients.building(site), integrations_of(settings), secrets, pace=0))
            return made[-1]

        answers: list[str] = []
        deps = replace(
            deps,
            setup_clients=building,
            answer=lambda url, text, blocks: answers.append(f"{text} {json.dumps(blocks)}"),
        )
        return World(aws, settings, deps, answers)

    yield world
    for one in made:
        one.integrations.close()
    database.close()


def test_a_plan_and_an_apply_are_of_the_named_site(make: Callable[[str], World]) -> None:
    world = make(BOTH)
    world.ask("setup plan --site stage")
    (posted,) = world.messages("plan:")
    assert posted[0] == "C9"
    assert "site `stage`" in posted[1]
    world.ask(f"setup apply {world.newest_plan('stage').id}")
    assert world.newest_plan("stage").state is plans.PlanState.APPLIED
    here, there = world.aws._accounts[MAIN].account, world.aws._accounts[STAGE].account
    assert here.trails() == []
    assert list(here.alarms()) == []
    (trail,) = there.trails()
    assert trail.arn == f"arn:aws:cloudtrail:eu-central-1:{STAGE}:trail/trailwatch"
    assert {region for region, _ in there.alarms()} == {"eu-central-1"}
    with world.deps.db.reading() as tx:
        assert site_config.names(tx) == ["stage"]
    told = world.ask("setup status --site stage")
    assert "all" in told
    assert "site `stage`" in told
    assert "setup plan --site prod" in world.ask("setup status")
    with pytest.raises(NotFound) as caught:
        world.ask("setup plan --site stag")
    assert "Did you mean stage?" in caught.value.fix


def test_alarms_of_one_name_in_two_accounts_are_two_alerts(make: Callable[[str], World]) -> None:
    world = make(BOTH)
    for site in ("prod", "stage"):
        world.set_up(site)
    world.sign_in(MAIN, "us-east-1")
    world.sign_in(STAGE, "eu-central-1")
    everything = world.open_alerts(6)
    of = {a.site: a for a in everything if a.fields.detection_id == "root-console-login"}
    assert {site: alert.fields.account for site, alert in of.items()} == {
        "prod": MAIN,
        "stage": STAGE,
    }
    assert of["prod"].fields.alarm_name == of["stage"].fields.alarm_name
    assert of["prod"].alias != of["stage"].alias
    for site, account, channel in (("prod", MAIN, "C1"), ("stage", STAGE, "C2")):
        (found,) = of[site].events
        assert found.account == account
        (lane, body), *_ = world.messages(f"alert:{of[site].id}")
        assert lane == channel
        assert f"site `{site}`" in body
    assert world.ask("alerts --site stage").startswith("3 alerts")
    assert world.ask("alerts", channel="C1").startswith("3 alerts")
    assert world.ask("alerts").startswith("6 alerts")
    world.ask("digest now --site stage")
    digest = world.messages("digest:")[0][1]
    assert "3 alerts" in digest
    assert "site `stage`" in digest
    KINDS["digest.post"](world.deps, Try("digest.post", {"due": iso(utc_now())}))
    daily = [(lane, "site `stage`" in body) for lane, body in world.messages("digest:2")]
    assert sorted(daily) == [("C1", False), ("C2", True)]
    told = world.ask("audit --site stage")
    assert "make a plan" in told
    assert world.newest_plan("stage").id in told
    assert world.newest_plan("prod").id not in told


def test_a_wrong_external_id_is_told_with_its_fix(make: Callable[[str], World]) -> None:
    world = make(BOTH.replace(f'setup_external_id = "{EXTERNAL_ID}"', 'setup_external_id = "no"'))
    assert "stage cannot be assumed" in world.ask("setup plan --site stage")
    told = {check.name: check for check in examine_sites(world.settings)}
    assert told["AWS (prod)"].ok
    assert told["AWS (stage)"].ok
    assert STAGE in told["AWS (stage)"].detail
    assert not told["setup role (stage)"].ok
    assert "external id" in told["setup role (stage)"].fix
    reads = f'role_arn = "arn:aws:iam::{STAGE}:role/trailwatch-run"\nexternal_id = "{EXTERNAL_ID}"'
    torn = make(BOTH.replace(reads, "", 1))
    found = {check.name: check for check in examine_sites(torn.settings)}["AWS (stage)"]
    assert found.detail.startswith(f"The bot reads in account {MAIN}, and setup builds in {STAGE}")
    shown = world.ask("sites")
    assert "cannot be assumed" in shown
    with pytest.raises(AwsError, match="AccessDenied"):
        Aws("us-east-1", world.aws.url).assume(
            f"arn:aws:iam::{STAGE}:role/trailwatch-run", "x", "wrong"
        )


def test_events_of_a_member_account_are_named(make: Callable[[str], World]) -> None:
    world = make('[site]\nname = "watch"\n[slack]\nchannel = "C1"')
    world.set_up("watch")
    organizations = Aws("us-east-1", world.aws.url)
    made = organizations.call(
        "organizations", "CreateAccount", AccountName="payments", Email="pay@example.com"
    )
    member = made["CreateAccountStatus"]["AccountId"]
    world.sign_in(member, "us-east-1")
    found = world.open_alerts(3)
    alert = next(a for a in found if a.fields.detection_id == "root-console-login")
    assert (alert.fields.account, alert.accounts) == (MAIN, (member,))
    ((_, body),) = world.messages(f"alert:{alert.id}")
    headline = json.loads(body)["blocks"][0]["text"]["text"]
    assert headline.endswith("Root console login in payments")
    assert f"Events of account payments ({member})." in body


def test_an_organizations_trail_takes_what_other_accounts_do(make: Callable[[str], World]) -> None:
    world = make(BOTH)
    world.set_up("prod")
    world.sign_in(STAGE, "eu-central-1")
    (trail,) = world.aws._accounts[MAIN].account.trails()
    assert world.aws._accounts[MAIN].trails.status(trail.arn).logs_at is None
    world.set_up("prod --set organization=o-sandbox001")
    world.sign_in(STAGE, "eu-central-1")
    found = world.open_alerts(3)
    assert {(alert.site, alert.accounts) for alert in found} == {("prod", (STAGE,))}
    assert world.messages("alert:")[0][0] == "C1"
