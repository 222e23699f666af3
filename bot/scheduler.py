"""Adds the jobs of schedules when they are due: once among all replicas. Does no job itself.

APScheduler is the clock only. Its own job stores must not be shared between two schedulers (its
maintainer in agronholm/apscheduler#231), so what is due and what was met is kept in our store.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from bot.counters import Counters
from trailwatch.clock import Clock
from trailwatch.errors import ConfigError, ProviderError
from trailwatch.store import ticks
from trailwatch.store.database import Database

log = logging.getLogger(__name__)

_LOOK_BACK = timedelta(days=40)
"""How far back the newest missed time of a calendar is looked for."""
_CHECK = 30.0
"""Seconds after which everything is checked anyway: for a clock that was set, or a database
that was away when something was due."""


@dataclass(frozen=True)
class Daily:
    """At a time of the day in a time zone; day_of_week as in APScheduler, e.g. "mon-fri"."""

    hour: int
    minute: int = 0
    timezone: str = "UTC"
    day_of_week: str = "*"


@dataclass(frozen=True)
class Every:
    """Every so many seconds, counted from the epoch, so that all replicas agree."""

    seconds: int


@dataclass(frozen=True)
class ScheduleEntry:
    """What is to be done when. name: stable; it is the key of what was done already."""

    name: str
    trigger: Daily | Every
    job_kind: str
    args: Mapping[str, Any] = field(default_factory=dict)


class Schedules:
    """The schedules of a process. Every replica runs them all; each due time is met once."""

    def __init__(self, database: Database, clock: Clock, entries: Sequence[ScheduleEntry]) -> None:
        """Raises ConfigError for a trigger that cannot be."""
        names = [entry.name for entry in entries]
        if len(set(names)) < len(names):
            raise ConfigError("Two schedules have the same name.", ", ".join(sorted(names)))
        self._db = database
        self._clock = clock
        self._entries = tuple(entries)
        self._calendars = {entry.name: _Calendar(entry.trigger) for entry in entries}
        self._counters = Counters()
        self._scheduler = BackgroundScheduler(
            timezone=UTC, executors={"default": ThreadPoolExecutor(1)}
        )

    def start(self) -> None:
        """Note new schedules, catch up the newest missed time of each, and go on by the clock.

        A schedule that was never seen before waits for its first time. Raises ProviderError
        where the store does not answer.
        """
        self._note()
        self.run_due()
        for entry in self._entries:
            self._scheduler.add_job(
                self._when_due,
                self._calendars[entry.name].as_trigger(),
                name=entry.name,
                args=(entry,),
                misfire_grace_time=None,
                coalesce=True,
            )
        self._scheduler.add_job(
            self._check,
            "interval",
            seconds=_CHECK,
            name="check",
            misfire_grace_time=None,
            coalesce=True,
        )
        self._scheduler.start()

    def stop(self) -> None:
        """Stop the clock, and wait for what it just began."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def run_due(self) -> list[str]:
        """Add the jobs of all schedules that are due now; the names of those added here."""
        return [entry.name for entry in self._entries if self._meet(entry)]

    def next_times(self) -> dict[str, datetime]:
        """When each schedule is due next, in UTC."""
        with self._db.reading() as tx:
            found = {entry.name: ticks.next_due(tx, entry.name) for entry in self._entries}
        return {name: due for name, due in found.items() if due is not None}

    def metrics(self) -> dict[str, float]:
        """Counters since the start."""
        return self._counters.read()

    def _note(self) -> None:
        now = self._clock()
        with self._db.transaction() as tx:
            for entry in self._entries:
                following = self._calendars[entry.name].after(now)
                ticks.ensure(tx, entry.name, repr(entry.trigger), following)

    def _meet(self, entry: ScheduleEntry) -> bool:
        with self._db.transaction() as tx:
            met = ticks.meet(
                tx,
                entry.name,
                self._clock(),
                self._calendars[entry.name].newest,
                kind=entry.job_kind,
                args=entry.args,
            )
        if met is None:
            return False
        log.info("schedule %s: due %s", entry.name, met.isoformat())
        self._counters.add("ticks_total")
        return True

    def _when_due(self, entry: ScheduleEntry) -> None:
        try:
            self._meet(entry)
        except ProviderError as error:
            # The check that follows meets it.
            log.warning("schedule %s was not met in time: %s", entry.name, error)

    def _check(self) -> None:
        for entry in self._entries:
            self._when_due(entry)


class _Calendar:
    """The due times of a trigger."""

    def __init__(self, trigger: Daily | Every) -> None:
        self._every: timedelta | None = None
        if isinstance(trigger, Every):
            if trigger.seconds < 1:
                raise ConfigError("A schedule must have at least one second between its times.")
            self._every = timedelta(seconds=trigger.seconds)
            return
        try:
            self._cron = CronTrigger(
                hour=trigger.hour,
                minute=trigger.minute,
                second=0,
                day_of_week=trigger.day_of_week,
                timezone=ZoneInfo(trigger.timezone),
            )
        except (ValueError, KeyError, OSError) as error:
            raise ConfigError(
                f"A schedule cannot be read: {trigger}.",
                str(error),
                "Give hour and minute as numbers, and a time zone such as Europe/Zurich.",
            ) from error
        if self._cron.get_next_fire_time(None, datetime(2025, 1, 1, tzinfo=UTC)) is None:
            raise ConfigError(f"A schedule has no times: {trigger}.")

    def after(self, moment: datetime) -> datetime:
        """The first due time after `moment`."""
        if self._every is not None:
            steps = (moment - _EPOCH) // self._every + 1
            return _EPOCH + steps * self._every
        found = self._cron.get_next_fire_time(None, moment + timedelta(microseconds=1))
        assert isinstance(found, datetime)
        if found.fold:
            # The hour that clocks go back to comes a second time.
            return self.after(found.astimezone(UTC))
        return found.astimezone(UTC)

    def newest(self, due: datetime, now: datetime) -> tuple[datetime, datetime]:
        """The newest due time up to `now`, at least `due`, and the first one after it."""
        if self._every is not None:
            following = self.after(now)
            return max(due, following - self._every), following
        # A due time as old as this is met itself.
        met = due
        following = self.after(max(due, now - _LOOK_BACK))
        while following <= now:
            met, following = following, self.after(following)
        return met, following

    def as_trigger(self) -> Any:
        """The same times for APScheduler."""
        if self._every is None:
            return self._cron
        from apscheduler.triggers.interval import IntervalTrigger

        return IntervalTrigger(
            seconds=int(self._every.total_seconds()), start_date=_EPOCH, timezone=UTC
        )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
