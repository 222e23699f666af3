"""A team's own detections join the catalogue; what is wrong with a file is told by file and key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailwatch.detections import Exempt, load_catalogue, parse_detection
from trailwatch.errors import ConfigError

OURS = load_catalogue()
TEXT = """
id = "mine"
title = "Mine"
severity = "P4"
kind = "detection"
pattern = '{ $.eventName = "X" }'
why = "w"
runbook = "r"
noise = "n"
references = ["R"]
exempt = ["deploy_roles", "break_glass_roles"]
period_seconds = 60
threshold = 1
[examples]
matches = ['{"eventName": "X"}']
near_misses = ['{"eventName": "Y"}']
"""


def _problems(folder: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigError, match="own detections") as caught:
        load_catalogue(folder)
    return caught.value.problems


def test_own_detections_join_all_and_own(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(TEXT)
    (tmp_path / "notes.md").write_text("not a detection")
    catalogue = load_catalogue(tmp_path)
    assert catalogue.packs["own"] == ("mine",)
    assert catalogue.packs["all"] == (*OURS.packs["all"], "mine")
    assert catalogue.packs["recommended"] == OURS.packs["recommended"]
    assert catalogue["mine"].exempt == (Exempt.DEPLOY_ROLES, Exempt.BREAK_GLASS_ROLES)


def test_an_empty_folder_adds_nothing(tmp_path: Path) -> None:
    catalogue = load_catalogue(tmp_path)
    assert len(catalogue) == len(OURS)
    assert catalogue.packs["own"] == ()


def test_without_a_folder_there_is_no_pack_of_ones_own() -> None:
    assert "own" not in OURS.packs


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    (problem,) = _problems(tmp_path / "none")
    assert "there is no such folder" in problem


def test_an_id_of_the_catalogue_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root-usage.toml").write_text(TEXT.replace('"mine"', '"root-usage"'))
    assert _problems(tmp_path) == ("root-usage.toml: id: the catalogue has 'root-usage' already",)


def test_own_packs_are_refused(tmp_path: Path) -> None:
    (tmp_path / "packs.toml").write_text("few = []")
    (problem,) = _problems(tmp_path)
    assert problem.startswith("packs.toml: own packs are not read")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            '["deploy_roles", ',
            '["deployers", ',
            "mine.toml: exempt: must be a list of deploy_roles",
        ),
        ('exempt = ["deploy_roles", "break_glass_roles"]', "exempt = 3", "mine.toml: exempt: must"),
        ('id = "mine"', f'id = "{"m" * 101}"', "mine.toml: id: must have 100 characters at most"),
        ('id = "mine"', 'id = "Mine"', "mine.toml: id: must be lower-case words"),
        ('title = "Mine"', "title = [", "mine.toml: not TOML"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in TEXT
    (tmp_path / "mine.toml").write_text(TEXT.replace(old, new))
    assert any(one.startswith(problem) for one in _problems(tmp_path))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"eventName": "Y"}', '{"a":' + "[" * 5_000 + "]" * 5_000 + "}"),
        ('title = "Mine"', "title = " + "[" * 5_000 + "]" * 5_000),
    ],
)
def test_what_is_nested_too_deeply_is_told(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "mine.toml").write_text(TEXT.replace(old, new))
    assert any("nested too deeply" in problem for problem in _problems(tmp_path))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
KEYS = ["id", "pattern", "severity", "kind", "references", "exempt", "threshold", "examples"]


@given(st.dictionaries(st.sampled_from([*KEYS, "period_seconds", "other"]), VALUES))
def test_any_values_are_a_detection_or_problems(changed: dict[str, Any]) -> None:
    problems: list[str] = []
    found = parse_detection("mine.toml", {**tomllib.loads(TEXT), **changed}, problems)
    assert (found is None) is bool(problems)
    assert all(problem.startswith("mine.toml: ") for problem in problems)


def test_all_wrong_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "other.toml").write_text("")
    files = {problem.split(":")[0] for problem in _problems(tmp_path)}
    assert files == {"mine.toml", "other.toml"}
