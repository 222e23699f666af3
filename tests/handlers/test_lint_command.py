"""/trailwatch setup lint, from the typed command to the private answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.faults import Fault
from trailwatch.errors import NotFound

VIEWER = "U0CAROL"


def answered(house: Any) -> tuple[str, str]:
    """The last private answer: its text, and everything that its blocks say."""
    told = house.told()[-1]
    return told["text"], json.dumps(told["blocks"], ensure_ascii=False)


def test_an_empty_account_is_said(house: Any) -> None:
    reply = house.command("setup lint", user=VIEWER)
    assert reply.text == "Reading trails, filters, alarms and who is told…"
    assert answered(house)[0] == "Lint of main: nothing stands here yet."


def test_what_was_broken_is_told_with_why_and_mend(house: Any) -> None:
    house.set_up()
    house.command("setup lint")
    assert answered(house)[0] == "Lint of main: nothing to mend."
    house.client("cloudtrail").stop_logging(Name="trailwatch")
    house.command("setup lint --site main")
    text, blocks = answered(house)
    assert text == ("Lint of main: 1 error. The trail trailwatch is stopped: nothing is recorded.")
    assert "TW102" in blocks
    assert "stopping it is what an intruder does first" in blocks
    assert "aws cloudtrail start-logging" in blocks


def test_an_unknown_site_is_refused(house: Any) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        house.command("setup lint --site nowhere")


def test_an_aws_that_refuses_is_told(house: Any) -> None:
    house.faults.add(Fault("aws", "DescribeTrails", "status", 403))
    house.command("setup lint")
    assert "cloudtrail:DescribeTrails" in answered(house)[0]
