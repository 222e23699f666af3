"""The runner: stand-ins, page and a bot as processes; restarts, signals and refusals.

The bot here is a small script in the place of the console script, so that only the runner is
tested; the journeys run the real one.
"""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

ROOT = Path(__file__).resolve().parents[2]
BOT = """#!{python}
import http.server, json, os, sys
print("bot starts with", sorted(os.environ))
print("first command line:", sys.argv[1:], flush=True)
{more}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ)).encode())
http.server.HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
PROGRAM = """
import json, sys
from sandbox.run import run_sandbox
sys.exit(run_sandbox(**json.loads(sys.argv[1])))
"""


class Running:
    """A sandbox in a process of its own, and the lines that it prints."""

    def __init__(self, python: Path, home: Path, **wanted: Any) -> None:
        given = json.dumps({"port": 0, "headless": True, **wanted})
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(home)}
        environment |= {"AWS_PROFILE": "somebody", "TRAILWATCH_ADMINS": "not this"}
        self.process = subprocess.Popen(
            [str(python), "-c", PROGRAM, given],
            env=environment,
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._queue: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        def look() -> re.Match[str] | None:
            found = (re.search(pattern, line) for line in self.lines)
            return next((f for f in found if f), None)

        return until(look, seconds, lambda: "\n".join(self.lines))

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


def until(look: Callable[[], Any], seconds: float = 60, told: Callable[[], str] = str) -> Any:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"it did not happen in time; {told()}")


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.loads(answer.read())


def post(url: str, body: object) -> Any:
    request = urllib.request.Request(url, data=json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def start_a_trail(endpoint: str) -> None:
    keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret"}
    s3, trails = (
        boto3.client(name, endpoint_url=endpoint, region_name="us-east-1", **keys)
        for name in ("s3", "cloudtrail")
    )
    s3.create_bucket(Bucket="archive")
    by = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    arn = "arn:aws:s3:::archive"
    statements = [
        {**by, "Action": "s3:GetBucketAcl", "Resource": arn},
        {**by, "Action": "s3:PutObject", "Resource": f"{arn}/AWSLogs/123456789012/*"},
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    s3.put_bucket_policy(Bucket="archive", Policy=json.dumps(policy))
    trails.create_trail(Name="trail", S3BucketName="archive")
    trails.start_logging(Name="trail")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def environment(tmp_path: Path) -> Callable[[str], Path]:
    """A virtual environment like ours whose `trailwatch` is the small bot."""

    def make(more: str = "") -> Path:
        ours = Path(sys.prefix)
        folder = tmp_path / "venv"
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/python").symlink_to(Path(sys.executable))
        (folder / "lib").symlink_to(ours / "lib")
        (folder / "pyvenv.cfg").write_text((ours / "pyvenv.cfg").read_text())
        script = folder / "bin/trailwatch"
        script.write_text(BOT.format(python=sys.executable, more=more))
        script.chmod(0o755)
        return folder / "bin/python"

    return make


@pytest.fixture
def running(environment: Callable[[str], Path], tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(more: str = "", **wanted: Any) -> Running:
        started.append(Running(environment(more), tmp_path, **wanted))
        return started[-1]

    yield start
    for one in started:
        # Asked, so that it ends its own bot even where the test failed.
        one.end()


def test_a_sandbox_from_start_to_end(running: Callable[..., Running], tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text('{"eventTime": "2026-01-05T09:30:00Z", "eventName": "X"}\nbroken')
    sandbox = running(replay=[str(file)], speed=60)
    url = sandbox.wait_for(r"sandbox is ready: (http://127\.0\.0\.1:\d+)")[1]
    sandbox.wait_for("waiting for `/trailwatch setup plan` → Apply")
    sandbox.wait_for(r"Not replayed: .*log\.jsonl line 2: not JSON")
    status = get(f"{url}/api/status")
    assert status["ready"] is True and status["replay"]["state"] == "waiting"
    assert [u["name"] for u in status["slack"]["users"]][:3] == ["alice", "bob", "carol"]
    assert set(status["slack"]["users"][0]) == {"name", "id", "role"}
    assert status["aws"]["account"] == "123456789012" and status["opsgenie"]["api"]
    told = get(f"{status['bot']['url']}/anything")
    assert told["TRAILWATCH_ADMINS"] == status["slack"]["users"][0]["id"]
    assert told["SLACK_API_BASE_URL"] == status["slack"]["api"]
    assert "AWS_PROFILE" not in told and told["HOME"].startswith(str(tmp_path))
    assert post(f"{url}/api/scenario", {"name": "noise"})["accepted"] > 5
    with urllib.request.urlopen(url, timeout=30) as page:
        assert b"trailwatch sandbox" in page.read()

    start_a_trail(status["aws"]["endpoint"])
    sandbox.wait_for("Replaying 1 records; it takes less than a second")
    sandbox.wait_for("The replay has ended: 1 records")

    first = status["bot"]["pid"]
    os.kill(first, signal.SIGKILL)
    sandbox.wait_for(r"The bot ended \(signal SIGKILL\)")
    second = until(lambda: get(f"{url}/api/status")["bot"]["pid"])
    assert second != first
    until(lambda: get(f"{url}/api/status")["ready"])

    assert sandbox.end(signal.SIGINT) == 0
    assert not alive(second)
    assert not Path(told["HOME"]).exists()
    assert not any("Traceback" in line for line in sandbox.lines)


def test_a_bot_that_dies_at_once_is_told_with_its_last_words(
    running: Callable[..., Running], tmp_path: Path
) -> None:
    sandbox = running("sys.exit('SLACK_CHANNEL is missing')", state=str(tmp_path / "kept"))
    sandbox.wait_for("SLACK_CHANNEL is missing")
    assert sandbox.process.wait(60) == 1
    assert sandbox.end() == 1
    assert (tmp_path / "kept/bot.log").exists()
    assert (tmp_path / "kept/secret.key").stat().st_mode & 0o77 == 0


def test_a_taken_port_and_other_wrong_arguments(running: Callable[..., Running]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        sandbox = running(port=taken.getsockname()[1])
        sandbox.wait_for("--port N")
        assert sandbox.process.wait(60) == 2


@pytest.mark.parametrize("wrong", [{"speed": 0}, {"replay": ["/nowhere/x.json"]}])
def test_wrong_arguments(running: Callable[..., Running], wrong: dict[str, Any]) -> None:
    sandbox = running(**wrong)
    assert sandbox.process.wait(60) == 2
    sandbox.wait_for(f"--{next(iter(wrong))}", 5)
