"""Knows the wanted pipeline as a file for git: its parts, what may not go in, and its names. Pure:
deploys nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from setup import export_cloudformation, export_terraform
from setup.change import LABELS
from setup.export_parts import Part
from setup.pipeline import pipeline
from setup.resource import Resource
from trailwatch.detections import Detection
from trailwatch.site import SiteConfig

FORMATS = ("cloudformation", "terraform")
MADE = ("kms_key", "bucket", "log_group", "role", "trail", "metric_filter", "topic", "alarm")
"""The kinds that a template can make. Opsgenie's integrations are no AWS resources, and the
subscription's address has a key in it, which belongs into no file."""


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
    resources = pipeline(config, detections)
    made = [one for one in resources if one.kind in MADE and not config.adopted.get(one.kind)]
    parts: dict[str, Part] = {}
    for one in made:
        ident = part_id(config, one)
        while ident in parts:  # "new-1" and "new1" are two detections
            ident += "X"
        parts[ident] = Part(one.kind, one.name, ident, one.wanted())
    left = left_out(config, resources)
    if form == "terraform":
        return Export(
            "trailwatch.tf.json", export_terraform.document(config, [*parts.values()], left), left
        )
    text = export_cloudformation.document(config, [*parts.values()], left)
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
