"""Alerts and events for tests of what is kept; their texts are what attackers write."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from trailwatch.alert import Alert, AlertFields, AlertState, Search
from trailwatch.event import Event

NOW = datetime(2025, 2, 2, 12, 6, 35, 472123, tzinfo=UTC)
ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:trailwatch-root-login"


def an_event(name: str = "ConsoleLogin") -> Event:
    return Event(
        id="e-1",
        time=NOW,
        name=name,
        source="signin.amazonaws.com",
        region="us-east-1",
        account="123456789012",
        actor="root",
        actor_kind="Root",
        via="",
        address="203.0.113.7",
        user_agent="Mozilla/5.0 \x00\ud800 <!channel> ‮",
        error_code="",
        error_message="",
        read_only=False,
    )


def an_alert(number: int = 1, **changes: object) -> Alert:
    alert = Alert(
        id=f"a{number}",
        alias=ARN,
        router_id=f"r{number}",
        title="Root signed in \x00 100%_",
        severity="P1",
        state=AlertState.OPEN,
        fields=AlertFields(
            description="Tschüß\ud83d", account="123456789012", state_change=NOW, region="us-east-1"
        ),
        first_seen=NOW + timedelta(minutes=number),
        updated_at=NOW,
        acknowledged_at=NOW,
        search=Search.FOUND,
        events=(an_event(), an_event("CreateUser")),
        events_total=2,
        extra={"tag": "a\x00b"},
    )
    return replace(alert, **changes)  # type: ignore[arg-type]
