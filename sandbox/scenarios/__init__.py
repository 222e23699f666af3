"""Knows the stories that the sandbox can play, each a few CloudTrail records. Never plays them."""

from __future__ import annotations

import json
import secrets
import tomllib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Scenario:
    """One story: what it is called and the records that tell it, without their times.

    One that acts has no records: somebody really does it, see sandbox.aws.acts.
    """

    name: str
    title: str
    description: str
    records: tuple[Mapping[str, Any], ...]
    acts: bool = False

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "title": self.title, "description": self.description}

    def fresh_records(self) -> list[dict[str, Any]]:
        """The records as if it happened once more: with event and request ids of their own."""
        return [
            {**r, "eventID": str(uuid.uuid4())}
            | ({"requestID": _request_id(str(r["requestID"]))} if "requestID" in r else {})
            for r in self.records
        ]


@cache
def load() -> tuple[Scenario, ...]:
    """Every scenario, in the order of scenarios.toml: NAME.jsonl holds its records."""
    index = tomllib.loads((_FOLDER / "scenarios.toml").read_text(encoding="utf-8"))
    return tuple(_scenario(entry) for entry in index["scenario"])


def _scenario(entry: Mapping[str, Any]) -> Scenario:
    acts = bool(entry.get("acts"))
    file = _FOLDER / f"{entry['name']}.jsonl"
    lines = [] if acts else file.read_text(encoding="utf-8").splitlines()
    records = tuple(json.loads(line) for line in lines)
    return Scenario(entry["name"], entry["title"], entry["description"], records, acts)


def _request_id(old: str) -> str:
    return str(uuid.uuid4()) if "-" in old else secrets.token_hex(8).upper()
