"""The evaluator agrees with the recorded and documented answers of the real service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trailwatch.pattern import PatternError, parse


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    try:
        pattern = parse(row["pattern"])
    except PatternError as error:
        return {"error": str(error)}
    values = pattern.extract(row["event"]) if "event" in row else None
    matched = pattern.matches(row["event"]) if "event" in row else None
    return {"match": matched, "values": values}


def _agrees(row: dict[str, Any], answer: dict[str, Any]) -> bool:
    if "error" in row:
        return "error" in answer and row.get("message") in (None, answer["error"])
    if answer.get("match") is not row["match"] or (answer["values"] is None) is row["match"]:
        return False
    return not row["match"] or row.get("values") in (None, answer["values"])


def test_every_recorded_answer_is_given(shared: Path) -> None:
    file = shared / "data" / "filter-vectors.jsonl"
    if not file.exists():
        pytest.skip("no recorded answers beside the project")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    wrong = [(row, answer) for row in rows if not _agrees(row, answer := _answer(row))]
    assert len(rows) >= 600
    assert wrong == []
