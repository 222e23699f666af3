"""Knows what happens by itself, and when. Runs nothing: bot.scheduler does."""

from __future__ import annotations

from bot.scheduler import Daily, Every, ScheduleEntry
from bot.settings import Settings

RECONCILE_SECONDS = 60
"""How often the open alerts are compared with the on-call service's."""

CATCH_UP_SECONDS = 300
"""How often CloudWatch is asked for alarms of which SNS told nothing, for sites without an on-call
service."""


def schedule(settings: Settings) -> tuple[ScheduleEntry, ...]:
    """What happens by itself, and when."""
    minutes = settings.drift_minutes
    drift = (ScheduleEntry("drift", Every(minutes * 60), "setup.drift"),) if minutes else ()
    return (
        *drift,
        ScheduleEntry("prune", Daily(3, 30), "store.prune"),
        ScheduleEntry("catch up", Every(CATCH_UP_SECONDS), "direct.catch_up"),
        ScheduleEntry("reconcile", Every(RECONCILE_SECONDS), "alert.reconcile"),
        ScheduleEntry(
            "digest",
            Daily(settings.digest_hour, 0, settings.digest_timezone),
            "digest.post",
            {},
        ),
    )
