"""Knows a plan: changes with diffs, cost, permissions and a digest. Never writes to AWS."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from setup.change import Action, Change, FieldDiff, Fields
from setup.cost import Cost, CostLine
from trailwatch.clock import iso, parse_time

__all__ = [
    "Action",
    "Change",
    "Cost",
    "CostLine",
    "FieldDiff",
    "Fields",
    "Plan",
    "Purpose",
    "digest_of",
]


class Purpose(StrEnum):
    APPLY = "apply"
    DESTROY = "destroy"


@dataclass(frozen=True)
class Plan:
    """What an apply would do, bound by `digest` to the state of the world that it was made in.

    `id` is random and used once. `permissions` are the IAM actions that the changes need.
    `notes` say what is deliberately left alone.
    """

    id: str
    site: str
    purpose: Purpose
    pack: str
    created_at: datetime
    expires_at: datetime
    changes: tuple[Change, ...]
    unchanged: int
    cost: Cost
    permissions: tuple[str, ...]
    digest: str
    notes: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.changes

    def count(self, action: Action) -> int:
        """How many changes are of that action."""
        return sum(change.action is action for change in self.changes)

    def to_json(self) -> str:
        """The whole plan as JSON text; `from_json` gives an equal plan back."""
        return json.dumps(
            {
                "id": self.id,
                "site": self.site,
                "purpose": self.purpose.value,
                "pack": self.pack,
                "created_at": iso(self.created_at),
                "expires_at": iso(self.expires_at),
                "changes": [_change_out(change) for change in self.changes],
                "unchanged": self.unchanged,
                "cost": {
                    "lines": [[x.what, str(x.monthly), x.note] for x in self.cost.lines],
                    "before": str(self.cost.before),
                    "after": str(self.cost.after),
                    "notes": list(self.cost.notes),
                },
                "permissions": list(self.permissions),
                "digest": self.digest,
                "notes": list(self.notes),
            },
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The plan that `to_json` wrote; raises KeyError or ValueError for anything else."""
        data = json.loads(text)
        cost = data["cost"]
        return cls(
            id=data["id"],
            site=data["site"],
            purpose=Purpose(data["purpose"]),
            pack=data["pack"],
            created_at=parse_time(data["created_at"]),
            expires_at=parse_time(data["expires_at"]),
            changes=tuple(
                Change(Action(x["action"]), x["kind"], x["name"], x["before"], x["after"])
                for x in data["changes"]
            ),
            unchanged=data["unchanged"],
            cost=Cost(
                tuple(CostLine(what, Decimal(usd), note) for what, usd, note in cost["lines"]),
                Decimal(cost["before"]),
                Decimal(cost["after"]),
                tuple(cost["notes"]),
            ),
            permissions=tuple(data["permissions"]),
            digest=data["digest"],
            notes=tuple(data["notes"]),
        )


def _change_out(change: Change) -> dict[str, Any]:
    return {
        "action": change.action.value,
        "kind": change.kind,
        "name": change.name,
        "before": change.before,
        "after": change.after,
    }


def digest_of(site: str, purpose: Purpose, changes: Sequence[Change]) -> str:
    """SHA-256 over what a plan would do and over the state that it starts from, in hex."""
    whole = [site, purpose.value, [_change_out(change) for change in changes]]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
