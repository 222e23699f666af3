"""Whole backtests: what is counted, in one process and in several."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from trailwatch.backtest import Backtest, Piece, Problem, Subject, run, subject_of
from trailwatch.backtest.result import as_json
from trailwatch.backtest.tally import MAX_NAMES, Seen, Tops
from trailwatch.detections import load_catalogue
from trailwatch.pattern import parse

START = datetime(2025, 3, 3, 10, tzinfo=UTC)
LOGIN = Subject("login", "Console login", parse('{ $.eventName = "ConsoleLogin" }'))
DENIED = Subject("denied", "Denied", parse('{ $.errorCode = "*Denied" }'), threshold=2)


def record(number: int, minute: float, **fields: object) -> dict[str, object]:
    when = START + timedelta(minutes=minute)
    return {
        "eventID": f"id-{number}",
        "eventTime": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventName": "ConsoleLogin",
        "sourceIPAddress": "203.0.113.7",
        "userIdentity": {"type": "IAMUser", "userName": "alice"},
        **fields,
    }


def piece(name: str, *records: dict[str, object]) -> Piece:
    return Piece(name, data=json.dumps({"Records": records}).encode())


PIECES = [
    piece("a", record(1, 0), record(2, 0.5), record(3, 10, userIdentity={"type": "Root"})),
    Problem("b", "it cannot be read: Permission denied"),
    piece("c", record(3, 10), record(4, 200, errorCode="AccessDenied", eventName="GetObject")),
    piece("d", record(5, 200, errorCode="AccessDenied", eventName="PutObject")),
    Piece("e", data=b'{"Records":[{"eventName":"ConsoleLogin"},'),
]


def result(
    subjects: list[Subject],
    pieces: list[Piece | Problem],
    since: datetime | None = None,
    n: int = 1,
) -> Backtest:
    progress = None
    for progress in run(subjects, pieces, since=since, processes=n):  # noqa: B007
        pass
    assert progress is not None
    return progress.result()


@pytest.mark.parametrize("processes", [1, 2])
def test_what_is_counted(processes: int) -> None:
    backtest = result([LOGIN, DENIED], PIECES, n=processes)
    login, denied = backtest.found
    assert (backtest.files, backtest.records, backtest.duplicates) == (4, 7, 1)
    assert (login.matches, len(login.alarms), login.hidden, login.below) == (3, 1, 1, 0)
    assert (login.first, login.last) == (START, START + timedelta(minutes=10))
    assert [(share.name, share.events) for share in login.principals] == [("alice", 2), ("root", 1)]
    assert login.hours == ((START, 3),)
    assert (denied.matches, len(denied.alarms), denied.alarms[0].events) == (2, 1, 2)
    assert [share.name for share in denied.names] == ["GetObject", "PutObject"]
    reasons = [(problem.name, problem.reason) for problem in backtest.problems]
    assert reasons == [
        ("b", "it cannot be read: Permission denied"),
        ("e", "record 2: it is not JSON"),
        ("e", "record 1: it has no eventTime that can be read"),
    ]


def test_one_process_and_two_give_the_same() -> None:
    subjects = [subject_of(detection) for detection in load_catalogue()]
    pieces: list[Piece | Problem] = [
        piece(d.id, *(dict(example) for example in (*d.examples.matches, *d.examples.near_misses)))
        for d in load_catalogue()
    ]
    one, two = result(subjects, pieces, n=1), result(subjects, pieces, n=2)
    assert as_json(one) == as_json(two)
    silent = [found.subject.id for found in one.found if not found.matches]
    untimed = [p.name for p in one.problems]
    assert set(silent) <= set(untimed)


def test_since_leaves_out_what_is_older() -> None:
    backtest = result([LOGIN], PIECES, since=START + timedelta(minutes=5))
    assert backtest.found[0].matches == 1
    assert backtest.since == START + timedelta(minutes=5)


def test_a_part_is_a_result() -> None:
    steps = run([LOGIN], PIECES, processes=2)
    next(steps)
    progress = next(steps)
    part = progress.result(complete=False)
    steps.close()
    assert (part.files, part.found[0].matches, part.complete) == (1, 3, False)


@pytest.mark.parametrize(("size", "most"), [(600_000, 20), (0, 300)])
def test_pieces_are_read_a_few_ahead_only(size: int, most: int) -> None:
    taken = 0

    def endless() -> Iterator[Piece]:
        nonlocal taken
        while True:
            taken += 1
            whole = piece(str(taken), record(taken, taken))
            yield Piece(whole.name, data=whole.read() + b" " * size)

    steps = run([LOGIN], endless(), processes=2)
    for _ in range(4):
        next(steps)
    steps.close()
    assert taken < most


def test_lines_in_the_middle_of_a_file() -> None:
    part = Piece("x", data=b"{}\nnonsense\n", first_line=100)
    backtest = result([LOGIN], [part])
    assert [problem.reason for problem in backtest.problems] == [
        "record 101: it is not a JSON object"
    ]
    assert backtest.files == 0


def test_json_is_plain() -> None:
    plain = json.loads(json.dumps(as_json(result([LOGIN, DENIED], PIECES))))
    login = plain["detections"][0]
    assert login["alarms"] == [
        {"raised": "2025-03-03T10:01:00.000Z", "ok": "2025-03-03T10:26:00.000Z", "events": 2}
    ]
    assert login["notified"] == 1
    assert plain["duplicates"] == 1


def test_memory_is_bounded() -> None:
    seen = Seen(limit=10)
    assert [seen.again(str(number)) for number in range(1000)] == [False] * 1000
    assert seen.again("995")
    assert not seen.again("3")
    tops = Tops()
    for number in range(MAX_NAMES * 2):
        tops.add(f"rare-{number}")
        tops.add("frequent")
    assert tops.top()[0].events == MAX_NAMES * 2
    assert tops.distinct <= MAX_NAMES
