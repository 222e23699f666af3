"""The audit log speaks in words: who, what, of what, and what came of it, one line each."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import handlers
from handlers.actions.table import ACTIONS
from handlers.audit import lines
from handlers.blocks.audit import AuditRow
from handlers.blocks.audit_words import WORDS, action_words
from handlers.modals.table import MODALS
from trailwatch.alert import AlertAction
from trailwatch.store import audit
from trailwatch.store.audit import AuditEntry

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def entry(minutes: int, action: str, subject: str, outcome: str, **detail: str) -> AuditEntry:
    at = NOW + timedelta(minutes=minutes)
    return AuditEntry(at, "U1", "alice", "C1", action, subject, outcome, detail)


def rows(house: Any, *entries: AuditEntry) -> list[AuditRow]:
    with house.deps.db.reading() as tx:
        return lines(tx, list(reversed(entries)), 30)


def said(row: AuditRow) -> tuple[str, str, str, str]:
    return row.who, row.what, row.target, row.outcome


def test_what_was_asked_and_what_came_of_it_are_one_line(house: Any) -> None:
    found = rows(
        house,
        entry(0, "alert.close", "Root login", "asked", of="act:1"),
        entry(1, "alert.acknowledge", "Root login", "asked", of="act:2"),
        entry(2, "alert.note", "Root login", "asked", of="change:note:3"),
        entry(3, "alert.close", "Root login", "done", of="act:1"),
        entry(4, "alert.acknowledge", "Root login", "failed", of="act:2", why="Not allowed."),
    )
    assert [said(row) for row in found] == [
        ("alice", "add a note", "Root login", "under way"),
        ("alice", "acknowledge", "Root login", "failed: Not allowed."),
        ("alice", "close", "Root login", "done"),
    ]
    assert found[-1].at == NOW, "the time is that of the click"


def test_a_plan_with_all_its_changes_is_one_line(house: Any) -> None:
    plan = {"plan": "k3v9", "access_key": "ASIAEXAMPLE"}
    found = rows(
        house,
        entry(0, "setup.apply", "plan k3v9", "refused", why="You proposed it."),
        entry(1, "setup.apply", "plan k3v9", "started"),
        entry(2, "setup.create", "metric_filter:trailwatch-root", "done", **plan),
        entry(2, "setup.create", "alarm:trailwatch-root", "failed", **plan),
        entry(3, "setup.apply", "plan k3v9", "failed", why="the yearly audit"),
        entry(4, "setup.apply", "plan zzzz", "started"),
    )
    assert [said(row) for row in found] == [
        ("alice", "apply the plan", "plan zzzz", "under way"),
        ("alice", "apply the plan", "plan k3v9", "failed, 1 of 2 changes done"),
        ("alice", "apply the plan", "plan k3v9", "refused"),
    ]


def test_a_mute_is_one_line_and_proofs_are_none(house: Any) -> None:
    found = rows(
        house,
        entry(0, "alarm.mute", "root-usage", "asked", of="mute:1", why="the audit"),
        entry(0, "alarm.mute", "root-usage", "started", of="mute:1", deed="mute"),
        entry(1, "alarm.mute", "root-usage", "done", of="mute:1"),
        entry(2, "alarm.unmute", "root-usage", "started", of="unmute:1", deed="unmute"),
    )
    assert [said(row)[1:] for row in found] == [("mute the alarm", "root-usage", "done")]


def test_an_id_that_says_nothing_is_not_shown(house: Any) -> None:
    (row,) = rows(house, entry(0, "alert.acknowledge", "0123456789abcdef", "refused"))
    assert said(row) == ("alice", "acknowledge", "", "refused")
    (row,) = rows(house, entry(0, "drift.accept", "log_group:/trailwatch/cloudtrail", "done"))
    assert said(row)[2] == "log group /trailwatch/cloudtrail"


def test_a_refused_command_is_shown_as_it_was_typed(house: Any) -> None:
    assert action_words("setup plan") == "/trailwatch setup plan"
    with pytest.raises(Exception, match="admin"):
        house.command("setup plan --pack cis", user="U0CAROL")
    shown = json.dumps(house.command("audit").blocks)
    assert "/trailwatch setup plan" in shown and "refused" in shown


def test_what_a_job_answered_is_said(house: Any) -> None:
    house.command("setup lint")
    shown = json.dumps(house.command("audit").blocks)
    assert "lint the pipeline" in shown and "answered" in shown and "asked for" not in shown


def actions_in_the_code() -> Iterator[str]:
    """What is written into the log, wherever the code names it by a literal."""
    names = {"note", "noted", "start", "_start", "_ignore"}
    for path in Path(handlers.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            if not isinstance(called, ast.Name) or called.id not in names:
                continue
            assert isinstance(node, ast.Call)
            for one in node.args[2:6]:
                text = one.value if isinstance(one, ast.Constant) else ""
                if isinstance(text, str) and "." in text and " " not in text:
                    yield text
                    break


def test_there_are_words_for_everything_that_is_written_down() -> None:
    wanted = {*actions_in_the_code(), *(one.id for one in ACTIONS), *(one.id for one in MODALS)}
    wanted |= {f"alert.{one.value}" for one in AlertAction}
    wanted |= {"setup.create", "setup.update", "setup.delete", "setup.apply", "alarm.mute"}
    assert len(wanted) > 50
    assert wanted - WORDS.keys() == set()
    assert not [words for words in WORDS.values() if "." in words or "_" in words]


def test_the_list_and_home_show_the_same_words(house: Any) -> None:
    with house.deps.db.transaction() as tx:
        now = house.deps.clock()
        asked = AuditEntry(
            now, "U1", "bob", "C1", "alert.snooze", "Root login", "asked", {"of": "x"}
        )
        audit.add(tx, asked)
        audit.add(
            tx, AuditEntry(now, "", "bob", "", "alert.snooze", "Root login", "done", {"of": "x"})
        )
    for shown in (json.dumps(house.command("audit").blocks), house.home()):
        assert "snooze" in shown and "alert.snooze" not in shown and "asked" not in shown
