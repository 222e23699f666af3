"""doctor against running services: all well, and for each wrong setting the fix."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.doctor import Check, _days_left, examine
from bot.settings import read_settings
from bot.sites import site_template
from sandbox.faults import parse_fault
from trailwatch.clock import utc_now
from trailwatch.site_options import kept
from trailwatch.store import site_config
from trailwatch.store.database import open_database

Environment = Mapping[str, str]
SECRETS = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "OPSGENIE_API_KEY", "TRAILWATCH_SECRET_KEY")


def checks(environment: Environment, *, whole: bool = False, **changed: str) -> dict[str, Check]:
    """The checks by name; of several of one name the failing one.

    Only `whole` has those at the end: that Slack judges all our messages takes long.
    """
    found: dict[str, Check] = {}
    for check in examine(read_settings({**environment, **changed})):
        if check.name not in found or not check.ok:
            found[check.name] = check
        if check.name == "webhook address" and not whole:
            break
    return found


def failing(found: Mapping[str, Check]) -> dict[str, Check]:
    return {name: check for name, check in found.items() if not check.ok}


def test_all_is_well(environment: Environment) -> None:
    found = checks(environment, whole=True)
    assert failing(found) == {}
    assert {"settings", "store", "Slack", "Slack channel", "Slack Socket Mode", "AWS"} <= set(found)
    assert {"setup role", "Opsgenie alerts", "Opsgenie integrations"} <= set(found)
    assert "123456789012" in found["AWS"].detail


@pytest.mark.parametrize(
    ("setting", "value", "name", "said"),
    [
        ("SLACK_BOT_TOKEN", "xoxb-wrong", "Slack", "invalid_auth"),
        ("SLACK_BOT_TOKEN", "", "settings", "SLACK_BOT_TOKEN"),
        ("SLACK_APP_TOKEN", "xapp-wrong", "Slack Socket Mode", "invalid_auth"),
        ("SLACK_APP_TOKEN", "", "settings", "SLACK_APP_TOKEN"),
        ("SLACK_CHANNEL", "C0NOWHERE", "Slack channel", "channel_not_found"),
        ("SLACK_CHANNEL", "", "settings", "SLACK_CHANNEL"),
        ("OPSGENIE_API_KEY", "wrong", "Opsgenie alerts", ""),
        ("OPSGENIE_API_KEY", "", "settings", "OPSGENIE_API_KEY"),
        ("OPSGENIE_SETUP_API_KEY", "wrong", "Opsgenie integrations", ""),
        ("TRAILWATCH_PUBLIC_URL", "http://trailwatch.example.com", "webhook address", "https"),
        ("TRAILWATCH_PUBLIC_URL", "", "settings", "TRAILWATCH_PUBLIC_URL"),
        ("TRAILWATCH_SECRET_KEY", "short", "settings", "TRAILWATCH_SECRET_KEY"),
        ("TRAILWATCH_SECRET_KEY", "", "settings", "TRAILWATCH_SECRET_KEY"),
        ("TRAILWATCH_ADMINS", "", "settings", "TRAILWATCH_ADMINS"),
        ("DATABASE_URL", "sqlite:////nowhere/trailwatch.db", "store", "nowhere"),
        ("DATABASE_URL", "postgres://127.0.0.1:1/none", "store", ""),
    ],
)
def test_each_wrong_setting_is_told_with_its_fix(
    environment: Environment, setting: str, value: str, name: str, said: str
) -> None:
    failed = failing(checks(environment, **{setting: value}))
    assert name in failed
    assert said in f"{failed[name].detail} {failed[name].fix}"
    assert failed[name].fix
    told = " ".join(f"{check.detail} {check.fix}" for check in failed.values())
    assert [key for key in SECRETS if environment[key] in told] == []


def test_the_services_are_those_that_were_applied_not_those_of_the_settings(
    environment: Environment, tmp_path: Path
) -> None:
    """A site that moved uses what it moved to, whatever the settings began with."""
    url = f"sqlite:///{tmp_path / 'moved.db'}"
    settings = read_settings({**environment, "DATABASE_URL": url})
    template = site_template(settings, settings.sites[0])

    def apply(**chosen: str) -> dict[str, Check]:
        database = open_database(url)
        with database.transaction() as tx:
            body = json.dumps(kept(replace(template, **chosen), template))
            site_config.save(tx, template.site.name, body, "alice", utc_now())
        database.close()
        return checks(environment, whole=chosen["router"] == "opsgenie", DATABASE_URL=url)

    beside = apply(router="opsgenie", beside="jsm")
    assert {"Opsgenie's end", "Opsgenie alerts", "Jira Service Management"} <= set(beside)
    moved = apply(router="jsm", beside="")
    assert "Jira Service Management" in moved
    assert not {"Opsgenie alerts", "Opsgenie integrations"} & set(moved)
    without = checks(environment, DATABASE_URL=url, TRAILWATCH_PUBLIC_URL="")
    assert without["webhook address"].detail.startswith("Jira Service Management cannot reach")
    alone = apply(router="direct", beside="")
    assert "Opsgenie's end" not in checks(
        environment, whole=True, DATABASE_URL=url, SLACK_BOT_TOKEN=""
    )
    assert not {"Opsgenie alerts", "Jira Service Management"} & set(alone)
    assert "until 2027-04-05" in beside["Opsgenie's end"].detail


def test_without_its_key_a_service_is_not_asked(environment: Environment) -> None:
    missing = {"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": "", "OPSGENIE_API_KEY": ""}
    found = checks(environment, whole=True, **missing)
    assert {name: check.detail for name, check in found.items() if check.skipped} == {
        "Slack": "not checked: no token",
        "Slack channel": "not checked: no token",
        "Slack messages": "not checked: no token",
        "Slack Socket Mode": "not checked: no app-level token",
        "Opsgenie alerts": "not checked: no key",
    }
    assert set(failing(found)) == {"settings"}


def test_http_mode_asks_for_the_signing_secret(environment: Environment) -> None:
    failed = failing(checks(environment, SLACK_MODE="http"))
    assert "SLACK_SIGNING_SECRET" in failed["settings"].detail


def test_a_role_that_may_not_be_assumed_is_told(environment: Environment, services: Any) -> None:
    refuse = {"target": "aws", "match": "AssumeRole", "status": 403}
    services._faults.add(parse_fault(refuse))
    try:
        failed = failing(checks(environment))
    finally:
        services._faults.clear()
    assert set(failed) == {"setup role"}
    assert "sts:AssumeRole" in failed["setup role"].fix


def test_services_that_do_not_answer_are_all_told(environment: Environment) -> None:
    down = "http://127.0.0.1:1"
    found = checks(
        environment, SLACK_API_BASE_URL=f"{down}/api", AWS_ENDPOINT_URL=down, OPSGENIE_API_URL=down
    )
    failed = failing(found)
    assert {"Slack", "AWS", "Opsgenie alerts", "Opsgenie integrations"} <= set(failed)
    assert [name for name, check in failed.items() if not check.fix] == []


def test_the_command_prints_a_line_for_each_check(
    environment: Environment, trailwatch_process: Callable[..., Any]
) -> None:
    done = trailwatch_process("doctor", env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(line.startswith("ok") for line in done.stdout.splitlines())
    wrong = trailwatch_process("doctor", env={**environment, "SLACK_CHANNEL": "C0NOWHERE"})
    assert wrong.returncode == 1
    lines = wrong.stdout.splitlines()
    (failed,) = (n for n, line in enumerate(lines) if line.startswith("FAIL"))
    assert "Slack channel" in lines[failed]
    assert lines[failed + 1].startswith("      ")


@pytest.mark.parametrize(
    ("day", "ok", "said"),
    [
        ("2026-11-23T21:00:00", True, "133 days until 2027-04-05"),
        ("2027-04-04T23:59:00", True, "1 day until 2027-04-05"),
        ("2027-04-05T00:01:00", False, "its API ended today, on 2027-04-05"),
        ("2027-04-15T12:00:00", False, "its API ended 10 days ago, on 2027-04-05"),
    ],
)
def test_opsgenies_days_are_counted_also_after_them(day: str, ok: bool, said: str) -> None:
    found = _days_left(datetime.fromisoformat(f"{day}+00:00"), ["prod"])
    assert (found.ok, found.detail) == (ok, f"{said}, used by prod")
