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
    """One story: what it is called and the records that tell it, without their times."""

    name: str
    title: str
    description: str
    records: tuple[Mapping[str, Any], ...]

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
    return tuple(
        Scenario(
            entry["name"],
            entry["title"],
            entry["description"],
            tuple(
                json.loads(line)
                for line in (_FOLDER / f"{entry['name']}.jsonl")
                .read_text(encoding="utf-8")
                .splitlines()
            ),
        )
        for entry in index["scenario"]
    )


def _request_id(old: str) -> str:
    return str(uuid.uuid4()) if "-" in old else secrets.token_hex(8).upper()
