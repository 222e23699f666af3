"""Reading CloudTrail files, good and bad, and playing them in time."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox import scenarios
from sandbox.player import (
    LARGEST_RECORD,
    Loaded,
    Player,
    Record,
    event_time,
    offsets,
    read_bytes,
    read_paths,
)


def record(second: int = 0, **fields: Any) -> dict[str, Any]:
    return {"eventTime": f"2026-01-05T09:30:{second:02}Z", "eventName": "CreateUser", **fields}


def whys(loaded: Loaded) -> list[tuple[int, str]]:
    return [(r.line, r.why) for r in loaded.rejected]


ONE, TWO = record(1), record(2)
LINES = f"{json.dumps(ONE)}\n\n{json.dumps(TWO)}\n".encode()


@pytest.mark.parametrize(
    "data",
    [
        LINES,
        LINES.replace(b"\n", b"\r\n"),
        json.dumps({"Records": [ONE, TWO]}).encode(),
        json.dumps({"Records": [ONE, TWO]}, indent=2).encode(),
        json.dumps([ONE, TWO]).encode(),
        b"\xef\xbb\xbf" + LINES,
        f"{json.dumps({'Records': [ONE]})}\n{json.dumps([TWO])}".encode(),
    ],
)
def test_every_shape_is_read_plain_and_packed(data: bytes) -> None:
    for packed in (data, gzip.compress(data), gzip.compress(data[:50]) + gzip.compress(data[50:])):
        loaded = read_bytes(packed)
        assert list(loaded.records) == [ONE, TWO]
        assert loaded.rejected == []


def test_one_record_alone_is_read() -> None:
    assert list(read_bytes(json.dumps(ONE, indent=1).encode()).records) == [ONE]


def test_each_unreadable_line_is_told_and_the_rest_goes_on() -> None:
    bad = [
        "{not json",
        '"text"',
        "null",
        "7",
        '{"eventName": "x"}',
        '{"eventTime": 5}',
        '{"eventTime": "yesterday"}',
        '{"eventTime": "2026-01-05T09:30:00Z", "x": NaN}',
        '{"eventTime": "2026-01-05T09:30:00Z", "x": "\\ud800"}',
        json.dumps(record(x="y" * LARGEST_RECORD)),
        "[" * 100_000,
    ]
    text = "\n".join([json.dumps(ONE), *bad, json.dumps(TWO)])
    loaded = read_bytes(text.encode() + b'\n{"eventTime": "\xff"}')
    assert list(loaded.records) == [ONE, TWO]
    assert sorted(line for line, _ in whys(loaded)) == [*range(2, 13), 14]
    told = dict(whys(loaded))
    assert told[2].startswith("not JSON")
    assert told[3] == "a record is an object, this is text"
    assert told[6] == "eventTime is missing"
    assert "'yesterday' is no time" in told[8]
    assert "NaN" in told[9]
    assert "surrogate" in told[10]
    assert "larger" in told[11]
    assert "deeply" in told[12]
    assert "UTF-8" in told[14]


def test_a_bad_record_of_a_document_is_told_by_its_place() -> None:
    loaded = read_bytes(json.dumps({"Records": [ONE, {"eventTime": "x"}, TWO]}).encode())
    assert list(loaded.records) == [ONE, TWO]
    assert [line for line, _ in whys(loaded)] == [2]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"Records": [\n{"eventTime":\n', "not JSON"),
        (b'{"events": []}', "neither a record nor Records: it has events"),
        (b"\x00\x01\x02 binary", "not JSON"),
        (b"\x1f\x8bnot gzip at all", "gzip data is damaged"),
    ],
)
def test_a_file_that_is_none_is_told_once(data: bytes, why: str) -> None:
    loaded = read_bytes(data, "f.json")
    assert not loaded.records
    assert len(loaded.rejected) == 1
    assert why in loaded.rejected[0].why and loaded.rejected[0].file == "f.json"


def test_a_torn_gzip_gives_what_it_holds() -> None:
    many = "\n".join(json.dumps(record(n % 60, n=n, noise=str(hash(n)))) for n in range(500))
    loaded = read_bytes(gzip.compress(many.encode())[:-200])
    assert 0 < len(loaded.records) < 500
    assert any("damaged" in why for _, why in whys(loaded))


def test_a_gzip_bomb_is_refused() -> None:
    packed = gzip.compress(b" " * (129 * 1024 * 1024), compresslevel=1)
    assert whys(read_bytes(packed)) == [(0, "larger than 128 MiB")]


def test_folders_are_read_in_order_and_bad_files_told(tmp_path: Path) -> None:
    day = tmp_path / "AWSLogs/123456789012/CloudTrail/us-east-1/2026/01/05"
    day.mkdir(parents=True)
    (day / "a.json.gz").write_bytes(gzip.compress(json.dumps({"Records": [ONE]}).encode()))
    (day / "b.jsonl").write_bytes(json.dumps(TWO).encode())
    (day / "c.json").write_bytes(b"{")
    (day / "notes.txt").write_text("no log")
    digest = tmp_path / "AWSLogs/123456789012/CloudTrail-Digest/d.json.gz"
    digest.parent.mkdir(parents=True)
    digest.write_bytes(b"{}")
    (tmp_path / "empty").mkdir()
    loaded = read_paths([tmp_path, tmp_path / "empty", tmp_path / "absent.json"])
    assert list(loaded.records) == [ONE, TWO]
    assert [Path(r.file).name for r in loaded.rejected] == ["c.json", "empty", "absent.json"]
    assert "No such file" in loaded.rejected[-1].why


def test_gaps_are_divided_by_the_speed_and_the_order_is_that_of_the_times() -> None:
    late = {"eventTime": "2026-01-05T10:31:00+01:00"}
    plan = offsets([late, ONE, record(21)], speed=10)
    assert [(at, r["eventTime"]) for at, r in plan] == [
        (0.0, "2026-01-05T09:30:01Z"),
        (2.0, "2026-01-05T09:30:21Z"),
        (5.9, "2026-01-05T10:31:00+01:00"),
    ]


def test_a_replay_is_stamped_with_the_present_and_ends_now() -> None:
    fed: list[tuple[float, Record]] = []
    ended = threading.Event()

    def feed(records: Sequence[Record]) -> None:
        fed.extend((time.monotonic(), r) for r in records)

    records = [record(0, n=1), record(0, n=2), record(20, n=3), record(40, n=4)]
    player = Player(records, 100, feed, lambda count: ended.set())
    assert (player.total, player.seconds) == (4, 0.4)
    began = time.monotonic()
    player.start()
    assert ended.wait(60)
    player.stop()
    assert [r["n"] for _, r in fed] == [1, 2, 3, 4]
    assert fed[3][0] - began >= 0.4
    for _, played in fed:
        assert abs(datetime.now(UTC) - event_time(played)) < timedelta(minutes=2)
        assert played["eventTime"].endswith("Z")


def test_a_replay_can_be_stopped() -> None:
    fed: list[Record] = []
    player = Player([record(0), record(59)], 1, fed.extend, lambda count: None)
    player.start()
    deadline = time.monotonic() + 60
    while not fed and time.monotonic() < deadline:
        time.sleep(0.01)
    player.stop()
    assert len(fed) == 1


def test_the_scenarios_are_records_of_the_examples_account() -> None:
    loaded = scenarios.load()
    assert loaded[0].name == "root-sign-in"
    assert len({s.name for s in loaded}) == len(loaded)
    for scenario in loaded:
        assert scenario.title and scenario.description
        if scenario.acts:
            continue
        text = "\n".join(json.dumps(r) for r in scenario.records)
        read = read_bytes(text.encode())
        assert read.rejected == [] and len(read.records) == len(scenario.records)
        assert {r["recipientAccountId"] for r in read.records} == {"123456789012"}
        fresh, again = scenario.fresh_records(), scenario.fresh_records()
        assert fresh[0]["eventID"] != again[0]["eventID"]
        assert [set(f) for f in fresh] == [set(r) for r in scenario.records]


def test_real_files_are_read_to_the_end(shared: Path) -> None:
    files = sorted((shared / "data").glob("*.jsonl.gz"))
    loaded = read_paths(f for f in files if "streamalert" not in f.name)
    assert len(loaded.records) == 3219 and loaded.rejected == []
    awkward = read_paths(f for f in files if "streamalert" in f.name)
    assert len(awkward.records) == 45 and len(awkward.rejected) == 16
