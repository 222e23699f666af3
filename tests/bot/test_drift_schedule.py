"""The check for drift by the clock: every quarter of an hour, or as the settings say, or never."""

from __future__ import annotations

import pytest

from bot.schedule import schedule
from bot.scheduler import Every, ScheduleEntry
from bot.settings import read_settings
from trailwatch.errors import ConfigError


def entries(**environ: str) -> list[ScheduleEntry]:
    made = schedule(read_settings({"SLACK_CHANNEL": "C1", **environ}))
    return [entry for entry in made if entry.job_kind == "setup.drift"]


def test_every_quarter_of_an_hour_unless_it_is_set_otherwise() -> None:
    (usual,) = entries()
    assert usual.trigger == Every(900) and usual.name == "drift"
    (often,) = entries(TRAILWATCH_DRIFT_MINUTES="1")
    assert often.trigger == Every(60)
    assert entries(TRAILWATCH_DRIFT_MINUTES="0") == []


def test_a_number_of_minutes_it_must_be() -> None:
    for wrong in ("-1", "x", "1441", "1.5"):
        with pytest.raises(ConfigError) as refused:
            entries(TRAILWATCH_DRIFT_MINUTES=wrong)
        assert "TRAILWATCH_DRIFT_MINUTES" in " ".join(refused.value.problems)
