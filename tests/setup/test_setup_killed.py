"""An apply that is killed at each of its writes: SIGKILL, and the next process goes on from there.

Once each process dies when its first write has taken effect and before the answer is there; once
when its first write was answered and before its second takes effect.
"""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws import AwsStandIn
from sandbox.faults import Fault, Faults
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.wire import CallLog, Sender
from setup.clients import Clients
from setup.opsgenie_api import IntegrationsApi
from setup.pipeline import pipeline
from setup.plan import make_plan
from trailwatch.aws import Aws, Keys
from trailwatch.clock import utc_now
from trailwatch.detections import load_catalogue
from trailwatch.site import Site, SiteConfig

CHILD = Path(__file__).with_name("apply_child.py")
IDENT = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
READS = ("Get", "Describe", "List", "Lookup", "Head", "Simulate", "AssumeRole", "GET ")
OTHERS = ("ConfirmSubscription", "POST /v1/json/amazonsns")
"""What SNS and the on-call service say to each other."""
MOST = 60
"""More processes than an apply has writes."""


class Killer(Faults):
    """Kills the process whose id it is told, at one of its writes; the stand-ins' faults.

    `at`: which of a process's writes, from 1; `effect`: whether that write still takes effect.
    """

    def __init__(self, at: int, effect: bool) -> None:
        super().__init__(lambda: 0.0)
        self.pid: queue.Queue[int] = queue.Queue()
        self.at = at
        self.effect = effect
        self.on = False
        self.written: list[str] = []
        """What the present process wrote."""
        self.all: list[str] = []
        self.killed: list[str] = []
        self._armed = False

    def take(self, target: str, name: str) -> Fault | None:
        if not self.on or name.startswith((*READS, *OTHERS)):
            return None
        name = IDENT.sub("ID", name)
        spared = self._spared(name)
        self.written.append(name)
        self.all.append(name)
        if spared or len(self.written) < self.at:
            return None
        self.killed.append(name)
        if self.effect:
            self._armed = True
            return Fault(target, "", "lost")
        self._kill()
        return Fault(target, "", "reset")

    def answering(self) -> None:
        """The write took effect, its answer is not sent yet."""
        if self._armed:
            self._kill()

    def _spared(self, name: str) -> bool:
        """An integration whose key was lost is removed and made anew: two writes, which a process
        has to survive for the next one to come further. The first removal is not spared."""
        if name.startswith("DELETE"):
            return any(one.startswith("DELETE") for one in self.killed)
        return name.startswith("POST") and any(one.startswith("DELETE") for one in self.written)

    def _kill(self) -> None:
        self._armed = False
        os.kill(self.pid.get(timeout=30), signal.SIGKILL)

    def next(self) -> None:
        """Another process is about to begin."""
        self.written.clear()


class Log(CallLog):
    """Lets the killer know of answers that will be lost."""

    def __init__(self, killer: Killer) -> None:
        super().__init__()
        self._killer = killer

    def add(
        self, target: str, method: str, arguments: Mapping[str, Any], status: int, ms: float
    ) -> None:
        super().add(target, method, arguments, status, ms)
        if status == 0:
            self._killer.answering()


@pytest.fixture(params=[(1, True), (2, False)], ids=["answer lost", "before the effect"])
def killer(request: pytest.FixtureRequest) -> Killer:
    at, effect = request.param
    return Killer(at, effect)


@pytest.fixture
def stage(killer: Killer, tmp_path: Path) -> Iterator[dict[str, Any]]:
    log = Log(killer)
    sender = Sender(CallLog(), Faults(lambda: 0.0))
    aws = AwsStandIn(calls=log, faults=killer, sender=sender)
    opsgenie = OpsgenieStandIn(calls=log, faults=killer, sender=sender, processing_delay=0.0)
    aws.start()
    opsgenie.start()
    yield {"aws": aws.url, "opsgenie": opsgenie.url, "key": opsgenie.api_key, "folder": tmp_path}
    opsgenie.stop()
    aws.stop()


class Memory:
    def __init__(self, file: Path) -> None:
        self._file = file

    def get(self, name: str) -> str | None:
        found: dict[str, str] = json.loads(self._file.read_text()) if self._file.exists() else {}
        return found.get(name)

    def put(self, name: str, value: str) -> None:
        raise AssertionError(f"{name}: a plan writes nothing")


def test_killed_at_every_write_it_is_whole_in_the_end(
    killer: Killer, stage: dict[str, Any]
) -> None:
    config = SiteConfig(
        Site("main", "123456789012", "us-east-1"),
        router_url=stage["opsgenie"],
        public_url="https://bot.example.com",
    )
    detections = load_catalogue().pack("walkthrough")[:1]
    aws = Aws("us-east-1", stage["aws"], Keys("AKIAEXAMPLEEXAMPLE00", "example"), max_attempts=1)
    api = IntegrationsApi(stage["opsgenie"], stage["key"])
    clients = Clients(aws, api, Memory(stage["folder"] / "secrets.json"), pace=0.0)
    plan = make_plan(config, detections, clients, utc_now)
    (stage["folder"] / "plan.json").write_text(plan.to_json())

    addresses = (stage["aws"], stage["opsgenie"], stage["key"], str(stage["folder"]))
    command = [sys.executable, str(CHILD), *addresses]
    killer.on = True
    endings: list[int] = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        while not endings or (endings[-1] == -signal.SIGKILL and len(endings) < MOST):
            killer.next()
            process.stdin.write("apply\n")
            process.stdin.flush()
            killer.pid.put(int(process.stdout.readline()))
            endings.append(int(process.stdout.readline()))
        process.stdin.close()
    killer.on = False

    assert endings == [-signal.SIGKILL] * (len(endings) - 1) + [0]
    assert len(killer.killed) == len(endings) - 1
    again = make_plan(config, detections, clients.fresh(), utc_now)
    assert again.empty, [change.summary() for change in again.changes]
    assert again.unchanged == len(pipeline(config, detections))
    names = [one["name"] for one in api.list()]
    assert len(names) == len(set(names)), "one that lost its key is made anew, not doubled"
    topic = config.site.topic_arn(config.topic)
    assert len(clients.fresh().subscriptions(topic)) == 1
    if killer.effect:
        assert set(killer.killed) == set(killer.all), "each write was somebody's last"
    assert len(set(killer.killed)) >= 18, sorted(set(killer.killed))
    api.close()
    aws.close()
