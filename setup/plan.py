"""Knows a plan: changes with diffs, cost, permissions and a digest. Never writes to AWS."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from setup.adopt import offers
from setup.change import Action, Change, FieldDiff, Fields
from setup.checks import NO_CHECKS, Checks, check
from setup.clients import Clients
from setup.cost import Cost, CostLine, estimate
from setup.permissions import needed
from setup.survey import Survey, survey, survey_destroy
from setup.volume import expected
from setup.watched import watched_notes
from trailwatch.clock import Clock, iso, parse_time
from trailwatch.detections import Detection
from trailwatch.site import SiteConfig

__all__ = [
    "Action",
    "Change",
    "Checks",
    "Cost",
    "CostLine",
    "FieldDiff",
    "Fields",
    "Plan",
    "Purpose",
    "digest_of",
    "make_destroy_plan",
    "make_plan",
]

LIFETIME = timedelta(hours=1)
"""How long a plan may be applied. What moved meanwhile is caught by its digest anyway."""


class Purpose(StrEnum):
    APPLY = "apply"
    DESTROY = "destroy"
    RESTORE = "restore"
    """Puts back what drifted, and touches nothing else."""


@dataclass(frozen=True)
class Plan:
    """What an apply would do, bound by `digest` to the state of the world that it was made in.

    `id` is random and used once. `permissions` are the IAM actions that the changes need.
    `notes` say what is deliberately left alone. `checks` say what an apply may stumble over.
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
    checks: Checks = NO_CHECKS

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
                "checks": asdict(self.checks),
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
                Change(
                    Action(x["action"]),
                    x["kind"],
                    x["name"],
                    x["before"],
                    x["after"],
                    x.get("owner", ""),
                )
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
            checks=_checks_in(data.get("checks", {})),
        )


def _checks_in(data: Mapping[str, Any]) -> Checks:
    """The checks of a stored plan; a plan of an older version has none."""
    return Checks(
        missing=tuple(data.get("missing", ())),
        grant=str(data.get("grant", "")),
        unchecked=str(data.get("unchecked", "")),
        warnings=tuple(data.get("warnings", ())),
    )


def _change_out(change: Change) -> dict[str, Any]:
    out = {
        "action": change.action.value,
        "kind": change.kind,
        "name": change.name,
        "before": change.before,
        "after": change.after,
    }
    return {**out, "owner": change.owner} if change.owner else out


def digest_of(site: str, purpose: Purpose, changes: Sequence[Change]) -> str:
    """SHA-256 over what a plan would do and over the state that it starts from, in hex."""
    whole = [site, purpose.value, [_change_out(change) for change in changes]]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def make_plan(
    config: SiteConfig, detections: Sequence[Detection], clients: Clients, clock: Clock
) -> Plan:
    """What has to change for the pipeline to stand as wanted; reads only.

    Raises ProviderError, LimitExceeded, and ConfigError for what can't work or isn't ours.
    """
    found = survey(config, detections, clients)
    fresh = any(x.action is Action.CREATE and x.kind == "trail" for x in found.changes)
    said = (
        *(offers(config, clients, clock()) if fresh else ()),
        *watched_notes(config, detections, clients),
    )
    found = replace(found, notes=(*said, *found.notes))
    return _plan(config, Purpose.APPLY, found, clients, clock)


def make_destroy_plan(
    config: SiteConfig,
    detections: Sequence[Detection],
    clients: Clients,
    clock: Clock,
    *,
    include: Sequence[str] = (),
) -> Plan:
    """What taking the pipeline down would remove; reads only.

    The bucket and the log group stay unless `include` names their kinds ("bucket", "log_group"),
    and so does what isn't ours: the plan's notes say so. Raises ProviderError and ConfigError.
    """
    found = survey_destroy(config, detections, clients, include)
    return _plan(config, Purpose.DESTROY, found, clients, clock)


def _plan(
    config: SiteConfig, purpose: Purpose, found: Survey, clients: Clients, clock: Clock
) -> Plan:
    now = clock()
    created = now.replace(microsecond=now.microsecond // 1000 * 1000)
    checks = check(config, found.steps, clients)
    volume = None
    if found.steps:
        volume = expected(config.log_group, clients, now, stands=found.before.trail)
    return Plan(
        id=base64.b32encode(secrets.token_bytes(5)).decode().lower(),
        site=config.site.name,
        purpose=purpose,
        pack=config.pack,
        created_at=created,
        expires_at=created + LIFETIME,
        changes=found.changes,
        unchanged=found.unchanged,
        cost=estimate(
            found.before,
            found.after,
            volume.gigabytes if volume else None,
            volume.how if volume else "",
        ),
        permissions=needed(found.steps),
        digest=digest_of(config.site.name, purpose, found.changes),
        notes=found.notes,
        checks=checks,
    )
