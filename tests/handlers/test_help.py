"""/trailwatch help: the words of commands lead to them."""

from __future__ import annotations

from typing import Any

import pytest

from trailwatch.errors import NotFound


def test_a_word_within_a_commands_name_leads_to_it(house: Any) -> None:
    assert "/trailwatch setup drift" in house.command("help drift").text
    assert "/trailwatch setup plan" in house.command("help plan").text
    with pytest.raises(NotFound, match="Did you mean drift"):
        house.command("help drifft")
    with pytest.raises(NotFound, match="more: /trailwatch help"):
        house.command("help qqq")
