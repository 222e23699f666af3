"""Knows what is new of a principal: itself, an address, a region. Pure; keeps nothing.

What is known is what the bot has looked at: events behind alerts and what the same sessions did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LONGEST_VALUE = 200


class Kind(StrEnum):
    """What a principal was seen with."""

    ITSELF = "itself"
    ADDRESS = "address"
    REGION = "region"


Key = tuple[str, str, str]
"""Principal, kind, value."""


@dataclass(frozen=True)
class Sighting:
    """That a principal was seen with something, between two moments (UTC)."""

    principal: str
    kind: Kind
    value: str
    first: datetime
    last: datetime

    @property
    def key(self) -> Key:
        return (self.principal, self.kind.value, self.value)


@dataclass(frozen=True)
class Deed:
    """What one event shows of its principal."""

    principal: str
    at: datetime
    address: str
    region: str


def sightings(deeds: Iterable[Deed]) -> tuple[Sighting, ...]:
    """What these show, one for each principal and thing."""
    found: dict[Key, Sighting] = {}
    for deed in deeds:
        if not deed.principal:
            continue
        for kind, value in (
            (Kind.ITSELF, ""),
            (Kind.ADDRESS, deed.address[:LONGEST_VALUE]),
            (Kind.REGION, deed.region[:LONGEST_VALUE]),
        ):
            if not value and kind is not Kind.ITSELF:
                continue
            one = Sighting(deed.principal, kind, value, deed.at, deed.at)
            old = found.get(one.key, one)
            found[one.key] = Sighting(
                deed.principal, kind, value, min(old.first, deed.at), max(old.last, deed.at)
            )
    return tuple(found.values())


def news(deed: Deed, known: Mapping[Key, datetime], begin: datetime) -> tuple[Kind, ...]:
    """What of a deed was never seen before `begin` (UTC), when the events at hand begin.

    known: when each was seen first. Where the principal is new nothing else is told: all of it is.
    The same answer comes again after the deed was learnt.
    """
    if not deed.principal:
        return ()

    def is_new(kind: Kind, value: str) -> bool:
        first = known.get((deed.principal, kind.value, value[:LONGEST_VALUE]))
        return first is None or first >= begin

    if is_new(Kind.ITSELF, ""):
        return (Kind.ITSELF,)
    found: Sequence[tuple[Kind, str]] = ((Kind.ADDRESS, deed.address), (Kind.REGION, deed.region))
    return tuple(kind for kind, value in found if value and is_new(kind, value))
