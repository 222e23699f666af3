"""What `setup status` says of problems, and how it says when something was."""

from __future__ import annotations

from handlers import samples
from handlers.blocks.status import status_message
from setup.status import ResourceState, ResourceStatus

FINE = ResourceStatus(
    "trail",
    "trailwatch",
    ResourceState.OK,
    facts={"latest delivery to S3": "2026-11-23T16:47:49.183Z", "logging": "yes"},
)
MUTED = ResourceStatus("mute_rule", "quiet", ResourceState.DIFFERS, "It mutes an alarm.")
GONE = ResourceStatus("alarm", "trailwatch-root", ResourceState.MISSING, "It does not exist.")


def test_the_command_that_mends_is_one_that_holds_the_problem() -> None:
    plan = status_message((FINE, GONE), "main", samples.NOW)
    assert "/trailwatch setup plan shows what mends it" in plan.text
    drift = status_message((FINE, GONE, MUTED), "main", samples.NOW, several=True)
    assert "/trailwatch setup drift --site main shows what mends it" in drift.text
    assert "setup plan" not in str(drift.blocks)


def test_moments_are_written_for_people() -> None:
    said = str(status_message((FINE,), "main", samples.NOW).blocks)
    assert "latest delivery to S3: 2026-11-23 16:47 UTC, logging: yes" in said
