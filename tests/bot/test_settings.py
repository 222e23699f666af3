from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.settings import NOT_SETTINGS, read_settings, require, settings_table
from trailwatch.errors import ConfigError

ENOUGH = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_APP_TOKEN": "xapp-1",
    "SLACK_CHANNEL": "C1",
    "OPSGENIE_API_KEY": "key",
    "TRAILWATCH_PUBLIC_URL": "https://bot.example.com/",
    "TRAILWATCH_SECRET_KEY": "0123456789abcdef",
    "TRAILWATCH_ADMINS": "U1, U2",
}


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "trailwatch.toml"
    file.write_text(
        '[slack]\nchannel = "C9"\n[digest]\nhour = 7\n[access]\nadmins = ["U7", "U8"]\n'
    )
    settings = read_settings({"SLACK_CHANNEL": "C1"}, file)
    assert (settings.slack_channel, settings.digest_hour) == ("C1", 7)
    assert settings.admins == ("U7", "U8")


def test_enough_to_start() -> None:
    settings = read_settings(ENOUGH)
    require(settings)
    assert settings.public_url == "https://bot.example.com"
    assert settings.admins == ("U1", "U2")
    assert settings.slack_api_base_url == "https://slack.com/api/"


@pytest.mark.parametrize("missing", ENOUGH)
def test_what_is_missing_is_told_in_one_line_each(missing: str) -> None:
    settings = read_settings({k: v for k, v in ENOUGH.items() if k != missing})
    with pytest.raises(ConfigError) as caught:
        require(settings)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(f"{missing} is missing: ")


def test_http_needs_a_signing_secret() -> None:
    settings = read_settings({**ENOUGH, "SLACK_MODE": "http"})
    with pytest.raises(ConfigError) as caught:
        require(settings)
    assert caught.value.problems[0].startswith("SLACK_SIGNING_SECRET is missing")


def test_unknown_and_unreadable_keys_are_errors(tmp_path: Path) -> None:
    file = tmp_path / "trailwatch.toml"
    file.write_text('[slack]\nchanel = "C9"\n')
    environ = {"TRAILWATCH_ADMIN": "U1", "PORT": "http", "TRAILWATCH_DIGEST_HOUR": "25"}
    with pytest.raises(ConfigError) as caught:
        read_settings(environ, file)
    told = "\n".join(caught.value.problems)
    assert "slack.chanel: no such setting; did you mean slack.channel" in told
    assert "TRAILWATCH_ADMIN: no such setting; did you mean TRAILWATCH_ADMINS" in told
    assert "PORT is 'http'" in told
    assert "TRAILWATCH_DIGEST_HOUR" in told


def test_what_tests_read_of_the_environment_is_no_unknown_setting() -> None:
    files = Path(__file__).resolve().parents[1].rglob("*.py")
    asked = re.compile(r'environ\.get\("(TRAILWATCH_\w+)"')
    read = {name for file in files for name in asked.findall(file.read_text("utf-8"))}
    assert read == NOT_SETTINGS
    assert read_settings(dict.fromkeys(read, "2"), None) == read_settings({}, None)


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "trailwatch.toml"
    file.write_text("= no toml")
    with pytest.raises(ConfigError) as caught:
        read_settings({}, file)
    assert "trailwatch.toml" in caught.value.problems[0]


def test_secrets_are_not_shown() -> None:
    shown = str(read_settings(ENOUGH).public())
    for secret in ("xoxb-1", "xapp-1", "0123456789abcdef"):
        assert secret not in shown


def test_the_table_lists_every_setting() -> None:
    assert settings_table().count("\n") >= 30


def test_a_second_person_is_asked_for_by_either_spelling(tmp_path: Path) -> None:
    file = tmp_path / "trailwatch.toml"
    file.write_text("[access]\nsecond_person = true\n")
    assert read_settings({}, file).second_person is True
    assert read_settings({"TRAILWATCH_SECOND_PERSON": "Yes"}).second_person is True
    assert read_settings({}).second_person is False
    with pytest.raises(ConfigError) as caught:
        read_settings({"TRAILWATCH_SECOND_PERSON": "maybe"})
    assert "must be yes or no" in caught.value.problems[0]


def test_roles_are_given_by_ids_since_a_name_would_grant_nothing() -> None:
    given = "U0ALICE, <!subteam^S0ONCALL|@oncall> <@W0BOB>"
    found = read_settings({**ENOUGH, "TRAILWATCH_ADMINS": given})
    assert found.admins == ("U0ALICE", "S0ONCALL", "W0BOB")
    for name in ("@oncall", "oncall", "s0oncall", "C0ALERTS"):
        with pytest.raises(ConfigError) as raised:
            read_settings({**ENOUGH, "TRAILWATCH_RESPONDERS": name})
        (problem,) = raised.value.problems
        assert problem.startswith(f"TRAILWATCH_RESPONDERS is '{name}': {name} is no id")
