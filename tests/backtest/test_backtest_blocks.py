"""Files read in blocks give what whole files give, or are given back."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trailwatch.backtest import Engine
from trailwatch.backtest.blocks import NotInBlocks, blocks
from trailwatch.backtest.unpack import unpack
from trailwatch.detections import load_catalogue
from trailwatch.pattern import parse

LOGIN = parse('{ $.eventName = "ConsoleLogin" }')


def record(number: int, **fields: object) -> dict[str, object]:
    return {
        "eventVersion": "1.11",
        "eventID": f"id-{number}",
        "eventTime": "2025-03-03T10:00:00Z",
        "eventName": "ConsoleLogin" if number % 3 else "GetRole",
        **fields,
    }


def written(records: list[dict[str, object]]) -> bytes:
    return json.dumps({"Records": records}, separators=(",", ":")).encode()


NESTED = [
    record(1),
    record(2, requestParameters={"x": [{"a": 1}, {"eventVersion": "1", "eventName": "y"}]}),
    record(3, requestParameters={"x": '},{"eventVersion":"1.11"'}),
    record(4, requestParameters=[[{}, {"eventVersion": 1}], {}, {"eventVersion": [{}]}]),
    record(5),
]


@given(st.lists(st.sampled_from(NESTED), max_size=8), st.data())
@settings(deadline=None, max_examples=300)
def test_blocks_are_the_records_or_not_json(
    records: list[dict[str, object]], data: st.DataObject
) -> None:
    """Cut anywhere, also where a record seems to begin inside of another one."""
    text = written(records)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=5)))
    chunks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    found: list[object] = []
    try:
        for block in blocks(chunks):
            found += json.loads(block)
    except json.JSONDecodeError:
        return  # whoever decodes them gives up
    assert found == json.loads(json.dumps(records))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b'{"Records":[',
        b'{"Records":[{}',
        b'{"Records":[{}]',
        b'{"Records":[{}]}{"Records":[{}]} x',
        b'{"Other":1,"Records":[{}]}',
        b'[{"eventVersion":"1"}]',
        b'{"eventVersion":"1"}\n{"eventVersion":"1"}',
    ],
)
def test_other_files_are_given_back(text: bytes) -> None:
    with pytest.raises(NotInBlocks):
        list(blocks([text]))
    assert Engine([LOGIN]).scan_packed(gzip.compress(text)) is None


@pytest.mark.parametrize(
    "text",
    [
        b'{"Records":[{}]}{"Records":[{}]}',
        b'{"Records":[{}],"x":[{}]}',
        b'{"Records":[{},]}',
        b'{"Records":[1]}',
        written([record(1, eventName=7)]),
        written([record(1, userIdentity="x" * 9), record(2, eventName=[1])]),
    ],
)
def test_what_is_not_json_or_unusual_is_given_back(text: bytes) -> None:
    assert Engine([LOGIN]).scan_packed(gzip.compress(text)) is None


def test_damaged_files_are_given_back() -> None:
    packed = gzip.compress(written([record(n) for n in range(50)]))
    assert Engine([LOGIN]).scan_packed(packed[:-9]) is None
    assert Engine([LOGIN]).scan_packed(packed[: len(packed) // 2]) is None


def test_large_files(shared: Path) -> None:
    """Real records, shuffled into a file of many blocks: as when read whole."""
    engine = Engine([parse(detection.pattern) for detection in load_catalogue()])
    lines = unpack((shared / "data" / "invictus-ir_aws_dataset.jsonl.gz").read_bytes()).split(b"\n")
    some = random.Random(1).choices([line for line in lines if line], k=4000)
    text = b'{"Records":[' + b",".join(some) + b"]}\n"
    expected = engine.scan(text)
    assert expected.matches
    assert engine.scan_packed(gzip.compress(text)) == expected
    assert engine.scan_packed(gzip.compress(written([]))) == Engine([LOGIN]).scan(written([]))
