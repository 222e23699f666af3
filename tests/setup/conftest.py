"""Fixtures for the pipeline's tests: an AWS account and an Opsgenie, both empty, on loopback."""

from __future__ import annotations

import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

import boto3
import pytest
from botocore.config import Config

from sandbox.aws import AwsStandIn
from sandbox.aws.dispatch import Dispatcher
from sandbox.faults import Faults
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.wire import CallLog, Sender, Server
from setup.apply import Progress, ProgressState, apply
from setup.clients import READS, Clients
from setup.opsgenie_api import IntegrationsApi
from setup.plan import Plan, make_plan
from trailwatch.aws import Aws, permission_of
from trailwatch.detections import Detection, load_catalogue
from trailwatch.site import Site, SiteConfig

ACCOUNT = "123456789012"
REGION = "us-east-1"
NOW = datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)
CATALOGUE = load_catalogue()


@cache
def session() -> boto3.session.Session:
    """One for all tests: it keeps the service models that clients are made from."""
    return boto3.session.Session("AKIAEXAMPLEEXAMPLE00", "example", region_name=REGION)


class KeptClients:
    """A session that makes each client once: a tenth of a test's CPU goes into new ones.

    Only for moto's own server: its address stays, and no faults use up a client's retries.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Any] = {}

    def client(self, service: str, *, config: Config, **options: Any) -> Any:
        wanted = {**options, **vars(config)}
        key = service, repr(sorted((name, repr(value)) for name, value in wanted.items()))
        if key not in self._made:
            make: Any = session().client
            self._made[key] = make(service, config=config, **options)
        return self._made[key]

    def __getattr__(self, name: str) -> Any:
        return getattr(session(), name)


@cache
def kept_clients() -> boto3.session.Session:
    return cast(boto3.session.Session, KeptClients())


class DictSecrets:
    """Secrets in memory; keeps every version, newest last."""

    def __init__(self) -> None:
        self.versions: dict[str, list[str]] = {}

    def get(self, name: str) -> str | None:
        return self.versions.get(name, [None])[-1]  # type: ignore[list-item]

    def put(self, name: str, value: str) -> None:
        self.versions.setdefault(name, []).append(value)


@dataclass
class World:
    """What a test works in: addresses, faults, and everything that was called."""

    aws: Aws
    opsgenie: OpsgenieStandIn
    faults: Faults
    log: CallLog
    integrations: IntegrationsApi
    moto: bool
    """Whether it is moto's own server, which forgets nothing that was put under one name."""
    secrets: DictSecrets = field(default_factory=DictSecrets)
    seen: list[tuple[str, str]] = field(default_factory=list)

    def clients(self, **options: Any) -> Clients:
        wanted: dict[str, Any] = {"pace": 0.0, "patience": 10.0, "on_call": self.hear, **options}
        return Clients(self.aws, self.integrations, self.secrets, **wanted)

    def hear(self, service: str, operation: str) -> None:
        self.seen.append((service, operation))

    def forget(self) -> None:
        """Forget the calls so far."""
        self.seen.clear()
        self._opsgenie_from = len(self._opsgenie())

    _opsgenie_from: int = 0

    def _opsgenie(self) -> list[str]:
        return [call["method"] for call in self.log.list("opsgenie") if "/v2/" in call["method"]]

    def writes(self) -> list[str]:
        """The calls since `forget` that change something, AWS's and Opsgenie's."""
        aws = [f"{s}:{o}" for s, o in self.seen if not o.startswith(READS)]
        return aws + [
            call for call in self._opsgenie()[self._opsgenie_from :] if not call.startswith("GET")
        ]

    def permissions(self) -> set[str]:
        """The IAM actions that the calls needed; GetCallerIdentity needs none."""
        return {permission_of(f"{s}:{o}") for s, o in self.seen if s != "sts"}

    @staticmethod
    def ends(progress: Iterable[Progress]) -> Counter[str]:
        """How many changes ended in each state; errors are shown when a test fails."""
        ended = [one for one in progress if one.state is not ProgressState.DOING]
        for one in ended:
            if one.error is not None:
                print(one.change.key, one.state, one.error)
        return Counter(str(one.state) for one in ended)

    @staticmethod
    def detections(pack: str = "") -> tuple[Detection, ...]:
        """A pack's detections; without a name two, as most tests need no more."""
        return CATALOGUE.pack(pack) if pack else CATALOGUE.pack("walkthrough")[:2]

    @staticmethod
    def clock() -> datetime:
        return NOW

    def built(self, pack: str = "") -> SiteConfig:
        """The config of a pipeline that stands; calls so far are forgotten."""
        config = self.config(pack=pack) if pack else self.config()
        assert set(self.ends(self.apply(config, self.detections(pack)))) == {"done"}
        self.forget()
        return config

    def config(self, **changes: Any) -> SiteConfig:
        site = Site("main", ACCOUNT, REGION)
        config = SiteConfig(
            site, router_url=self.opsgenie.url, public_url="https://bot.example.com"
        )
        return replace(config, **changes)

    def plan(self, config: SiteConfig, detections: tuple[Detection, ...]) -> Plan:
        return make_plan(config, detections, self.clients(), self.clock)

    def apply(
        self, config: SiteConfig, detections: tuple[Detection, ...], plan: Plan | None = None
    ) -> list[Progress]:
        plan = plan or self.plan(config, detections)
        return list(apply(plan, config, detections, self.clients(), self.clock))


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """moto's server as it is."""
    server = Server(Dispatcher(), name="moto", whole=True)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def moto(moto_url: str) -> Iterator[str]:
    request = urllib.request.Request(f"{moto_url}/moto-api/reset", method="POST")
    with urllib.request.urlopen(request, timeout=30):
        pass
    yield moto_url


def _world(url: str, log: CallLog, faults: Faults, moto: bool) -> Iterator[World]:
    opsgenie = OpsgenieStandIn(
        calls=log, faults=faults, sender=Sender(log, faults), processing_delay=0.0
    )
    opsgenie.start()
    kept = kept_clients() if moto else session()
    aws = Aws(REGION, url, session=kept, max_attempts=2)
    api = IntegrationsApi(opsgenie.url, opsgenie.api_key, sleep=lambda seconds: None)
    yield World(aws, opsgenie, faults, log, api, moto)
    api.close()
    aws.close()
    opsgenie.stop()


@pytest.fixture
def on_moto(moto: str) -> Iterator[World]:
    """An empty account in moto's own server."""
    yield from _world(moto, CallLog(), Faults(lambda: 0.0), moto=True)


@pytest.fixture
def on_stand_in() -> Iterator[World]:
    """An empty account in the sandbox's AWS."""
    log, faults = CallLog(), Faults(lambda: 0.0)
    stand_in = AwsStandIn(calls=log, faults=faults, sender=Sender(log, faults))
    stand_in.start()
    yield from _world(stand_in.url, log, faults, moto=False)
    stand_in.stop()


@pytest.fixture(params=["on_moto", "on_stand_in"])
def world(request: pytest.FixtureRequest) -> World:
    """An empty account, once in each of the two emulators."""
    found: World = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def standing() -> Iterator[World]:
    """A pipeline that stands in the sandbox's AWS, which records calls, for a whole module.

    Each test leaves it as it was.
    """
    log, faults = CallLog(), Faults(lambda: 0.0)
    stand_in = AwsStandIn(calls=log, faults=faults, sender=Sender(log, faults), recording=True)
    stand_in.start()
    for world in _world(stand_in.url, log, faults, moto=False):
        world.built()
        yield world
    stand_in.stop()
