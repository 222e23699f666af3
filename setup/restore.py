"""Knows the plan that puts drifted resources back. Pure but for its random id."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from decimal import Decimal

from setup.change import LABELS, Change
from setup.cost import Cost
from setup.plan import LIFETIME, Plan, Purpose, digest_of
from trailwatch.clock import Clock


def restore_plan(site: str, pack: str, changes: Sequence[Change], clock: Clock) -> Plan:
    """A plan of these changes alone, each with its `before` as somebody saw it.

    An apply refuses it where the world moved since. It costs what was agreed to before.
    """
    now = clock()
    created = now.replace(microsecond=now.microsecond // 1000 * 1000)
    kinds = list(LABELS)
    ordered = tuple(sorted(changes, key=lambda one: kinds.index(one.kind)))
    nothing = Decimal(0)
    return Plan(
        id=base64.b32encode(secrets.token_bytes(5)).decode().lower(),
        site=site,
        purpose=Purpose.RESTORE,
        pack=pack,
        created_at=created,
        expires_at=created + LIFETIME,
        changes=ordered,
        unchanged=0,
        cost=Cost((), nothing, nothing),
        permissions=(),
        digest=digest_of(site, Purpose.RESTORE, ordered),
    )
