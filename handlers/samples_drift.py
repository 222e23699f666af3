"""Knows examples of what is said about drift, and of an alert that an apply set off."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from handlers.blocks.drift import drift_answer, drift_message, record_message
from handlers.blocks.kit import Message
from handlers.blocks.own import done_from_slack, strange_message
from handlers.samples_plans import NOW
from setup.own import Deed, Made
from trailwatch.alert import Alert
from trailwatch.event import Event
from trailwatch.store.drifts import DriftCheck, DriftRow

FOUND = NOW - timedelta(minutes=5)
STOPPED = Event(
    id="00000000-0000-4000-8000-00000000000d",
    time=FOUND - timedelta(minutes=7),
    name="StopLogging",
    source="cloudtrail.amazonaws.com",
    region="eu-west-1",
    account="123456789012",
    actor="mallory",
    actor_kind="IAMUser",
    via="",
    address="198.51.100.66",
    user_agent="aws-cli/2.31.4 md/awscrt#0.27.6 ua/2.1 os/linux#6.1",
    error_code="",
    error_message="",
    read_only=False,
    raw=json.dumps({"eventName": "StopLogging", "requestParameters": {"name": "trailwatch"}}),
)
TRAIL = DriftRow(
    id="d1",
    site="prod",
    key="trail:trailwatch",
    message="m1",
    found_at=FOUND,
    since=FOUND - timedelta(minutes=15),
    change={
        "action": "update",
        "kind": "trail",
        "name": "trailwatch",
        "before": {"logging": False, "multi_region": True},
        "after": {"logging": True, "multi_region": True},
    },
    severity="loud",
    what="is stopped: nothing is recorded",
    fingerprint="1",
    causes=(STOPPED,),
    looks=1,
)
RETENTION = replace(
    TRAIL,
    id="d2",
    key="log_group:/trailwatch/cloudtrail",
    change={
        "action": "update",
        "kind": "log_group",
        "name": "/trailwatch/cloudtrail",
        "before": {"retention_days": 30},
        "after": {"retention_days": 365},
    },
    severity="normal",
    what="keeps events for another time",
    causes=(),
    option="retention_days=30",
)
MUTED = replace(
    TRAIL,
    id="d3",
    key="mute_rule:too-noisy",
    change={
        "action": "delete",
        "kind": "mute_rule",
        "name": "too-noisy",
        "before": {"mutes": ["trailwatch-root-usage"]},
        "after": None,
    },
    what="silences trailwatch-root-usage",
    causes=(replace(STOPPED, name="PutAlarmMuteRule", actor="erin"),),
    until=NOW + timedelta(hours=8),
    ignored_until=NOW + timedelta(hours=8),
    ignored_by="alice",
)
THEIRS = replace(
    RETENTION, id="d4", blocked="It is not ours (no tag), so nobody agreed to change it.", looks=24
)
WEBHOOK = replace(
    RETENTION,
    id="d5",
    key="webhook_integration:trailwatch-prod-webhook",
    change={
        "action": "create",
        "kind": "webhook_integration",
        "name": "trailwatch-prod-webhook",
        "before": None,
        "after": {"enabled": True},
    },
    severity="loud",
    what="is gone: trailwatch hears of no alert",
    option="",
)
OVER = replace(TRAIL, gone_at=NOW, gone_how="restored by alice (plan k3v9x2ma)")
CHECK = DriftCheck("prod", NOW, 36, 3, ("Whether alarms are muted is not known: AWS refused.",))


def own(alert: Alert, strange: int = 0) -> Alert:
    """An alert of which an apply made two events, and somebody else some."""
    extra = {
        "own_plans": "k3v9x2ma",
        "own_by": "alice",
        "own_events": "2",
        "own_strange": str(strange),
        "own_whole": "yes",
        "own_count": "1",
    }
    return replace(alert, extra=extra)


MADE = Made(
    plan="m1",
    by="alice",
    key="mute_rule:trailwatch-mute-m1",
    access_key="",
    began=NOW,
    done=NOW,
    deed=Deed.MUTE,
    about="trailwatch-root-usage",
    why="the yearly audit uses root",
)


def muted(alert: Alert, strange: int = 0, made: Made = MADE) -> Alert:
    """An alert of which a mute from Slack made an event, and somebody else some."""
    done = {"own_done": done_from_slack([made]), "own_plans": "", "own_by": "", "own_events": "1"}
    return replace(alert, extra={**own(alert, strange).extra, **done})


def messages(alert: Alert) -> dict[str, Message]:
    """Every such message by a name of its own."""
    several = (RETENTION, TRAIL, MUTED, THEIRS, WEBHOOK)
    return {
        "drift": drift_message([TRAIL], NOW, "prod", mentions=["U0ALICE", "S0ADMINS"]),
        "drift-several": drift_message(several, NOW, "prod", mentions=["U0ALICE"]),
        "drift-over": drift_message([OVER], NOW, "prod"),
        "drift-partly": drift_message([OVER, RETENTION], NOW, "prod"),
        "drift-answer": drift_answer(CHECK, several, "prod", NOW),
        "drift-none": drift_answer(replace(CHECK, drifted=0, notes=()), (), "prod", NOW),
        "drift-nothing-set-up": drift_answer(None, (), "prod"),
        "drift-record": record_message(TRAIL),
        "alert-strange": strange_message(own(alert, 1), [STOPPED]),
        "alert-strange-mute": strange_message(muted(alert, 1), [STOPPED]),
    }
