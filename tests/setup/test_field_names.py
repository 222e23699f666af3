"""What drift and its causes say of fields is said of fields that there are."""

from __future__ import annotations

from dataclasses import replace

from setup.causes import ANY, CAUSES, GONE
from setup.drift import LOUD, WORDS
from setup.pipeline import pipeline
from trailwatch.detections import load_catalogue
from trailwatch.site import Site, SiteConfig

CONFIG = SiteConfig(
    Site("main", "123456789012", "eu-west-1"),
    public_url="https://bot.example.com",
    kms="own",
    object_lock_days=30,
    data_events=("lambda",),
)


def fields() -> dict[str, set[str]]:
    """The fields of each kind of a pipeline with everything, with an on-call service or without."""
    detections = load_catalogue().pack("walkthrough")[:1]
    found: dict[str, set[str]] = {}
    for config in (CONFIG, replace(CONFIG, router="direct")):
        for one in pipeline(config, detections):
            found.setdefault(one.kind, set()).update(one.wanted())
    return found


def test_every_field_that_is_spoken_of_exists() -> None:
    known = fields()
    spoken = {(kind, name) for kind, names in LOUD.items() for name in names} | set(WORDS)
    spoken |= {(one.kind, name) for one in CAUSES for name in one.fields if name not in (ANY, GONE)}
    assert {(kind, name) for kind, name in spoken if kind in known and name not in known[kind]} == (
        set()
    )
