"""Knows what stands of a pipeline, and how it lives. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from setup.clients import Clients
from setup.resources.alarm import Alarm
from setup.resources.trail import Trail
from setup.survey import Standing, look, step_for
from trailwatch.clock import iso
from trailwatch.detections import Detection
from trailwatch.errors import ConfigError
from trailwatch.site import SiteConfig


class ResourceState(StrEnum):
    OK = "ok"
    DIFFERS = "differs"
    MISSING = "missing"


@dataclass(frozen=True)
class ResourceStatus:
    """One wanted resource: whether it stands as wanted, what differs, and live facts as text."""

    kind: str
    name: str
    state: ResourceState
    detail: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


def status(
    config: SiteConfig, detections: Sequence[Detection], clients: Clients
) -> tuple[ResourceStatus, ...]:
    """Every wanted resource in pipeline order. Raises ProviderError and ConfigError."""
    clients = clients.fresh()
    standing = look(config, detections, clients)
    return tuple(clients.together(*(partial(_one, config, one, clients) for one in standing)))


def _one(config: SiteConfig, one: Standing, clients: Clients) -> ResourceStatus:
    kind, name = one.resource.kind, one.resource.name
    if one.fields is None:
        return ResourceStatus(kind, name, ResourceState.MISSING, "It does not exist.")
    facts = _facts(one, clients)
    try:
        step = step_for(config, one, clients)
    except ConfigError as error:
        return ResourceStatus(kind, name, ResourceState.DIFFERS, str(error), facts)
    if step is None:
        return ResourceStatus(kind, name, ResourceState.OK, "", facts)
    diffs = step.change.diff()
    shown = [f"{diff.path} is {diff.before}, not {diff.after}" for diff in diffs[:3]]
    more = f" and {len(diffs) - 3} more" if len(diffs) > 3 else ""
    detail = f"{'; '.join(shown)}{more}."
    return ResourceStatus(kind, name, ResourceState.DIFFERS, detail, facts)


def _facts(one: Standing, clients: Clients) -> dict[str, str]:
    resource, fields = one.resource, one.fields or {}
    if isinstance(resource, Trail):
        return _trail_facts(resource.live(clients))
    if isinstance(resource, Alarm):
        found = clients.alarms(f"{resource.prefix}-").get(resource.name, {})
        since = found.get("StateUpdatedTimestamp")
        facts = {"state": str(found.get("StateValue", "unknown"))}
        return {**facts, "since": iso(since)} if isinstance(since, datetime) else facts
    if resource.kind == "subscription":
        return {"confirmed": "yes" if fields.get("confirmed") else "no"}
    return {}


def _trail_facts(live: Mapping[str, Any]) -> dict[str, str]:
    """Logging and deliveries. Source: GetTrailStatus, CloudTrail API reference."""
    facts = {"logging": "yes" if live.get("IsLogging") else "no"}
    times = {
        "latest delivery to S3": "LatestDeliveryTime",
        "latest delivery to CloudWatch Logs": "LatestCloudWatchLogsDeliveryTime",
    }
    errors = {
        "error of delivery to S3": "LatestDeliveryError",
        "error of delivery to CloudWatch Logs": "LatestCloudWatchLogsDeliveryError",
    }
    for label, key in times.items():
        if isinstance(live.get(key), datetime):
            facts[label] = iso(live[key])
    for label, key in errors.items():
        if live.get(key):
            facts[label] = str(live[key])[:200]
    return facts
