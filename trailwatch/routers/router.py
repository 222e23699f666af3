"""Knows what an on-call service tells of an alert, whichever service it is. Calls none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from trailwatch.alert import AlertState


@dataclass(frozen=True)
class RoutedAlert:
    """An alert as the on-call service itself has it now. Times are UTC-aware."""

    id: str
    alias: str
    tiny_id: str
    message: str
    state: AlertState
    priority: str
    created_at: datetime
    updated_at: datetime
    count: int = 1
    owner: str = ""
    acknowledged_by: str = ""
    closed_by: str = ""
    snoozed_until: datetime | None = None
    description: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class RequestStatus:
    """What became of a request that the service takes now and carries out later."""

    done: bool
    success: bool = False
    reason: str = ""
