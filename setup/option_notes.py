"""Knows what a person should hear of a plan that its changes don't say. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from setup.change import Action, Change
from trailwatch.detections import Detection
from trailwatch.detections.site_patterns import OUTSIDE_OFFICE
from trailwatch.event_selectors import excluded_sources
from trailwatch.site import SiteConfig

ENCRYPTED = ("bucket", "log_group", "trail", "topic")
"""The kinds that a site's key encrypts."""


def option_notes(changes: Iterable[Change]) -> tuple[str, ...]:
    """Sentences on keys that go on being needed, and on what cannot be taken back."""
    left: dict[str, list[str]] = {}
    locks = []
    for change in changes:
        before, after = change.before or {}, change.after or {}
        lock = after.get("object_lock")
        if lock and lock != before.get("object_lock"):
            locks.append(
                f"Object lock on the bucket {change.name} ({lock}) cannot be switched off again: "
                "its files stay for that long, and so does the bucket."
            )
        if change.action is Action.UPDATE and (key := _left(change)):
            left.setdefault(key, []).append(change.label)
    keys = [
        f"No longer encrypted with {key}: {', '.join(labels)}. What is there already still is, so "
        "that the key stays, at a dollar a month where trailwatch made it."
        for key, labels in left.items()
    ]
    return (*keys, *locks)


def blind_notes(config: SiteConfig, detections: Iterable[Detection]) -> tuple[str, ...]:
    """What will never be seen, since its events are left out of the trail."""
    excluded = excluded_sources(config)
    blind = [one.id for one in detections if _looks_only_for(one, excluded)]
    if not blind:
        return ()
    return (
        f"These see nothing, as the trail leaves out the events of {' and '.join(excluded)}: "
        f"{', '.join(blind)}.",
    )


def office_notes(config: SiteConfig, changes: Iterable[Change]) -> tuple[str, ...]:
    """That without offices every login is one from outside, once its filter is made or changed."""
    name = f"{config.prefix}-{OUTSIDE_OFFICE}"
    written = [one for one in changes if one.kind == "metric_filter" and one.name == name]
    if config.offices or all(one.action is Action.DELETE for one in written):
        return ()
    return (
        f"No office is set, so that every login counts for {OUTSIDE_OFFICE}: "
        "--set offices=203.0.113.0/24 names yours, --drop leaves the detection out.",
    )


def idle_notes(config: SiteConfig) -> tuple[str, ...]:
    """A key that is paid for and encrypts nothing, since all of it is adopted."""
    if not config.key or not all(config.adopted.get(kind) for kind in ENCRYPTED):
        return ()
    return (
        "The KMS key encrypts nothing: bucket, log group, trail and topic are adopted and keep "
        "their own encryption. Without it: --set kms=none",
    )


def _looks_only_for(detection: Detection, sources: tuple[str, ...]) -> bool:
    """Whether each of its events comes from these sources, as far as examples or pattern tell."""
    seen = {str(record.get("eventSource", "")) for record in detection.examples.matches}
    if seen:
        return bool(sources) and seen <= set(sources)
    return any(f'"{source}"' in detection.pattern for source in sources)


def _left(change: Change) -> str:
    """The key that something was encrypted with and will not be any more."""
    before, after = change.before or {}, change.after or {}
    for name in ("kms_key", "encryption"):
        old, new = str(before.get(name, "")), str(after.get(name, ""))
        key = old.removeprefix("aws:kms").strip()
        if old != new and key not in ("", "none", "AES256") and change.kind != "topic":
            return key
    return ""
