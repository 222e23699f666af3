"""What is missing or wrong at start: each told in one line with its fix; what can run, runs."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandbox.faults import Faults
from sandbox.machine import free_ports
from sandbox.slack import SlackStandIn
from sandbox.wire import CallLog

pytestmark = pytest.mark.journey

SCRIPT = str(Path(sys.executable).with_name("trailwatch"))


@pytest.fixture
def environment(world: Any, tmp_path: Path) -> dict[str, str]:
    """What the sandbox's bot is told, but for a store and a port of its own."""
    raw = Path(f"/proc/{world.bot['pid']}/environ").read_bytes()
    found = dict(part.decode().split("=", 1) for part in raw.split(b"\0") if b"=" in part)
    return {
        **found,
        "DATABASE_URL": f"sqlite:///{tmp_path}/other.db",
        "PORT": "0",
        "TRAILWATCH_METRICS_PORT": "0",
        "HOME": str(tmp_path),
    }


def run(environment: Mapping[str, str], *command: str) -> tuple[int, str]:
    """The exit code and all output of a command that ends by itself."""
    ran = subprocess.run(
        [SCRIPT, *command], env=dict(environment), capture_output=True, text=True, timeout=90,
        cwd=environment["HOME"], check=False,
    )  # fmt: skip
    return ran.returncode, ran.stdout + ran.stderr


def line_with(output: str, *words: str) -> str:
    """The one line that has all the words."""
    found = [line for line in output.splitlines() if all(word in line for word in words)]
    assert len(found) == 1, (words, output)
    return found[0]


def test_http_without_a_signing_secret_does_not_start(environment: dict[str, str]) -> None:
    code, output = run({**environment, "SLACK_MODE": "http"}, "serve")
    assert code == 2
    line_with(output, "SLACK_SIGNING_SECRET")
    assert "Traceback" not in output


def test_all_missing_keys_are_named_at_once(environment: dict[str, str]) -> None:
    code, output = run({"PATH": environment["PATH"], "HOME": environment["HOME"]}, "serve")
    assert code == 2
    for key in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_CHANNEL", "OPSGENIE_API_KEY"):
        assert key in output
    assert "Traceback" not in output


def test_the_doctor_tells_each_wrong_key_with_its_fix(
    world: Any, environment: dict[str, str]
) -> None:
    world.fault("aws", "GetCallerIdentity", status=403)
    world.fault("aws", "AssumeRole", status=403)
    wrong = {"SLACK_BOT_TOKEN": "xoxb-wrong", "SLACK_APP_TOKEN": "xapp-wrong",
             "OPSGENIE_API_KEY": "wrong", "OPSGENIE_SETUP_API_KEY": "wrong"}  # fmt: skip
    code, output = run({**environment, **wrong}, "doctor")
    assert code == 1
    assert "SLACK_BOT_TOKEN" in output
    assert "SLACK_APP_TOKEN" in output
    assert "OPSGENIE_API_KEY" in output
    assert "sts:AssumeRole" in output
    assert "xoxb-wrong" not in output
    assert "Traceback" not in output


@pytest.fixture
def other_bot(world: Any, environment: dict[str, str], tmp_path: Path) -> Iterator[Any]:
    """Starts another bot beside the sandbox's; gives its output file and address."""
    started: list[subprocess.Popen[bytes]] = []

    def start(**changes: str) -> tuple[Path, str]:
        (port,) = free_ports(1)
        output = tmp_path / "other.log"
        with output.open("ab") as file:
            started.append(
                subprocess.Popen(
                    [SCRIPT, "serve"],
                    # Into a person's own messages: the channel is the sandbox's bot's.
                    env={
                        **environment,
                        "SLACK_CHANNEL": "U0CAROL000",
                        **changes,
                        "PORT": str(port),
                    },
                    cwd=tmp_path,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                )
            )
        return output, f"http://127.0.0.1:{port}"

    yield start
    for process in started:
        process.terminate()
    for process in started:
        try:
            assert process.wait(60) == 0
        finally:
            # One that went on would ask whoever has its ports next.
            process.kill()
            process.wait(30)


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def test_a_wrong_token_is_told_and_the_webhooks_are_taken(world: Any, other_bot: Any) -> None:
    world.fault("aws", "GetCallerIdentity", status=403)
    output, url = other_bot(
        SLACK_BOT_TOKEN="xoxb-wrong", SLACK_APP_TOKEN="xapp-wrong", OPSGENIE_API_KEY="wrong"
    )
    world.sandbox.until(lambda: status_of(f"{url}/healthz") == 200, what="the other bot")
    world.sandbox.until(lambda: status_of(f"{url}/readyz") == 503, what="it not to be ready")
    world.sandbox.until(
        lambda: all(
            word in output.read_text()
            for word in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "OPSGENIE_API_KEY", "sts:")
        ),
        what="the log to tell what is wrong",
    )
    assert "Traceback" not in output.read_text()
    assert "xoxb-wrong" not in output.read_text()


def test_slack_is_away_at_start(world: Any, other_bot: Any) -> None:
    world.fault("slack", "apps.connections.open", status=500)
    world.fault("slack", "auth.test", status=500)
    output, url = other_bot()
    world.sandbox.until(lambda: status_of(f"{url}/readyz") == 503, what="the other bot")
    # Before its first try it is not ready either.
    world.sandbox.until(lambda: "no connection to Slack" in output.read_text(), what="a try")
    world.well()
    world.sandbox.until(lambda: status_of(f"{url}/readyz") == 200, what="its connection")
    assert "Traceback" not in output.read_text()


def test_an_envelope_that_comes_again_asks_for_nothing_new(
    world: Any, other_bot: Any, tmp_path: Path
) -> None:
    """Slack delivers every envelope twice, as it may where an ack was lost."""
    slack = SlackStandIn(calls=CallLog(), faults=Faults(lambda: 0.0))
    assert slack._socket is not None
    once = slack._socket._send
    slack._socket._send = lambda *to: once(*to) and once(*to)  # type: ignore[method-assign]
    slack.start()
    try:
        _, url = other_bot(
            SLACK_API_BASE_URL=slack.api_url,
            SLACK_BOT_TOKEN=slack.bot_token,
            SLACK_APP_TOKEN=slack.app_token,
            SLACK_CHANNEL=slack.channel,
        )
        world.sandbox.until(lambda: status_of(f"{url}/readyz") == 200, what="the other bot")
        for command in ("setup plan", "digest now"):
            assert slack.command("alice", slack.channel, command)["status"] == 200
        with closing(sqlite3.connect(tmp_path / "other.db", timeout=30)) as database:

            def jobs() -> list[tuple[str]]:
                return database.execute(
                    "select kind from job where kind in ('setup.plan', 'digest.post')"
                ).fetchall()

            world.sandbox.until(lambda: len(jobs()) >= 2)
            # The second command's twin was taken before its job was seen; nothing else follows.
            assert database.execute("select count(*) from audit").fetchone() == (2,)
            assert len(jobs()) == 2
    finally:
        slack.stop()
