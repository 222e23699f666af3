"""Knows what of a pipeline is billed. Reads nothing that reading the pipeline has not read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from setup.change import Fields
from setup.clients import Clients
from setup.cost import Size
from setup.option_notes import ENCRYPTED
from setup.resource import Resource
from trailwatch.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping


def size_of(parts: Iterable[tuple[Resource, Fields]], clients: Clients) -> Size:
    """The size of resources with these fields, as they stand or as they are wanted."""
    found = list(parts)
    kinds = [resource.kind for resource, _ in found]
    trails = [(resource, fields) for resource, fields in found if resource.kind == "trail"]
    return Size(
        metrics=kinds.count("metric_filter"),
        alarms=kinds.count("alarm"),
        trail=any(fields.get("logging") for _, fields in trails),
        insights=sum(len(fields.get("insights", ())) for _, fields in trails),
        key="kms_key" in kinds,
        encrypted=any(_has_key(resource, fields) for resource, fields in found),
        data_events=tuple(sorted({one for _, fields in trails for one in _data(fields)})),
        copies=_others(trails, clients),
    )


def _has_key(resource: Resource, fields: Fields) -> bool:
    if resource.kind not in ENCRYPTED:
        return False
    told = fields.get("kms_key", "none") != "none"
    return told or str(fields.get("encryption", "")).startswith("aws:kms")


def _data(fields: Fields) -> list[str]:
    """The types of resources whose data events a trail records, such as "AWS::S3::Object"."""
    selectors: Sequence[Mapping[str, Any]] = fields.get("event_selectors", ())
    tests = [test for one in selectors for test in one.get("FieldSelectors", ())]
    advanced = [
        kind
        for test in tests
        if test.get("Field") == "resources.type"
        for kind in test.get("Equals", ())
    ]
    classic = [data.get("Type", "") for one in selectors for data in one.get("DataResources", ())]
    return [*advanced, *classic]


def _others(trails: Sequence[tuple[Resource, Fields]], clients: Clients) -> tuple[str, ...]:
    """The names of the trails beside ours: one of them has the free copy of management events."""
    ours = {resource.name for resource, _ in trails}
    try:
        names = [str(one.get("Name", "")) for one in clients.trails()]
    except AwsError:
        # An estimate is worth no failure.
        return ()
    return tuple(sorted(name for name in names if name not in ours)) if trails else ()
