"""The Slack app's manifest: valid, and with a scope for every method that the bot calls."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bot.manifest import EVENTS, NO_SCOPE, SCOPES, THREADS, manifest
from sandbox.slack.scopes import NEEDED

ROOT = Path(__file__).resolve().parents[2]
FOR_PEOPLE = {"conversations.open"}
"""What the sender would call for a message to a person; the product sends none, and the app's
Messages tab is off."""


@pytest.fixture
def schema(shared: Path) -> dict[str, Any]:
    file = shared / "checks" / "manifest" / "manifest.schema.2.0.0.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("arguments", [[], ["--http", "--url", "https://bot.example.com"]])
def test_it_is_valid(
    arguments: list[str], schema: dict[str, Any], trailwatch: Callable[..., Any]
) -> None:
    done = trailwatch("manifest", *arguments)
    assert done.returncode == 0, done.stderr
    jsonschema.validate(json.loads(done.stdout), schema)


def test_socket_mode_needs_no_address() -> None:
    assert "http" not in json.dumps(manifest())
    assert manifest()["settings"]["socket_mode_enabled"]


def test_http_mode_names_one_address_everywhere() -> None:
    made = manifest(socket_mode=False, public_url="https://bot.example.com")
    addresses = set(re.findall(r'"(https://[^"]+)"', json.dumps(made)))
    assert addresses == {"https://bot.example.com/slack/events"}
    assert not made["settings"]["socket_mode_enabled"]


def client_calls() -> Iterator[str]:
    """The Web API methods that the code names: `client.auth_test`, "chat.postMessage", …"""
    known = {name.replace(".", "_").lower(): name for name in (*NEEDED, *NO_SCOPE)}
    known |= {"views_open": "views.open", "blocks_validate": "blocks.validate"}
    for file in (*(ROOT / "bot").glob("*.py"), *(ROOT / "handlers").rglob("*.py")):
        if file.name == "manifest.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr.lower() in known:
                yield known[node.attr.lower()]
            if isinstance(node, ast.Constant) and node.value in {*NEEDED, *NO_SCOPE}:
                yield str(node.value)


def test_every_method_that_the_code_names_has_its_scope() -> None:
    used = set(client_calls())
    assert {"chat.postMessage", "chat.update", "conversations.history", "users.info"} <= used
    without = [m for m in used if m in NEEDED and not set(NEEDED[m]) & set(SCOPES)]
    assert set(without) <= FOR_PEOPLE
    home = manifest()["features"]["app_home"]
    assert home["messages_tab_enabled"]  # "Was this you?" comes there
    assert home["messages_tab_read_only_enabled"]


def test_what_people_write_is_heard_only_where_it_becomes_notes() -> None:
    def events(*, thread_notes: bool) -> list[str]:
        made = manifest(thread_notes=thread_notes)
        return list(made["settings"]["event_subscriptions"]["bot_events"])

    assert events(thread_notes=False) == ["app_home_opened"]
    assert events(thread_notes=True)[1:] == ["message.channels", "message.groups"]


def test_no_scope_is_asked_for_in_vain() -> None:
    used = set(client_calls())
    declared = {scope: set(methods) for scope, methods in SCOPES.items()}
    assert {scope for scope, methods in declared.items() if methods and not methods & used} == set()
    for scope, methods in declared.items():
        assert all(scope in NEEDED[method] for method in methods), scope


def test_the_bot_subscribes_to_what_it_handles() -> None:
    source = (ROOT / "bot" / "slack_app.py").read_text(encoding="utf-8")
    handled = set(re.findall(r"""\.event\(\s*["']([a-z_]+)["']""", source))
    assert set(EVENTS) <= handled | {"app_home_opened"}
    assert handled <= {*EVENTS, *(event.split(".")[0] for event in THREADS)}
