"""What reads rows back is complete before threads do: msgspec crashes where two look first."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.store.kept_alerts import an_alert
from trailwatch.alert import Alert
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


def test_what_is_written_comes_back() -> None:
    alert, bodies = an_alert(), Bodies(Alert)
    assert bodies.read(bodies.write(alert)) == alert
    assert bodies.of(json.loads(bodies.write(alert))) == alert
    assert bodies.write(alert).isascii()


def test_threads_that_read_first_at_once_live() -> None:
    """Without the look at import about half of these processes ended in a segmentation fault."""
    body = Bodies(Alert).write(an_alert())
    for _ in range(4):
        subprocess.run(
            [sys.executable, "-c", READ_BY_MANY],
            input=body,
            text=True,
            check=True,
            cwd=Path(__file__).resolve().parents[2],
        )
