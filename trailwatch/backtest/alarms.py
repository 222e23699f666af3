"""When CloudWatch would have raised an alarm on given matches. Pure; never sets an alarm's state.

Our alarms (setup.resources.alarm): the sum of a period against a threshold, 1 datapoint of as many
periods as fit into 15 minutes, missing data does not breach. CloudWatch evaluates them every
minute, over periods that end at that minute, so that the periods of a longer alarm slide along.
It counts an event in the minute in which it happened; that a record comes minutes later delays
an alarm and is left out. Source: "Alarm evaluation", Amazon CloudWatch user guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LOOK_BACK_MINUTES = 15
"""How far our alarms look back, in whole periods but at least one; see setup.resources.alarm."""


@dataclass(frozen=True)
class Raised:
    """An alarm: raised, and so notified, at the end of minute `start - 1`; OK again at `end`.

    Both are minutes since 1970. `events`: the matches of the period that raised it.
    """

    start: int
    end: int
    events: int


@dataclass(frozen=True)
class Simulation:
    """The alarms, in time; matches that came while one was on; matches too few to raise one."""

    alarms: tuple[Raised, ...]
    hidden: int
    below: int


def periods_of(period: int) -> int:
    """Over how many periods of so many minutes an alarm of ours looks back."""
    return max(1, -(-LOOK_BACK_MINUTES // period))


def simulate(minutes: Iterable[tuple[int, int]], period: int, threshold: int) -> Simulation:
    """The alarms on matches given as (minute since 1970, how many), in order, each minute once.

    period: of the alarm, in minutes.
    """
    counts = list(minutes)
    alarms: list[Raised] = []
    hidden = told = 0
    for stretch in _stretches(counts, period):
        found, behind = _within(stretch, period, threshold)
        alarms += found
        hidden += behind
        told += sum(alarm.events for alarm in found)
    total = sum(count for _, count in counts)
    return Simulation(tuple(alarms), hidden, max(0, total - hidden - told))


def _stretches(counts: Sequence[tuple[int, int]], period: int) -> Iterable[dict[int, int]]:
    """The matches, parted where no alarm can last from one part to the next."""
    reach = period * (periods_of(period) + 1)
    part: dict[int, int] = {}
    last = 0
    for minute, count in counts:
        if part and minute - last > reach:
            yield part
            part = {}
        part[minute] = count
        last = minute
    if part:
        yield part


def _within(counts: dict[int, int], period: int, threshold: int) -> tuple[list[Raised], int]:
    """The alarms of one stretch, and the matches that came while one was on."""
    reach = period * periods_of(period)
    first, last = min(counts), max(counts)
    # The last breaching datapoint of each grid of periods: those that end `period` apart.
    breached = [first - reach] * period
    alarms: list[Raised] = []
    hidden = current = start = raised_by = 0
    on = False
    for end in range(first + 1, last + reach + period + 1):
        if on:
            hidden += counts.get(end - 1, 0)
        current += counts.get(end - 1, 0) - counts.get(end - 1 - period, 0)
        if current >= threshold:
            breached[end % period] = end
        breaching = end - breached[end % period] < reach
        if breaching and not on:
            start, raised_by = end, _untold(counts, end, period, alarms)
        elif on and not breaching:
            alarms.append(Raised(start, end, raised_by))
        on = breaching
    return alarms, hidden


def _untold(counts: dict[int, int], end: int, period: int, alarms: list[Raised]) -> int:
    """The matches of the period that ends here, without those that came while an alarm was on."""
    begin = max(end - period, alarms[-1].end if alarms else end - period)
    return sum(counts.get(minute, 0) for minute in range(begin, end))
