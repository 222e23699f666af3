"""One sandbox with an applied pipeline for the tests of faults, and alarms fired at will."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.session import get_session

from sandbox.driver import PATIENCE
from trailwatch.store.secrets import Vault


class World:
    """A sandbox that stands, with its bot's state at hand, and short words for what tests do."""

    def __init__(self, sandbox: Any, state: Path) -> None:
        self.sandbox = sandbox
        self.state = state
        self._numbers = itertools.count(1)
        self._clients: dict[str, Any] = {}

    @property
    def bot(self) -> Mapping[str, Any]:
        """Address and process id of the bot that runs now."""
        found: Mapping[str, Any] = self.sandbox.get("/api/status")["bot"]
        return found

    def aws(self, service: str) -> Any:
        """A client to the AWS stand-in, as somebody else in the account has it."""
        if service not in self._clients:
            status = self.sandbox.status["aws"]
            self._clients[service] = get_session().create_client(
                service,
                region_name=status["region"],
                endpoint_url=status["endpoint"],
                aws_access_key_id="AKIAEXAMPLESOMEBODY1",
                aws_secret_access_key="example",
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self._clients[service]

    def fault(self, target: str, match: str = "", **what: Any) -> None:
        self.sandbox.post("/api/faults", {"target": target, "match": match, **what})

    def well(self) -> None:
        """All services are well again."""
        self.sandbox.call("DELETE", "/api/faults")

    def calls(self, target: str, part: str = "") -> list[dict[str, Any]]:
        found = self.sandbox.get("/api/calls", target=target)
        return [call for call in found if part in call["method"]]

    def asked(self, router_id: str) -> list[str]:
        """What was asked for of an alert in Opsgenie; reading it is not counted."""
        found = self.calls("opsgenie", f"POST /v2/alerts/{router_id}/")
        return [call["method"].rsplit("/", 1)[1] for call in found]

    def fire(self, wait: bool = True) -> Any:
        """Let a new alarm fire; its message, or its name where nobody waits for the message."""
        name = f"trailwatch-test-{next(self._numbers)}"
        self.sound(name)
        return self.message_of(name) if wait else name

    def sound(self, name: str, state: str = "ALARM", **more: str) -> None:
        """Set an alarm's state, made before where there is none of the name."""
        cloudwatch = self.aws("cloudwatch")
        if not cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]:
            account = self.sandbox.status["aws"]["account"]
            topic = f"arn:aws:sns:us-east-1:{account}:trailwatch-alarms"
            cloudwatch.put_metric_alarm(
                AlarmName=name,
                AlarmDescription=more.get("description", "[P3] A test"),
                AlarmActions=[topic],
                OKActions=[topic],
                Namespace="Test",
                MetricName=name,
                Statistic="Sum",
                Period=86_400,
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanOrEqualToThreshold",
                TreatMissingData="ignore",
            )
        reason = more.get("reason", "a test")
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason=reason)

    def messages_of(self, name: str, user: str = "alice") -> list[dict[str, Any]]:
        return [m for m in self.sandbox.alerts(user) if f"Alarm {name}." in m["text"]]

    def message_of(self, name: str, seconds: float = PATIENCE) -> dict[str, Any]:
        found: dict[str, Any] = self.sandbox.until(
            lambda: next(iter(self.messages_of(name)), None), seconds, f"the alert of {name}"
        )
        return found

    def until_shown(
        self, message: Mapping[str, Any], words: str, seconds: float = PATIENCE
    ) -> dict[str, Any]:
        """The message once it says the words."""
        found: dict[str, Any] = self.sandbox.wait_message(
            lambda m: m["ts"] == message["ts"] and words in shown(m), seconds
        )
        return found

    def told(self, user: str, words: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """What only this person sees, once it says the words."""
        found: dict[str, Any] = self.sandbox.wait_message(
            lambda m: m.get("ephemeral") and words in m["text"], seconds, user=user
        )
        return found

    def routed(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """The alert of a message as Opsgenie has it."""
        name = message["text"].split("Alarm ")[1].split(". ")[0].rstrip(".")
        found: dict[str, Any] = next(
            alert
            for alert in self.sandbox.get("/api/opsgenie/alerts")
            if alert["alias"].endswith(f":alarm:{name}")
        )
        return found

    def secrets(self) -> list[str]:
        """The webhook's secrets so far, newest first, as the bot keeps them encrypted."""
        vault = Vault((self.state / "secret.key").read_text().strip())
        found = self.rows("select name, value from secret order by version desc")
        return [vault.open(value, name) for name, value in found if "webhook" in name]

    def deliver(self, body: bytes | Mapping[str, Any], secret: str | None = None) -> int:
        """POST a body to the bot's webhook as Opsgenie does; the answer's status."""
        request = urllib.request.Request(
            f"{self.bot['url']}/webhooks/opsgenie",
            data=body if isinstance(body, bytes) else json.dumps(body).encode(),
            headers={"X-Trailwatch-Token": self.secrets()[0] if secret is None else secret},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def kill(self) -> None:
        """End the bot without a word; the sandbox starts another. At most five times a minute."""
        pid = self.bot["pid"]
        os.kill(pid, signal.SIGKILL)

        def another() -> bool:
            status = self.sandbox.get("/api/status")
            return bool(status["ready"] and status["bot"]["pid"] != pid)

        self.sandbox.until(another, PATIENCE, "another bot")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the bot's database, read aside."""
        with closing(sqlite3.connect(self.state / "trailwatch.db", timeout=30)) as database:
            return database.execute(query).fetchall()

    def write(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.state / "trailwatch.db", timeout=30)) as database:
            database.execute(statement, values)
            database.commit()

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


def shown(message: Mapping[str, Any]) -> str:
    """A message's blocks as text."""
    return json.dumps(message["blocks"], ensure_ascii=False)


@pytest.fixture(scope="session")
def start_world(
    start_sandbox: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], World]]:
    """Starts sandboxes whose state tests may look into."""
    made: list[World] = []

    def start() -> World:
        state = tmp_path_factory.mktemp("state")
        # Many tests share it, so that alerts come thick: each keeps a message of its own.
        alone = ("--set", "TRAILWATCH_ROLLUP=0")
        sandbox = start_sandbox("--speed", "60", "--state", str(state), *alone)
        made.append(World(sandbox, state))
        return made[-1]

    yield start
    for world in made:
        world.close()


@pytest.fixture(scope="session")
def shared_world(start_world: Callable[[], World]) -> World:
    """The one sandbox, with the pipeline applied, of all tests that leave it as it was."""
    found = start_world()
    found.sandbox.set_up()
    return found


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    """The same; what a test let go wrong is well again after it."""
    yield shared_world
    shared_world.well()
