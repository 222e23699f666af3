"""Apply, and an unchanged second apply, on two emulators that others wrote: moto and ministack.

The product has no correction for either. ministack 1.4 forgets a trail's log group, role and tags
and knows no Insights, so CloudTrail, and nothing else, is moto's there too; the same test on
moto's server as it is stands in test_setup_apply.py.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from sandbox.faults import Faults
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.wire import CallLog, Sender, Server
from setup.apply import ProgressState, apply
from setup.change import Action
from setup.clients import Clients
from setup.opsgenie_api import IntegrationsApi
from setup.plan import Plan, make_destroy_plan, make_plan
from trailwatch.aws import Aws, Keys
from trailwatch.detections import load_catalogue
from trailwatch.site import Site, SiteConfig

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ministack") is None, reason="ministack is not installed"
)

ACCOUNT = "123456789012"
KEYS = Keys(ACCOUNT, "example")
"""ministack takes an access key of twelve digits for the account's number."""
SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([a-z0-9-]+)/aws4_request")
PASSED_ON = ("Authorization", "Content-Type", "X-Amz-Target", "X-Amz-Date", "X-Amz-Content-Sha256",
             "Host", "X-Amz-Security-Token", "Content-Md5", "X-Amz-Bucket-Object-Lock-Enabled",
             "X-Amzn-Query-Mode", "Content-Encoding", "Smithy-Protocol", "Accept")  # fmt: skip


class Memory:
    """Secrets for the length of a test."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        return self.kept.get(name)

    def put(self, name: str, value: str) -> None:
        self.kept[name] = value


class ByService:
    """Passes CloudTrail's calls to one address and all others to another, changing nothing."""

    def __init__(self, cloudtrail: str, others: str) -> None:
        self._cloudtrail = cloudtrail.removeprefix("http://")
        self._others = others.removeprefix("http://")
        self.asked: Counter[str] = Counter()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        found = SERVICE.search(environ.get("HTTP_AUTHORIZATION", ""))
        service = found[1] if found else ""
        self.asked[service] += 1
        address = self._cloudtrail if service == "cloudtrail" else self._others
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        path = environ.get("RAW_URI") or environ["REQUEST_URI"]
        connection = http.client.HTTPConnection(address, timeout=30)
        try:
            connection.request(environ["REQUEST_METHOD"], path, body, _headers(environ))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        dropped = {"transfer-encoding", "connection", "content-length", "date", "server"}
        headers = [(k, v) for k, v in answer.getheaders() if k.lower() not in dropped]
        if environ["REQUEST_METHOD"] != "HEAD":
            headers.append(("Content-Length", str(len(text))))
        start(f"{answer.status} {answer.reason or 'OK'}", headers)
        return [text]


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    names = {name: f"HTTP_{name.upper().replace('-', '_')}" for name in PASSED_ON}
    names["Content-Type"] = "CONTENT_TYPE"
    return {name: environ[key] for name, key in names.items() if environ.get(key)}


@pytest.fixture(scope="module")
def ministack() -> Iterator[str]:
    """ministack as a process of its own; its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        port = listening.getsockname()[1]
        command = [sys.executable, "-m", "hypercorn", "--bind", f"fd://{listening.fileno()}"]
        process = subprocess.Popen(
            [*command, "--log-level", "error", "ministack.app:app"],
            pass_fds=[listening.fileno()],
            env={**os.environ, "GATEWAY_PORT": str(port), "LOG_LEVEL": "ERROR"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    try:
        _until_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)


def _until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, "ministack ended"
        try:
            with urllib.request.urlopen(f"{url}/_ministack/health", timeout=30):
                return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("ministack does not answer")


@pytest.fixture
def front(ministack: str, moto: str) -> Iterator[tuple[str, ByService]]:
    """One address for both, and what was asked of it."""
    app = ByService(moto, ministack)
    server = Server(app, name="by service")
    server.start()
    yield server.url, app
    server.stop()


@pytest.fixture
def integrations() -> Iterator[IntegrationsApi]:
    log, faults = CallLog(), Faults(lambda: 0.0)
    opsgenie = OpsgenieStandIn(
        calls=log, faults=faults, sender=Sender(log, faults), processing_delay=0.0
    )
    opsgenie.start()
    api = IntegrationsApi(opsgenie.url, opsgenie.api_key, sleep=lambda seconds: None)
    yield api
    api.close()
    opsgenie.stop()


def now() -> datetime:
    return datetime.now(UTC)


def test_apply_and_an_unchanged_second_apply(
    front: tuple[str, ByService], moto: str, integrations: IntegrationsApi
) -> None:
    url, app = front
    aws = Aws("us-east-1", url, KEYS, max_attempts=2)
    config = SiteConfig(
        Site("main", ACCOUNT, "us-east-1"),
        pack="cis",
        router_url="http://127.0.0.1:9",
        public_url="https://bot.example.com",
    )
    detections = load_catalogue().pack("cis")
    calls: list[str] = []
    clients = Clients(
        aws,
        integrations,
        Memory(),
        pace=0.0,
        patience=5.0,
        on_call=lambda service, operation: calls.append(operation),
    )

    def run(plan: Plan) -> set[str]:
        ended = [
            one
            for one in apply(plan, config, detections, clients, now)
            if one.state is not ProgressState.DOING
        ]
        print([(one.change.key, str(one.error)) for one in ended if one.error])
        return {str(one.state) for one in ended}

    # moto's CloudTrail looks for the bucket in its own S3.
    with contextlib.closing(Aws("us-east-1", moto, KEYS)) as own:
        own.call("s3", "CreateBucket", Bucket=config.bucket)
    with contextlib.closing(aws):
        plan = make_plan(config, detections, clients, now)
        assert plan.count(Action.CREATE) == len(plan.changes) == 38
        assert run(plan) == {"done"}
        assert set(app.asked) >= {"s3", "logs", "monitoring", "sns", "iam", "sts"}

        calls.clear()
        again = make_plan(config, detections, clients.fresh(), now)
        assert again.empty, [change.summary() for change in again.changes]
        assert run(again) == set()
        assert [one for one in calls if not one.startswith(("Get", "Describe", "List"))] == []

        down = make_destroy_plan(config, detections, clients.fresh(), now)
        assert run(down) == {"done"}
