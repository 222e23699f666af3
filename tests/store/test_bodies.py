"""What reads rows back is complete before threads do: msgspec crashes where two look first."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trailwatch.alert import Alert, AlertFields, AlertState
from trailwatch.store.bodies import Bodies

READ_BY_MANY = """
import json, sys, threading, time
from trailwatch.store import alerts
sys.setswitchinterval(1e-5)
body = sys.stdin.read()
together = threading.Barrier(8)
def read(number):
    together.wait()
    time.sleep(number * 0.0003)
    for _ in range(5):
        alerts._BODIES.read(body)
threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.fixture
def alert() -> Alert:
    now = datetime(2026, 11, 23, 9, 0, 1, 5000, tzinfo=UTC)
    fields = AlertFields(
        description="lone \ud800 and \x00",
        account="123456789012",
        region="us-east-1",
        region_name="US East (N. Virginia)",
        alarm_name="a",
        alarm_arn="arn",
        reason="because",
        state_change=now,
        detection_id="root-console-login",
    )
    return Alert(
        id="1",
        alias="arn",
        router_id="r",
        tiny_id="7",
        title="Root",
        severity="P1",
        state=AlertState.OPEN,
        fields=fields,
        first_seen=now,
        updated_at=now,
    )


def test_what_is_written_comes_back(alert: Alert) -> None:
    bodies = Bodies(Alert)
    assert bodies.read(bodies.write(alert)) == alert
    assert bodies.of(json.loads(bodies.write(alert))) == alert
    assert bodies.write(alert).isascii()


def test_threads_that_read_first_at_once_live(alert: Alert) -> None:
    """Without the look at import about half of these processes ended in a segmentation fault."""
    body = Bodies(Alert).write(alert)
    for _ in range(4):
        subprocess.run(
            [sys.executable, "-c", READ_BY_MANY],
            input=body,
            text=True,
            check=True,
            cwd=Path(__file__).resolve().parents[2],
        )
