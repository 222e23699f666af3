"""The pack `recommended` on real records of an attacked account: one alert for each detection."""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from trailwatch.detections import Detection, load_catalogue
from trailwatch.pattern import Document, parse

pytestmark = pytest.mark.journey

PACK = "recommended"


@pytest.fixture(scope="module")
def dataset(shared: Path) -> Path:
    return shared / "data" / "invictus-ir_aws_dataset.jsonl.gz"


def goes_off(detection: Detection, lines: list[Document]) -> bool:
    """Whether enough records of one period match."""
    pattern = parse(detection.pattern)
    periods: dict[float, int] = defaultdict(int)
    for line in lines:
        if pattern.matches(line):
            at = datetime.fromisoformat(
                json.loads(line.message)["eventTime"].replace("Z", "+00:00")
            )
            periods[at.timestamp() // detection.period.total_seconds()] += 1
    return any(count >= detection.threshold for count in periods.values())


@pytest.fixture(scope="module")
def expected(dataset: Path) -> set[str]:
    text = gzip.decompress(dataset.read_bytes()).decode()
    lines = [Document(line) for line in text.splitlines()]
    return {one.title for one in load_catalogue().pack(PACK) if goes_off(one, lines)}


@pytest.fixture(scope="module")
def replayed(start_sandbox: Callable[..., Any], dataset: Path, expected: set[str]) -> Iterator[Any]:
    """A sandbox with the pack, after the replay, when every expected alert is there."""
    sandbox = start_sandbox(
        *("--speed", "300", "--replay", str(dataset)),
        *("--set", "TRAILWATCH_ROLLUP=0"),
    )
    sandbox.set_up(PACK)
    sandbox.until(lambda: sandbox.get("/api/status")["replay"]["state"] == "ended", what="the end")
    sandbox.until(lambda: len(sandbox.alerts()) >= len(expected), what="every alert")
    yield sandbox
    assert sandbox.stop() == 0


def title_of(alert: Mapping[str, Any]) -> str:
    """The detection's title, without the account: the records are another one's than the site's."""
    header = next(block for block in alert["blocks"] if block["type"] == "header")
    return re.sub(r" in \d{12}$", "", str(header["text"]["text"]).partition(" ")[2])


def test_just_the_alerts_that_the_records_call_for(replayed: Any, expected: set[str]) -> None:
    assert len(expected) == 28
    assert sorted(title_of(alert) for alert in replayed.alerts()) == sorted(expected)
