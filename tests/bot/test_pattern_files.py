from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from bot.cli import main

RECORD = {"eventName": "CreateUser", "eventTime": "2026-11-23T09:00:00Z"}
PATTERN = '{ $.eventName = "CreateUser" }'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lines.jsonl", f"{json.dumps(RECORD)}\n{{}}\n".encode()),
        ("lines.jsonl.gz", gzip.compress(f"{json.dumps(RECORD)}\n{{}}\n".encode())),
        ("records.json", json.dumps({"Records": [RECORD, {}]}, indent=2).encode()),
        ("records.json.gz", gzip.compress(json.dumps({"Records": [RECORD, {}]}).encode())),
        ("list.json", json.dumps([RECORD, {}]).encode()),
    ],
    ids=["lines", "lines-gz", "records", "records-gz", "list"],
)
def test_events_are_found_in_every_form_of_file(
    name: str, content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert main(["pattern", "test", PATTERN, str(file)]) == 0
    assert "1 of 2 lines match" in capsys.readouterr().err


def test_a_file_that_is_cut_off_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cut.gz"
    file.write_bytes(gzip.compress(b"x" * 1000)[:-8])
    assert main(["pattern", "test", PATTERN, str(file)]) == 2
    assert "cut off" in capsys.readouterr().err


def test_an_event_can_be_given_itself(capsys: pytest.CaptureFixture[str]) -> None:
    event = json.dumps(RECORD)
    assert main(["pattern", "explain", PATTERN, "--event", event, "--event", "{}"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "event 1: matches",
        "  [yes] The message is one JSON object in which this holds:",
        '  - [yes] eventName is "CreateUser" (found "CreateUser")',
        "event 2: does not match",
        "  [no] The message is one JSON object in which this holds:",
        '  - [no] eventName is "CreateUser" (found nothing)',
    ]
    assert main(["pattern", "test", PATTERN, f"--event={event}"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (f"{event}\n", "1 of 1 line matches.\n")


def test_a_pattern_may_start_with_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pattern", "test", "--event", "a b", "--", "-b"]) == 0
    assert capsys.readouterr().err == "0 of 1 line matches.\n"


def test_the_caret_stands_below_the_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pattern", "check", '{\t$.a = "\u65e5\u672c" = 1 }']) == 1
    assert capsys.readouterr().out.splitlines() == [
        '{ $.a = "\u65e5\u672c" = 1 }',
        "               ^",
        "Invalid character(s) in term '='",
    ]


def test_a_detections_id_stands_for_its_pattern(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pattern", "explain", "root-usage"]) == 0
    shown = capsys.readouterr()
    assert 'userIdentity.type is "Root"' in shown.out
    assert shown.err.startswith("The pattern of the detection root-usage:\n{$.userIdentity.type")
    event = json.dumps({**RECORD, "eventSource": "iam.amazonaws.com"})
    assert main(["pattern", "test", "iam-user-created", "--event", event]) == 0
    assert capsys.readouterr().out == f"{event}\n"


@pytest.mark.parametrize("verb", ["check", "explain", "test"])
def test_a_mistyped_id_gets_near_names(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pattern", verb, "root-usagee"]) == 2
    told = capsys.readouterr().err
    assert "Did you mean root-usage" in told
    assert """write it in quotes: '"root-usagee"'""" in told
    assert main(["pattern", "check", '"root-usagee"']) == 0
