"""An account without a pipeline: what is asked of it says so, instead of that all is well."""

from __future__ import annotations

from typing import Any

import pytest

from trailwatch.errors import NotFound

NOTHING = "Nothing is set up in main yet: /trailwatch setup plan shows what would be made."


@pytest.mark.parametrize("command", ["pattern test iam-user-created", "coverage", "setup status"])
def test_nothing_is_set_up(house: Any, command: str) -> None:
    house.command(command)
    assert house.told()[-1]["text"] == NOTHING


def test_a_backtest_without_an_archive_gives_no_all_clear(house: Any) -> None:
    house.command("backtest")
    assert house.messages("backtest:")[-1]["text"] == NOTHING


def test_the_first_plan_changes_no_option_that_never_stood(house: Any) -> None:
    house.command("setup plan --pack cis")
    said = str(house.messages("plan:")[0]["blocks"])
    assert "pack: " in said and "'cis'" in said
    assert "walkthrough" not in said


def test_a_detections_id_searches_with_its_pattern(house: Any) -> None:
    house.set_up()
    house.command("pattern test iam-user-created --since 7d")
    told = house.told()[-1]
    assert told["text"] == "0 events match the pattern of the detection `iam-user-created`."
    assert "CreateUser" in str(told["blocks"])


@pytest.mark.parametrize("command", ["setup plan --add qqq", "routes qqq", "detections qqq"])
def test_an_unknown_id_does_not_list_a_part_as_if_it_were_all(house: Any, command: str) -> None:
    with pytest.raises(NotFound, match=r"and \d\d more: /trailwatch detections\."):
        house.command(command)
