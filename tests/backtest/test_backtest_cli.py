"""The command: options, output, exit codes, Ctrl-C."""

from __future__ import annotations

import gzip
import json
import os
import pty
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.backtest_cli import clean, histogram, parse_since
from bot.cli import main
from trailwatch.errors import UsageError

START = datetime(2025, 3, 3, 10, tzinfo=UTC)


def record(number: int, **fields: object) -> dict[str, object]:
    when = START + timedelta(minutes=number)
    return {
        "eventID": f"id-{number}",
        "eventTime": f"{when:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "sourceIPAddress": "203.0.113.7",
        "userIdentity": {"type": "IAMUser", "userName": "alice"},
        **fields,
    }


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "archive"
    folder.mkdir()
    records = [record(0), record(1), record(1), record(200, eventName="CreateUser")]
    (folder / "a.json.gz").write_bytes(gzip.compress(json.dumps({"Records": records}).encode()))
    return folder


def run(*arguments: str) -> int:
    return main(["backtest", "--processes", "1", *arguments])


def test_it_tells_what_was_found(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--pack", "all", str(archive)) == 1
    told = capsys.readouterr()
    assert "P4 console-login: " in told.out or "console-login: " in told.out
    assert "2 matches, 1 alarm notified, 1 hidden while one was on" in told.out
    assert "principals alice 2" in told.out
    assert "4 records in 1 file:" in told.out
    assert "1 duplicate left out" in told.out
    assert "No match: " in told.out
    assert told.err == ""


def test_json(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "--detection", "console-login", "iam-user-created", str(archive)) == 1
    told = json.loads(capsys.readouterr().out)
    assert [(one["id"], one["matches"]) for one in told["detections"]] == [
        ("console-login", 2),
        ("iam-user-created", 1),
    ]
    assert told["complete"] is True


def test_patterns_and_sources_without_marks(
    archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patterns = ['{ $.eventName = "Create*" }', "alice"]
    assert run("--json", "--pattern", *patterns, str(archive), str(archive / "a.json.gz")) == 1
    told = json.loads(capsys.readouterr().out)
    assert [one["matches"] for one in told["detections"]] == [1, 3]
    assert told["files"] == 2


def test_a_folder_without_archives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "trail.log").write_text("{}")
    assert run(str(tmp_path)) == 0
    assert "Nothing was there to read: folders and buckets give *.json," in capsys.readouterr().err


def test_nothing_matches(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--pattern", '{ $.eventName = "Nothing" }', str(archive)) == 0
    assert run("--since", "1d", "--pack", "all", str(archive)) == 0
    assert "0 matches" in capsys.readouterr().out


def test_bad_files_are_told_at_the_end(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (archive / "b.json.gz").write_bytes((archive / "a.json.gz").read_bytes()[:-30])
    (archive / "c.jsonl").write_text("\x1b[2Jnonsense\n")
    assert run("--pack", "all", str(archive)) == 1
    told = capsys.readouterr()
    assert "b.json.gz: the gzip data is cut off" in told.err
    assert "c.jsonl: record 1: it is not a JSON object" in told.err
    assert "\x1b" not in told.out + told.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--pack", "all"], "No SOURCE"),
        (["/nowhere"], "no file or folder /nowhere"),
        (["--since", "soon", "."], "--since soon"),
        (["--pattern", "{ $.a = ", "."], "must end with '}'"),
        (["--pattern", "root-usage", "."], "Write --detection root-usage."),
        (["--pattern", "root-usagee", "."], "Did you mean root-usage"),
        (["--processes", "0", "."], "--processes"),
    ],
)
def test_usage(
    archive: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["backtest", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_unknown_names(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--detection", "console-logins", ".") == 2
    assert "Did you mean" in capsys.readouterr().err


def test_strangers_text_moves_no_cursor() -> None:
    assert clean("a\x1b[2J\u202eb\nc") == "a\ufffd[2J\ufffdb\ufffdc"
    assert len(clean("x" * 1000)) == 121


def test_since() -> None:
    now = datetime(2025, 3, 15, tzinfo=UTC)
    assert parse_since("14d", now) == datetime(2025, 3, 1, tzinfo=UTC)
    assert parse_since("90m", now) == now - timedelta(minutes=90)
    assert parse_since("2025-03-01", now) == datetime(2025, 3, 1, tzinfo=UTC)
    for text in ("", "14", "d", "14d ago", "2025-13-01"):
        with pytest.raises(UsageError):
            parse_since(text, now)


def test_histogram() -> None:
    hours = [(START, 1), (START + timedelta(hours=2), 8)]
    assert histogram(hours).startswith("▁·█ from 2025-03-03 10:00, 1 h each, at most 8")
    assert "2 days each" in histogram([(START, 1), (START + timedelta(days=130), 1)])


def test_ctrl_c_shows_what_there_is(archive: Path) -> None:
    """On a terminal there is a line of progress; Ctrl-C goes to all its processes."""
    records = json.loads(gzip.decompress((archive / "a.json.gz").read_bytes()))["Records"]
    many = records * (5000 // len(records) + 1)
    big = archive / "b.json.gz"
    big.write_bytes(gzip.compress(json.dumps({"Records": many}).encode(), 1))
    # Half a minute of work, where nobody ends it.
    for number in range(2000):
        (archive / f"b{number:04}.json.gz").hardlink_to(big)
    terminal, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot.cli", "backtest", "--pack", "all", str(archive)],
        stdout=subprocess.PIPE,
        stderr=side,
        start_new_session=True,
        cwd=Path(__file__).resolve().parents[2],
        # A shell that runs the tests in the background has Ctrl-C ignored, and all below it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        os.close(side)
        shown = b""
        deadline = time.monotonic() + 60
        while b"(Ctrl-C" not in shown and time.monotonic() < deadline:
            shown += os.read(terminal, 4096)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout is not None
        out = process.stdout.read().decode()
        assert process.wait(60) == 130
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        os.close(terminal)
    assert "Stopped before the end" in out
    assert b"files" in shown
