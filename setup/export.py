"""Knows the wanted pipeline as a file for git: its parts, what may not go in, and its names. Pure:
deploys nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from setup.change import LABELS
from setup.pipeline import pipeline
from setup.resource import Resource
from trailwatch.detections import Detection
from trailwatch.site import SiteConfig

FORMATS = ("cloudformation", "terraform")
MADE = ("kms_key", "bucket", "log_group", "role", "trail", "metric_filter", "topic", "alarm")
"""The kinds that a template can make. Opsgenie's integrations are no AWS resources, and the
subscription's address has a key in it, which belongs into no file."""


@dataclass(frozen=True)
class Part:
    """One resource as a template has it. `id` is its name there; `fields` are what is wanted."""

    kind: str
    name: str
    id: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Export:
    """A file: its name and text. `left_out` are sentences on what is not in it, and why."""

    name: str
    text: str
    left_out: tuple[str, ...] = ()


def export(config: SiteConfig, detections: Sequence[Detection], form: str) -> Export:
    """The wanted pipeline of a site as CloudFormation (JSON) or Terraform (JSON).

    `form` is one of FORMATS. Raises ConfigError and LimitExceeded for what AWS would refuse.
    """
    from setup import export_cloudformation, export_terraform

    resources = pipeline(config, detections)
    made = [one for one in resources if one.kind in MADE and not config.adopted.get(one.kind)]
    parts = tuple(Part(x.kind, x.name, part_id(config, x), x.wanted()) for x in made)
    left = left_out(config, resources)
    if form == "terraform":
        return Export("trailwatch.tf.json", export_terraform.document(config, parts, left), left)
    text = export_cloudformation.document(config, parts, left)
    return Export("trailwatch.template.json", text, left)


def part_id(config: SiteConfig, resource: Resource) -> str:
    """The name of a resource within the file, as "RootLoginAlarm"."""
    words = [resource.kind]
    if resource.kind in ("metric_filter", "alarm"):
        words = [resource.name.removeprefix(f"{config.prefix}-"), resource.kind]
    return "".join(
        word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", " ".join(words))
    )


def left_out(config: SiteConfig, resources: Sequence[Resource]) -> tuple[str, ...]:
    """What the file does not make, in sentences."""
    said = [
        f"The {LABELS[one.kind]} {one.name} was adopted: it is named, not made."
        for one in resources
        if config.adopted.get(one.kind)
    ]
    others = sorted({one.kind for one in resources} - set(MADE), key=list(LABELS).index)
    if others:
        names = ", ".join(LABELS[kind] for kind in others)
        said.append(
            f"Not in this file: {names}. They need a secret key or are not AWS's: "
            "/trailwatch setup plan makes them."
        )
    if config.watched:
        ids = ", ".join(sorted(config.watched))
        said.append(f"Watched by alarms of others, and not doubled: {ids}.")
    return tuple(said)


Links = Mapping[str, Any]
"""What stands for a name or an ARN within the file, so that one resource refers to another."""


def linked(value: Any, links: Links) -> Any:
    """The value with each text that is a link's replaced; other texts stay."""
    if isinstance(value, str):
        return links.get(value, value)
    if isinstance(value, Mapping):
        return {key: linked(below, links) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [linked(one, links) for one in value]
    return value


def without_empty(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields less those that say nothing (None, "", [] and {})."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def key_of(encryption: str) -> str:
    """The alias or ARN in a bucket's encryption, "" where S3's own key is used."""
    return encryption.partition(" ")[2]


def key_or_nothing(key: str) -> str:
    """The alias or ARN of a key, "" for none."""
    return "" if key == "none" else key
