"""What /trailwatch coverage tells of the pipeline that stands, in private."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.journey


def test_coverage_is_told_in_private_also_to_a_viewer(world: Any) -> None:
    world.sandbox.command("coverage", user="carol")
    told = world.told("carol", "Coverage of main")
    assert told["ephemeral"]
    (table,) = (block for block in told["blocks"] if block["type"] == "table")
    assert len(table["rows"]) == 16
    # The pack `walkthrough` has none of the prescribed filters but that for refused calls.
    text = json.dumps(told["blocks"], ensure_ascii=False)
    assert "❌ not covered" in text
    assert "✅ covered" in text


def test_a_site_that_is_not_there_is_refused(world: Any) -> None:
    answer = world.sandbox.command("coverage --site mian")
    assert "main" in json.dumps(answer["ack"])
