"""Two real bots on one PostgreSQL, with the stand-ins in this process: work shared, none lost."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest

from sandbox.machine import free_ports
from sandbox.process import BotProcess
from sandbox.run import Sandbox, Wanted, bot_environment

pytestmark = [pytest.mark.journey, pytest.mark.postgres]
T = TypeVar("T")


def until(look: Callable[[], T | None], seconds: float = 60) -> T:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def bot(
    sandbox: Sandbox, folder: Path, name: str, database: str, public: BotProcess | None
) -> BotProcess:
    state = folder / name
    state.mkdir()
    port, metrics = free_ports(2)
    environment = bot_environment(sandbox, folder, port, metrics)
    environment["DATABASE_URL"] = database
    if public:  # both stand behind one address; here the first one's own
        environment["TRAILWATCH_PUBLIC_URL"] = public.url
    environment["XDG_RUNTIME_DIR"] = os.environ.get("XDG_RUNTIME_DIR", "")
    script = Path(sys.executable).with_name("trailwatch")
    url = f"http://127.0.0.1:{port}"
    command = [str(script), "serve", "--no-local-state"]
    return BotProcess(command, environment, state, state / "bot.log", url, print)


@pytest.fixture
def sandbox(postgres: str, tmp_path: Path) -> Iterator[tuple[Sandbox, list[BotProcess]]]:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE two_replicas")
    database = postgres.replace("/postgres?", "/two_replicas?", 1)
    made = Sandbox(Wanted(0, 60.0, (), True), tmp_path, print)
    with contextlib.ExitStack() as stack:
        for part in (made._page, made.slack, made.opsgenie, made.aws):
            part.start()
            stack.callback(part.stop)
        first = bot(made, tmp_path, "one", database, None)
        bots = [first, bot(made, tmp_path, "two", database, first)]
        for one in bots:
            stack.callback(one.stop)
            one.start()
        for one in bots:
            assert one.wait_ready(90, lambda: False), one.tail()
        yield made, bots


def alerts(sandbox: Sandbox) -> list[dict[str, Any]]:
    found = sandbox.slack.messages(sandbox.slack.channel, "alice")
    return [
        m
        for m in found
        if not m.get("thread_ts")
        and "alert_id" in ((m["metadata"] or {}).get("event_payload") or {})
    ]


def say(sandbox: Sandbox, text: str) -> dict[str, Any]:
    found: dict[str, Any] = sandbox.slack.command("alice", sandbox.slack.channel, text)
    return found


def sign_in(sandbox: Sandbox, name: str) -> None:
    sandbox.aws.ingest(
        [
            {
                "eventVersion": "1.09",
                "eventID": f"00000000-0000-0000-0000-{name:0>12}",
                "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "eventName": name,
                "eventSource": "iam.amazonaws.com",
                "awsRegion": "us-east-1",
                "sourceIPAddress": "203.0.113.9",
                "userIdentity": {"type": "IAMUser", "userName": "jane"},
                "recipientAccountId": "123456789012",
            }
        ]
    )


def test_the_work_goes_on_when_one_is_killed(sandbox: tuple[Sandbox, list[BotProcess]]) -> None:
    made, bots = sandbox
    say(made, "setup plan")
    plan = until(
        lambda: next(
            (m for m in made.slack.messages(made.slack.channel, "alice")
             if "plan.apply" in json.dumps(m["blocks"])), None)
    )  # fmt: skip
    made.slack.click("alice", plan["ts"], "plan.apply")
    until(
        lambda: next(
            (m for m in made.slack.messages(made.slack.channel, "alice") if "Applied" in m["text"]),
            None,
        )
    )
    sign_in(made, "CreateUser")
    until(lambda: [m for m in alerts(made) if '"table"' in json.dumps(m["blocks"])])
    assert len(alerts(made)) == 1

    other = bots[1]  # Opsgenie's webhook goes to the first one
    assert other.pid is not None
    os.kill(other.pid, 9)
    until(lambda: other.pid is None)

    shown = alerts(made)[0]
    made.slack.click("bob", shown["ts"], "alert.acknowledge")
    until(lambda: [m for m in alerts(made) if "cknowledged by" in json.dumps(m["blocks"])], 60)
    assert [a["acknowledged"] for a in made.opsgenie.alerts()] == [True]
    assert len(alerts(made)) == 1
