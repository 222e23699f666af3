"""A process that is killed in the middle: Slack shows each message once, in its newest state."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trailwatch.clock import utc_now
from trailwatch.store import inbox, jobs
from trailwatch.store.gauges import gauges

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(bot: Any, slack: Any, tmp_path: Path) -> Iterator[Start]:
    """Starts a process that works on the test's database, and ends it with the test."""
    started: list[subprocess.Popen[str]] = []

    def go(
        name: str = "one", *, reconcile: bool = True, timeout: float = 1, lease: float = 2
    ) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("delivery_child.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[3],
        )
        started.append(child)
        assert child.stdin is not None and child.stdout is not None
        orders = {
            "url": bot.db.engine.url.render_as_string(hide_password=False),
            "name": name,
            "token": slack.stand_in.bot_token,
            "api": slack.stand_in.api_url,
            "reconcile": reconcile,
            "timeout": timeout,
            "lease": lease,
            "marks": str(tmp_path / "marks"),
        }
        child.stdin.write(json.dumps(orders))
        child.stdin.close()
        assert child.stdout.readline() == "ready\n"
        return child

    yield go
    for child in started:
        end(child)


def end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait(60)
    assert child.stdout is not None
    child.stdout.close()


def deliver(bot: Any, numbers: range, lanes: list[str], text: str) -> None:
    for number in numbers:
        with bot.db.transaction() as tx:
            key = f"m{number:03}"
            body = f"{key} {lanes[number % len(lanes)]} {key} {text}"
            inbox.put(tx, key=f"{key}:{text}", source="test", body=body, at=utc_now(), lane=key)


def settled(bot: Any) -> bool:
    with bot.db.reading() as tx:
        numbers = gauges(tx, utc_now())
    return not any(
        value for name, value in numbers.items() if not name.endswith(("_seconds", "_dead"))
    )


def test_killed_again_and_again_nothing_is_lost_or_doubled(
    bot: Any, slack: Any, start: Start, until: Any
) -> None:
    names = ["one"] if bot.db.path else ["one", "two"]
    lanes = [slack.channel, *(user["id"] for user in slack.stand_in.users)]
    slack.fault("chat.postMessage", "lost", rate=0.1)
    slack.fault("chat.", "status", status=429, retry_after=1, rate=0.03)
    slack.fault("chat.", "status", status=500, rate=0.05)
    slack.fault("chat.update", "lost", rate=0.1)
    slack.fault("conversations.history", "reset", rate=0.1)
    deliver(bot, range(45), lanes, "r1")
    for turn in range(4 - len(names)):
        children = [start(name) for name in names]
        deliver(bot, range(turn * 15, turn * 15 + 15), lanes, "r2")
        time.sleep(0.3)
        for child in children:
            end(child)
    deliver(bot, range(45), lanes, "r2")
    for name in names:
        start(name)
    until(lambda: settled(bot))
    slack.faults.clear()
    until(lambda: settled(bot) and not waiting_for_verification(bot))
    shown = {m["metadata"]["event_payload"]["key"]: m["text"] for m in slack.everywhere()}
    assert Counter(slack.keys_everywhere()) == Counter(f"m{number:03}" for number in range(45))
    assert shown == {f"m{number:03}": f"m{number:03} r2" for number in range(45)}


def waiting_for_verification(bot: Any) -> int:
    with bot.db.reading() as tx:
        chosen = "SELECT count(*) FROM message WHERE verify_at IS NOT NULL"
        return int(tx.exec_driver_sql(chosen).scalar_one())


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_without_reconciliation_a_killed_process_doubles(
    bot: Any, slack: Any, start: Start, until: Any
) -> None:
    """The negative control of the test above."""
    slack.fault("chat.postMessage", "lost", rate=0.3)
    deliver(bot, range(20), [slack.channel], "r1")
    end(start(reconcile=False))
    start(reconcile=False)
    until(lambda: settled(bot))
    assert max(Counter(slack.keys_everywhere()).values()) > 1


@pytest.mark.postgres
@pytest.mark.parametrize("url", ["postgres"], indirect=True)
def test_a_process_that_was_stopped_writes_over_nobody(
    bot: Any, slack: Any, start: Start, until: Any
) -> None:
    """SIGSTOP beyond the lease, while a post is under way; another replica takes over."""
    slack.fault("chat.postMessage", "timeout", seconds=5, count=1)
    frozen = start("one", timeout=10)
    bot.say("a", "r1")
    until(lambda: bot.find("a").state == "sending")
    frozen.send_signal(signal.SIGSTOP)
    bot.say("a", "r2")
    bot.sender("two")
    bot.await_sent("a")
    frozen.send_signal(signal.SIGCONT)
    bot.say("b", "after")
    bot.await_sent("b")
    until(lambda: settled(bot) and not waiting_for_verification(bot))
    assert slack.texts() == ["r2", "after"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_killed_job_goes_on_after_its_last_step(
    bot: Any, start: Start, until: Any, tmp_path: Path
) -> None:
    with bot.db.transaction() as tx:
        job = jobs.add(tx, "mark", {"steps": 40}, utc_now())
    marks = tmp_path / "marks"
    for goal in (8, 20):
        child = start(lease=600)
        until(lambda goal=goal: marks.exists() and len(marks.read_text().splitlines()) >= goal)
        end(child)
    start(lease=600)

    def done() -> bool:
        with bot.db.reading() as tx:
            row = jobs.get(tx, job)
        return row is not None and row.state == "done"

    # The same name takes its jobs up at once, not after their lease.
    until(done)
    ran = [json.loads(line) for line in marks.read_text().splitlines()]
    counts = Counter(number for _job, number, _resumed, _begun in ran)
    assert sorted(counts) == list(range(40))
    # A step that ran twice was told so, and only where a process had died in it.
    assert len(ran) <= 42
    seen: set[int] = set()
    for _job, number, resumed, begun in ran:
        # One that was killed as it began a step may not have come to its mark.
        assert (begun or number not in seen) and (resumed or not begun)
        seen.add(number)
