"""Knows what of a subscription could not be read, and how to say it. Pure: never asks AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from setup.change import LABELS

if TYPE_CHECKING:
    from setup.survey import Standing


def unread(standing: Sequence[Standing]) -> Mapping[str, tuple[str, ...]]:
    """The wanted fields of each confirmed subscription that were left out of what was read, by
    its key ("subscription:NAME")."""
    found = {}
    for one in standing:
        fields = one.fields or {}
        if one.resource.kind != "subscription" or not fields.get("confirmed"):
            continue
        if missing := tuple(name for name in one.resource.wanted() if name not in fields):
            found[f"{one.resource.kind}:{one.resource.name}"] = missing
    return found


def unread_notes(standing: Sequence[Standing]) -> tuple[str, ...]:
    """What is not known of subscriptions, a sentence each with what mends it."""
    return tuple(
        f"Whether a filter policy or raw delivery keeps alarms from the {LABELS['subscription']} "
        f"{key.partition(':')[2]} is not known: allow sns:GetSubscriptionAttributes to the role "
        "that sets up; trailwatch permissions setup prints its policy."
        for key in unread(standing)
    )
