"""Knows whether alarms of others watch what detections would. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from setup.clients import Clients
from setup.compare import same_pattern
from setup.filters import FoundFilter, alarm_names, filters_on
from trailwatch.detections import Detection
from trailwatch.site import SiteConfig


@dataclass(frozen=True)
class Watched:
    """A detection that a filter of others counts already. `lack` says why its alarm does not
    serve, "" where it does."""

    detection: str
    filter: FoundFilter
    alarm: str = ""
    lack: str = ""
    late: bool = False
    """Whether that alarm may miss records that come late."""


def watching(detection: Detection, one: FoundFilter, topic: str) -> Watched:
    """Whether a filter of others, the same as a detection's, has an alarm that serves. `topic`:
    the ARN of the topic that has to be told."""
    best, lack = "", "it has no alarm"
    # One that waits for late records before one that doesn't.
    for alarm in sorted(one.alarms, key=lambda alarm: alarm.late):
        fault = alarm.fault or ("" if topic in alarm.topics else f"it does not tell {topic}")
        if not fault and alarm.least > detection.threshold:
            fault = f"it waits for {alarm.least:g} matches, not for {detection.threshold:g}"
        if not fault:
            return Watched(detection.id, one, alarm.name, late=alarm.late)
        if not best:
            best, lack = alarm.name, fault
    return Watched(detection.id, one, best, lack)


def watched_notes(
    config: SiteConfig, detections: Sequence[Detection], clients: Clients
) -> tuple[str, ...]:
    """What a plan says of detections that alarms of others watch. Raises AwsError."""
    faults = watched_faults(config, detections, clients)
    if faults:
        return (*faults, "For alarms of trailwatch's own instead: /trailwatch setup import")
    many = len(config.watched)
    if not many:
        return ()
    return (f"Watched by alarms that are not ours, and not doubled: {many} of the detections.",)


def watched_faults(
    config: SiteConfig, detections: Sequence[Detection], clients: Clients
) -> tuple[str, ...]:
    """Which detections alarms of others should watch and don't any more, in sentences; two bulk
    reads, none where nothing is watched by others. Raises AwsError."""
    if not config.watched:
        return ()
    topic = config.site.topic_arn(config.topic)
    filters = filters_on(config.log_group, clients)
    there = alarm_names(clients)
    known = {one.id: one for one in detections}
    faults = []
    for name, alarm in sorted(config.watched.items()):
        if alarm not in there:
            faults.append(f"Nothing watches {name} any more: the alarm {alarm} is gone.")
        elif name in known and (fault := _fault(known[name], alarm, filters, topic)):
            faults.append(fault)
    return tuple(faults)


def _fault(detection: Detection, alarm: str, filters: Sequence[FoundFilter], topic: str) -> str:
    """Why an alarm of others does not watch a detection any more, "" where it does."""
    on = [one for one in filters if any(alarm == each.name for each in one.alarms)]
    same = [one for one in on if same_pattern(detection.pattern, one.pattern)]
    if not same:
        what = f"the filter {on[0].name} matches something else" if on else "its filter is gone"
        return f"Nothing watches {detection.id} any more: of the alarm {alarm} {what}."
    found = watching(detection, same[0], topic)
    if not found.lack:
        return ""
    return f"Nobody may hear of {detection.id} any more: of the alarm {alarm}, {found.lack}."
