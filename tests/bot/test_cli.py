"""The command line as a person meets it: exit codes, carets, and errors that say how to mend."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
GOOD = '{ ($.eventName = "CreateUser") && ($.errorCode NOT EXISTS) }'


def test_help_names_every_command(trailwatch_process: Run) -> None:
    done = trailwatch_process("--help")
    assert done.returncode == 0
    for command in ("serve", "sandbox", "doctor", "manifest", "permissions", "pattern"):
        assert command in done.stdout


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["pattern"], ["sandbox", "--port", "x"]])
def test_what_is_not_understood_is_2(arguments: list[str], trailwatch: Run) -> None:
    done = trailwatch(*arguments)
    assert done.returncode == 2
    assert "usage: trailwatch" in done.stderr


def test_a_pattern_that_is_taken_is_0(trailwatch: Run) -> None:
    done = trailwatch("pattern", "check", GOOD)
    assert (done.returncode, done.stderr) == (0, "")
    assert "takes this pattern" in done.stdout


def test_a_pattern_that_is_not_taken_is_1_with_a_caret(trailwatch: Run) -> None:
    pattern = '{ ($.eventName = "CreateUser") &&& ($.errorCode = 1) }'
    done = trailwatch("pattern", "check", pattern)
    assert done.returncode == 1
    shown, caret, *why = done.stdout.splitlines()
    assert shown == pattern
    assert caret.strip() == "^"
    assert "&&&"[0] == shown[caret.index("^")]
    assert any(why)


def test_lines_that_match(trailwatch: Run, tmp_path: Path) -> None:
    lines = [json.dumps({"eventName": name}) for name in ("CreateUser", "ListUsers")]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    for done in (
        trailwatch("pattern", "test", GOOD, "log.jsonl"),
        trailwatch("pattern", "test", GOOD, given="\n".join(lines)),
    ):
        assert done.returncode == 0
        assert done.stdout.splitlines() == lines[:1]
        assert "1 of 2" in done.stderr


def test_a_file_that_is_not_there_is_2(trailwatch: Run) -> None:
    done = trailwatch("pattern", "test", GOOD, "absent.jsonl")
    assert done.returncode == 2
    assert "absent.jsonl" in done.stderr


def test_serve_without_settings_names_all_that_is_missing(trailwatch_process: Run) -> None:
    done = trailwatch_process("serve")
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("  - ")]
    assert len(lines) >= 6
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_CHANNEL", "OPSGENIE_API_KEY"):
        (line,) = (one for one in lines if name in one)
        assert " is missing: " in line
    assert "Traceback" not in done.stderr


def test_http_without_a_signing_secret_does_not_start(trailwatch: Run) -> None:
    done = trailwatch("serve", env={"SLACK_MODE": "http"})
    assert done.returncode == 2
    assert "SLACK_SIGNING_SECRET" in done.stderr


def test_a_disk_that_is_lost_needs_postgresql(trailwatch: Run) -> None:
    done = trailwatch("serve", "--no-local-state")
    assert done.returncode == 2
    assert "DATABASE_URL" in done.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[slack]\nchanel = 'C1'\n", "did you mean slack.channel"),
        ("[slack\n", "trailwatch.toml"),
        ("[digest]\nhour = 25\n", "TRAILWATCH_DIGEST_HOUR"),
        ("[digest]\ntimezone = 'Mars/Olympus'\n", "TRAILWATCH_DIGEST_TIMEZONE"),
        ("[aws]\nsetup_role_arn = 'trailwatch'\n", "must be a role's ARN"),
        ("[access]\nadmins = ['U1']\nroot = true\n", "access.root"),
    ],
)
def test_a_bad_trailwatch_toml_is_2(
    content: str, said: str, trailwatch: Run, tmp_path: Path
) -> None:
    (tmp_path / "trailwatch.toml").write_text(content)
    done = trailwatch("doctor")
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_misspelt_variable_is_2(trailwatch: Run) -> None:
    done = trailwatch("doctor", env={"TRAILWATCH_ADMIN": "U1"})
    assert done.returncode == 2
    assert "did you mean TRAILWATCH_ADMINS" in done.stderr


def test_a_config_that_is_not_there_is_2(trailwatch: Run) -> None:
    done = trailwatch("doctor", "--config", "absent.toml")
    assert done.returncode == 2
    assert "absent.toml" in done.stderr


def test_a_provider_that_fails_is_3(trailwatch_process: Run, environment: dict[str, str]) -> None:
    done = trailwatch_process(
        "serve", env={**environment, "DATABASE_URL": "postgres://127.0.0.1:1/none"}
    )
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_the_sandbox_refuses_a_port_that_is_taken(trailwatch_process: Run, services: Any) -> None:
    port = services.slack.api_url.split(":")[2].split("/")[0]
    done = trailwatch_process("sandbox", "--headless", "--port", port)
    assert done.returncode == 2
    assert "--port" in done.stdout + done.stderr


def test_the_sandbox_refuses_a_replay_that_is_not_there(trailwatch_process: Run) -> None:
    done = trailwatch_process("sandbox", "--headless", "--replay", "absent.json.gz")
    assert done.returncode == 2
    assert "absent.json.gz" in done.stdout + done.stderr


def test_manifest_for_http_needs_the_address(trailwatch: Run) -> None:
    done = trailwatch("manifest", "--http")
    assert done.returncode == 2
    assert "--url" in done.stderr
