"""Knows a plan: changes with diffs, cost, permissions and a digest. Never writes to AWS."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from trailwatch.clock import iso, parse_time

Fields = Mapping[str, Any]
"""A resource's fields as JSON values (None, bool, int, str, list, dict with text keys)."""

LABELS = {
    "bucket": "bucket",
    "log_group": "log group",
    "role": "role",
    "trail": "trail",
    "metric_filter": "metric filter",
    "topic": "SNS topic",
    "alarm": "alarm",
    "incoming_integration": "Opsgenie incoming Amazon SNS integration",
    "subscription": "SNS subscription",
    "webhook_integration": "Opsgenie webhook integration",
}
"""What each kind of resource is called in a sentence, in the order in which they are built."""


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Purpose(StrEnum):
    APPLY = "apply"
    DESTROY = "destroy"


@dataclass(frozen=True)
class FieldDiff:
    """One field that changes. `before` and `after` are for people; None where there is none."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Change:
    """One resource that is to be created, updated or deleted.

    `before` and `after` are its whole field maps, never with a secret in them; `before` is None
    for CREATE, `after` is None for DELETE.
    """

    action: Action
    kind: str
    name: str
    before: Fields | None
    after: Fields | None

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def label(self) -> str:
        return LABELS.get(self.kind, self.kind.replace("_", " "))

    def diff(self) -> tuple[FieldDiff, ...]:
        """The fields that change, by path; those of a list are found by their name or number."""
        before = dict(_leaves("", self.before or {}))
        after = dict(_leaves("", self.after or {}))
        return tuple(
            FieldDiff(path, before.get(path), after.get(path))
            for path in sorted(before.keys() | after.keys())
            if before.get(path) != after.get(path)
        )

    def summary(self) -> str:
        """The change in one plain sentence."""
        if self.action is not Action.UPDATE:
            return f"{self.action.value.capitalize()} the {self.label} {self.name}."
        diffs = self.diff()
        if len(diffs) == 1 and diffs[0].before is not None and diffs[0].after is not None:
            only = diffs[0]
            if len(only.before or "") + len(only.after or "") <= 120:
                return (
                    f"Change {only.path} of the {self.label} {self.name} "
                    f"from {only.before} to {only.after}."
                )
        changed = sorted({diff.path.split(".")[0].split("[")[0] for diff in diffs})
        return f"Change {', '.join(changed) or 'nothing'} of the {self.label} {self.name}."


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Each leaf below a value as (path, text); an empty list or map is a leaf itself."""
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), below)
    elif isinstance(value, list | tuple) and value:
        if not any(isinstance(item, Mapping | list | tuple) for item in value):
            yield path, ", ".join(sorted(_text(item) for item in value))
            return
        for number, item in enumerate(value):
            yield from _leaves(f"{path}[{_item_name(item, number)}]", item)
    else:
        yield path, _text(value)


def _item_name(item: Any, number: int) -> str:
    if isinstance(item, Mapping):
        for key in ("Sid", "name", "Name", "ID", "field"):
            if isinstance(item.get(key), str):
                return str(item[key])
    return str(number)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping | list | tuple) or value is None:
        return "none"
    return str(value)


@dataclass(frozen=True)
class CostLine:
    """What one part costs: USD a month, before tax and free tier."""

    what: str
    monthly: Decimal
    note: str = ""


@dataclass(frozen=True)
class Cost:
    """An estimate in USD a month: lines of what is wanted, and the sums before and after."""

    lines: tuple[CostLine, ...] = ()
    before: Decimal = Decimal(0)
    after: Decimal = Decimal(0)
    notes: tuple[str, ...] = ()


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
