"""Knows today's pipeline as settings of a site, and what watches a detection. Writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from setup.adopt import FoundTrail, find_trails
from setup.adopt_merge import excluded
from setup.clients import Clients
from setup.compare import same_pattern
from setup.filters import FoundFilter, filters_on, is_ours, topics_of
from setup.watched import Watched, watching
from trailwatch.detections import Detection
from trailwatch.site import OWN_KEY, RETENTIONS, SiteConfig

KMS_EVENTS = "kms.amazonaws.com"
RDS_EVENTS = "rdsdata.amazonaws.com"


@dataclass(frozen=True)
class Found:
    """What is there, and the config that says so. `settings` are (name, now, then) as text."""

    config: SiteConfig
    trail: FoundTrail | None
    others: tuple[FoundTrail, ...]
    watched: tuple[Watched, ...]
    unknown: tuple[FoundFilter, ...]
    """Filters that match no detection; they are left alone."""
    settings: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...] = ()
    own: bool = False
    """Whether trailwatch's own trail stands."""


def look_around(
    config: SiteConfig,
    wanted: Sequence[Detection],
    all_detections: Sequence[Detection],
    clients: Clients,
) -> Found:
    """Read today's state. `wanted` are the site's detections, `all_detections` every one that
    there is, both with their patterns at this site. Raises ProviderError."""
    trails = find_trails(config, clients)
    usable = [one for one in trails if not one.hindrance]
    trail = _adopted_or_best(config, usable, clients)
    # A trail of others without a log group will feed ours.
    log_group = trail.log_group or config.log_group if trail else config.log_group
    filters = [
        one
        for one in filters_on(log_group, clients)
        if not is_ours(config, one.name, one.namespace)
    ]
    taken = _adopted(config, trail, filters)
    new = replace(config, adopted=taken)
    topic = new.site.topic_arn(new.topic)
    watched, unknown = [], []
    for one in filters:
        detection = _detection(one, wanted, all_detections)
        if detection is None:
            unknown.append(one)
        else:
            watched.append(watching(detection, one, topic))
    serving = {one.detection: one.alarm for one in reversed(watched) if not one.lack}
    known = {one.id for one in wanted}
    new = replace(
        new,
        watched=dict(sorted(serving.items())),
        add=(*config.add, *(one for one in sorted(serving) if one not in known)),
        drop=tuple(one for one in config.drop if one not in serving),
    )
    values, notes = _options(new, trail, clients)
    new = replace(new, **values)
    return Found(
        new,
        trail,
        tuple(one for one in trails if one is not trail),
        tuple(watched),
        tuple(unknown),
        _moved(config, new),
        (*notes, *_topic_notes(filters, topic)),
        own=trail is None and _stands(config, clients),
    )


def _stands(config: SiteConfig, clients: Clients) -> bool:
    """Whether our own trail is there."""
    gone = ("TrailNotFoundException", "TrailNotFound")
    return clients.find("cloudtrail", "GetTrailStatus", gone, Name=config.trail) is not None


def _adopted_or_best(
    config: SiteConfig, usable: Sequence[FoundTrail], clients: Clients
) -> FoundTrail | None:
    """The trail that is adopted already, or the best one; None where ours stands."""
    chosen = config.adopted.get("trail")
    if chosen:
        return next((one for one in usable if one.name == chosen), None)
    if _stands(config, clients):
        return None
    return usable[0] if usable else None


def _adopted(
    config: SiteConfig, trail: FoundTrail | None, filters: Sequence[FoundFilter]
) -> dict[str, str]:
    kept = {kind: name for kind, name in config.adopted.items() if name}
    if trail is not None:
        kept |= trail.brings
    topic = topics_of(config.site, filters)
    if topic and "topic" not in kept:
        kept["topic"] = topic
    return kept


def _detection(
    one: FoundFilter, wanted: Sequence[Detection], everything: Sequence[Detection]
) -> Detection | None:
    """The detection that a filter is the same as; those of the site come first."""
    for detections in (wanted, everything):
        for detection in detections:
            if same_pattern(detection.pattern, one.pattern):
                return detection
    return None


def _options(
    config: SiteConfig, trail: FoundTrail | None, clients: Clients
) -> tuple[dict[str, Any], list[str]]:
    """The options as they stand, and what of them cannot be written."""
    values: dict[str, Any] = {}
    notes = []
    name = trail.name if trail else config.trail
    gone = ("TrailNotFoundException", "TrailNotFound", "InsightNotEnabledException")
    days = _retention(config.log_group, clients)
    if days in RETENTIONS:
        values["retention_days"] = days
    elif days == 0:
        notes.append(f"The log group {config.log_group} keeps its records for ever; that stays.")
    selectors = clients.find("cloudtrail", "GetEventSelectors", gone, TrailName=name)
    if selectors is not None:
        left_out = excluded(
            selectors.get("AdvancedEventSelectors") or selectors.get("EventSelectors") or ()
        )
        values["exclude_kms"] = KMS_EVENTS in left_out
        values["exclude_rds_data"] = RDS_EVENTS in left_out
        insights = clients.find("cloudtrail", "GetInsightSelectors", gone, TrailName=name)
        values["insights"] = bool((insights or {}).get("InsightSelectors"))
    if trail is None:
        values |= _own_key(config, clients)
    elif trail.kms:
        notes.append(
            f"The trail's files are encrypted with {trail.kms}; that stays. It is not taken for "
            "what trailwatch makes: its policy may not let CloudWatch use it."
        )
    return values, notes


def _own_key(config: SiteConfig, clients: Clients) -> dict[str, str]:
    """The key that our own trail uses, as the option is written."""
    answer = clients.call(
        "cloudtrail", "DescribeTrails", trailNameList=[config.trail], includeShadowTrails=False
    )
    for one in answer.get("trailList", ()):
        shown = clients.key_shown(one.get("KmsKeyId"), config.kms_alias)
        return {"kms": {"none": "", config.kms_alias: OWN_KEY}.get(shown, shown)}
    return {}


def _retention(log_group: str, clients: Clients) -> int | None:
    """Days, 0 for ever; None where the log group isn't there."""
    answer = clients.call("logs", "DescribeLogGroups", logGroupNamePrefix=log_group)
    for one in answer.get("logGroups", ()):
        if one.get("logGroupName") == log_group:
            return int(one.get("retentionInDays") or 0)
    return None


def _topic_notes(filters: Sequence[FoundFilter], topic: str) -> list[str]:
    """The other topics that alarms tell: whoever listens there goes on hearing them."""
    counts = Counter(
        one for each in filters for alarm in each.alarms for one in alarm.topics if one != topic
    )
    return [f"{number} alarms tell {name}; that stays." for name, number in counts.most_common(3)]


_SHOWN = (
    *("retention_days", "kms", "insights", "exclude_kms", "exclude_rds_data"),
    *("add", "drop"),
)


def _moved(old: SiteConfig, new: SiteConfig) -> tuple[tuple[str, str, str], ...]:
    """The settings that differ, as text."""
    rows: list[tuple[str, str, str]] = []
    for group in ("adopted", "watched"):
        before: Mapping[str, str] = getattr(old, group)
        after: Mapping[str, str] = getattr(new, group)
        rows += [
            (f"{group} {key}", before.get(key, ""), after.get(key, ""))
            for key in sorted({*before, *after})
            if (before.get(key) or "") != (after.get(key) or "")
        ]
    rows += [
        (name, _text(getattr(old, name)), _text(getattr(new, name)))
        for name in _SHOWN
        if getattr(old, name) != getattr(new, name)
    ]
    return tuple(rows)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
