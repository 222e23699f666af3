"""Knows the parts of a pipeline as a template has them, and how they refer to each other. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """One resource as a template has it. `id` is its name there; `fields` are what is wanted."""

    kind: str
    name: str
    id: str
    fields: Mapping[str, Any]


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
