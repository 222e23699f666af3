"""The pack `recommended` on real records of an attacked account: one alert for each detection."""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.player import Player, read_paths
from sandbox.replay import SETTLE_SECONDS
from trailwatch.detections import Detection, load_catalogue
from trailwatch.pattern import Document, parse

PACK = "recommended"
SPEED = 300
"""Fifty-five minutes of records are played in eleven seconds."""


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


def titles(house: Any) -> list[str]:
    """The alerts' headers, without the account: the records are another one's than the site's."""
    shown = [m for m in house.messages("alert:") if m["key"].count(":") == 1]
    headers = [next(b for b in m["blocks"] if b["type"] == "header") for m in shown]
    return [re.sub(r" in \d{12}$", "", str(h["text"]["text"]).partition(" ")[2]) for h in headers]


def test_just_the_alerts_that_the_records_call_for(
    make_listener: Callable[..., Any],
    dataset: Path,
    expected: set[str],
    until: Callable[..., Any],
) -> None:
    house = make_listener(SPEED=str(SPEED))
    house.set_up(PACK)
    # The records of the set-up itself are to come first.
    quiet = house.deps.clock() + timedelta(seconds=SETTLE_SECONDS)
    until(lambda: house.deps.clock() > quiet)
    ended: list[int] = []
    player = Player(read_paths([dataset]).records, SPEED, house.aws.ingest, ended.append)
    player.start()
    until(lambda: ended)
    player.stop()
    assert len(expected) == 28
    until(lambda: len(titles(house)) >= len(expected))
    assert sorted(titles(house)) == sorted(expected)
