"""What a person may change of a site: how it is written, refused, kept and read again."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from trailwatch.detections import facts_of, load_catalogue, pattern_at
from trailwatch.errors import UsageError
from trailwatch.site import Site, SiteConfig
from trailwatch.site_options import (
    BY_NAME,
    CHOICE,
    OPTIONS,
    TAKEN,
    Option,
    changed,
    differing,
    kept,
    restored,
    written,
)

CONFIG = SiteConfig(Site("main", "123456789012", "eu-west-1"))
FROM_SETTINGS = {
    "site",
    "prefix",
    "namespace",
    "public_url",
    "router_url",
    "router_team",
    "tags",
    "jsm_url",
    "jsm_made",
}


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_each_example_can_be_set_shown_and_kept(option: Option) -> None:
    config = changed(CONFIG, written(f"{option.name}={option.example}"))
    assert changed(CONFIG, {option.name: option.shown(config)}) == config
    assert restored(CONFIG, json.loads(json.dumps(kept(config)))) == config


def test_every_field_is_an_option_or_a_setting() -> None:
    names = {field.name for field in fields(SiteConfig)}
    assert names - FROM_SETTINGS - set(CHOICE) - set(BY_NAME) - set(TAKEN) == {"touch"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kms=own", {"kms": "own"}),
        ("kms=own,exclude-kms=yes", {"kms": "own", "exclude_kms": "yes"}),
        (
            "offices=203.0.113.0/24,198.51.100.7,insights=no",
            {"offices": "203.0.113.0/24,198.51.100.7", "insights": "no"},
        ),
        ("Insights = no; offices=", {"insights": "no", "offices": ""}),
        ("data_events=s3:a-bucket/x=y,lambda", {"data_events": "s3:a-bucket/x=y,lambda"}),
    ],
)
def test_options_are_read_from_one_text(text: str, found: dict[str, str]) -> None:
    assert written(text) == found


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("own", "NAME=VALUE"),
        ("kms=own,kms=none", "twice"),
        ("retention=400", "retention_days"),
        ("retention_days=42", "nearest is 30"),
        ("insights=maybe", "yes or no"),
        ("kms=alias/mine", "ARN"),
        ("offices=office", "198.51.100.0/24"),
        ("largest_instance=huge", "4xlarge"),
        ("deploy_roles=a b/c", "role"),
        ("data_events=s4:bucket", "s3:BUCKET/PREFIX"),
        ("data_events_type=write", "WriteOnly"),
        ("organization=123456789012", "o-"),
        ("expire_after_days=30", "archive_after_days"),
        ("archive_after_days=0,expire_after_days=30,object_lock_days=60", "lock"),
        ("pack=cis", "--pack"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(text: str, part: str) -> None:
    with pytest.raises(UsageError, match=part):
        changed(CONFIG, written(text))


def test_what_follows_the_settings_goes_on_following_them() -> None:
    template = replace(CONFIG, offices=("203.0.113.0/24",))
    body = kept(replace(template, retention_days=400, pack="cis"), template)
    assert body == {"pack": "cis", "add": [], "drop": [], "retention_days": 400}
    later = replace(template, offices=("198.51.100.7",))
    assert restored(later, body) == replace(later, retention_days=400, pack="cis")


def test_what_other_versions_wrote_is_taken_as_far_as_it_is_known() -> None:
    body = {"pack": "cis", "retention_days": 41, "kms": "own", "of_tomorrow": 1}
    assert restored(CONFIG, body) == replace(CONFIG, pack="cis", kms="own")
    assert restored(CONFIG, {}) == CONFIG


def test_offices_may_have_names() -> None:
    text = "offices=berlin=203.0.113.0/28, 198.51.100.7,rome=198.51.101.*; insights=no"
    options = written(text)
    assert options["insights"] == "no"
    config = changed(SiteConfig(Site("main", "123456789012", "eu-west-1")), options)
    assert config.offices == ("berlin=203.0.113.0/28", "198.51.100.7", "rome=198.51.101.*")
    pattern = pattern_at(load_catalogue().detections["login-outside-office"], facts_of(config))
    assert "berlin" not in pattern
    assert "198.51.101.*" in pattern
    assert written("offices=203.0.113.7,retention_days=30")["retention_days"] == "30"


def test_what_differs_is_told_as_it_is_written() -> None:
    old = SiteConfig(Site("main", "123456789012", "us-east-1"))
    new = changed(old, {"organization": "o-a1b2c3d4e5", "insights": "yes"})
    insights = "yes" if old.insights else "no"
    told = differing(kept(old), kept(replace(new, pack="cis", adopted={"trail": "corp"})))
    assert ("organization", "none", "o-a1b2c3d4e5") in told
    assert ("adopted", "none", "trail=corp") in told
    assert ("pack", old.pack, "cis") in told
    assert (("insights", insights, "yes") in told) is (insights == "no")
    assert differing(kept(old), kept(old)) == ()
