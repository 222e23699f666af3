"""Knows the accounts and Regions that the sandbox has, and how the bot is told of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Place:
    """One site: an account and its home Region. external_id: what its roles ask for, "" none."""

    name: str
    account: str
    region: str
    external_id: str = ""


PLACES = (
    Place("main", "123456789012", "us-east-1"),
    Place("stage", "111122223333", "eu-central-1", "sandbox-stage"),
    Place("test", "444455556666", "ap-southeast-2", "sandbox-test"),
)


def write_settings(places: Sequence[Place], file: Path) -> None:
    """Write a trailwatch.toml with all but the first, which the environment describes."""
    lines = []
    for place in places[1:]:
        role = f"arn:aws:iam::{place.account}:role"
        entries = {
            "region": place.region,
            "role_arn": f"{role}/trailwatch-run",
            "external_id": place.external_id,
            "setup_role_arn": f"{role}/trailwatch-setup",
            "setup_external_id": place.external_id,
        }
        lines.append(f"[sites.{place.name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in entries.items()]
    file.write_text("\n".join(lines) + "\n", "utf-8")


def moved(record: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """A scenario's record as if it had happened in a place: its account and Region are there."""
    home = PLACES[0]
    text = json.dumps(record, ensure_ascii=False).replace(home.account, place.account)
    found: dict[str, Any] = json.loads(text)
    found["recipientAccountId"] = place.account
    if record.get("awsRegion") == home.region:
        found["awsRegion"] = place.region
    return found
