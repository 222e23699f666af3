"""Files, whole and damaged."""

from __future__ import annotations

import gzip
import json

import pytest

from trailwatch.backtest.engine import Engine
from trailwatch.backtest.records import Fault, form_of, salvage
from trailwatch.backtest.unpack import Truncated, unpack, unpack_stream
from trailwatch.pattern import parse

ENGINE = Engine([parse('{ $.eventName = "ConsoleLogin" }')])


def login(number: int) -> bytes:
    record = {
        "eventVersion": "1.11",
        "eventID": f"id-{number}",
        "eventTime": "2025-03-03T10:00:00Z",
        "eventName": "ConsoleLogin",
        "sourceIPAddress": "203.0.113.7",
        "userIdentity": {"type": "IAMUser", "userName": "alice"},
    }
    return json.dumps(record).encode()


LOGINS = [login(number) for number in range(4)]
FILE = b'{"Records":[' + b",".join(LOGINS) + b"]}"


def ids(data: bytes) -> list[str]:
    return [match.id for match in ENGINE.scan(data).matches]


@pytest.mark.parametrize(
    "data",
    [
        FILE,
        json.dumps(json.loads(FILE), indent=2).encode(),
        b"[" + b", ".join(LOGINS) + b"]\n",
        b"\n".join(LOGINS),
        b"\r\n".join(LOGINS) + b"\r\n",
        b"\n\n".join(LOGINS),
        b'{"Type":"trail","Records":[' + b",".join(LOGINS) + b"]}",
        b'{"Records":[' + LOGINS[0] + b']}\n{"Records":[' + b",".join(LOGINS[1:]) + b"]}",
    ],
    ids=["file", "indented", "array", "lines", "crlf", "blank", "other key", "two files"],
)
def test_every_form(data: bytes) -> None:
    scan = ENGINE.scan(data)
    assert [match.id for match in scan.matches] == ["id-0", "id-1", "id-2", "id-3"]
    assert (scan.records, scan.faults) == (4, [])


@pytest.mark.parametrize("data", [b"", b" \n", b'{"Records":[]}', b"[]"])
def test_nothing(data: bytes) -> None:
    scan = ENGINE.scan(data)
    assert (scan.records, scan.matches, scan.faults) == (0, [], [])


def test_one_record_over_several_lines() -> None:
    assert ids(json.dumps(json.loads(LOGINS[0]), indent=1).encode()) == ["id-0"]


@pytest.mark.parametrize(
    ("data", "found", "faults"),
    [
        (FILE[: len(FILE) // 2], ["id-0"], ["record 2: it is not JSON"]),
        (FILE[:-2], ["id-0", "id-1", "id-2", "id-3"], ["record 5: it is not JSON"]),
        (FILE.replace(b'"id-1"', b"id-1"), ["id-0", "id-2", "id-3"], ["record 2: it is not JSON"]),
        (FILE.replace(LOGINS[1], b"17"), ["id-0", "id-2", "id-3"], ["record 2: it is not a JSON"]),
        (b"\n".join([LOGINS[0], b"nonsense", LOGINS[2]]), ["id-0", "id-2"], ["record 2: "]),
        (FILE + b" and more", ["id-0", "id-1", "id-2", "id-3"], ["record 5: after the last"]),
        (b"\x00\x01\x02", [], ["record 1: it is not a JSON object"]),
        (FILE.replace(b"2025-03-03T10:00:00Z", b"then", 1), ["id-1", "id-2", "id-3"], ["record 1"]),
    ],
)
def test_the_rest_is_done(data: bytes, found: list[str], faults: list[str]) -> None:
    scan = ENGINE.scan(data)
    assert [match.id for match in scan.matches] == found
    assert [told[: len(fault)] for told, fault in zip(scan.faults, faults, strict=True)] == faults


def test_many_faults_are_counted() -> None:
    faults = ENGINE.scan(b"\n".join([b"x"] * 50)).faults
    assert len(faults) == 6
    assert faults[-1] == "45 more records cannot be used"


def test_salvage_of_what_is_nested_too_deep() -> None:
    deep = b'{"eventVersion":"1","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    data = b'{"Records":[' + b",".join([LOGINS[0], deep, LOGINS[1]]) + b"]}"
    parts = list(salvage(data, form_of(data)))
    assert [part for part in parts if not isinstance(part, Fault)][::2][:1] == [LOGINS[0]]
    assert LOGINS[1] in parts


def test_unusual_types_are_told_as_they_are() -> None:
    record = json.loads(LOGINS[0]) | {"sourceIPAddress": 7, "userIdentity": "x", "eventID": None}
    (match,) = ENGINE.scan(json.dumps(record).encode()).matches
    assert (match.id, match.address, match.principal) == ("", "", "unknown")


class TestUnpack:
    packed = gzip.compress(FILE * 50)

    def test_whole(self) -> None:
        assert unpack(self.packed) == FILE * 50
        assert unpack(FILE) == FILE
        assert unpack(b"") == b""

    def test_members_and_padding(self) -> None:
        assert unpack(gzip.compress(b"a") + gzip.compress(b"b") + b"\0" * 9) == b"ab"

    @pytest.mark.parametrize("cut", [3, 12, 40, 200, -9, -1])
    def test_cut_off(self, cut: int) -> None:
        with pytest.raises(Truncated) as caught:
            unpack(self.packed[:cut])
        assert (FILE * 50).startswith(caught.value.data)
        assert "cut off" in str(caught.value) or "damaged" in str(caught.value)

    def test_damaged(self) -> None:
        damaged = bytearray(gzip.compress(bytes(range(256)) * 4000, 1))
        damaged[len(damaged) // 2] ^= 0xFF
        with pytest.raises(Truncated, match="damaged"):
            unpack(bytes(damaged))

    def test_too_large(self) -> None:
        with pytest.raises(Truncated, match="more than 1 MiB") as caught:
            unpack(gzip.compress(bytes(3 << 20)), limit=1 << 20)
        assert len(caught.value.data) == 1 << 20

    @pytest.mark.parametrize("step", [1, 7, 1000])
    def test_stream(self, step: int) -> None:
        packed = gzip.compress(b"ab" * 900) + gzip.compress(b"c") + b"\0\0"
        chunks = [packed[at : at + step] for at in range(0, len(packed), step)]
        assert b"".join(unpack_stream(chunks)) == b"ab" * 900 + b"c"
        with pytest.raises(Truncated, match="cut off"):
            list(unpack_stream([packed[:20]]))
