"""Knows one example of each message, made of invented facts. Never used to answer anybody.

`trailwatch doctor` lets Slack itself judge these (blocks.validate), and the tests hold them
against recorded ones.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from handlers import (
    samples_acting,
    samples_coverage,
    samples_drift,
    samples_events,
    samples_imports,
    samples_lint,
    samples_plans,
)
from handlers.blocks.alert import alert_message
from handlers.blocks.alert_menu import AlertLinks
from handlers.blocks.audit import AuditRow, audit_message
from handlers.blocks.digest import digest_message
from handlers.blocks.errors import error_message
from handlers.blocks.events import events_message
from handlers.blocks.help import Usage, help_overview, help_topic
from handlers.blocks.home import HomeState, PipelineRow, home_view
from handlers.blocks.kit import Block, Message
from handlers.blocks.same import same_extra
from handlers.blocks.status import status_message
from handlers.samples_plans import CHANGES, NOW
from setup.status import ResourceState, ResourceStatus
from trailwatch.alert import Alert, AlertAction, AlertFields, AlertState, Search
from trailwatch.digest import make_digest
from trailwatch.errors import AwsError, NotAllowed, UsageError
from trailwatch.event import Event

FIRED = NOW - timedelta(minutes=5)
OFFICES = ("203.0.113.0/28",)
LINKS = AlertLinks(
    alarm_url="https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"
    "#alarmsV2:alarm/trailwatch-root-login",
    router_url="https://app.opsgenie.com/alert/detail/5f3c/details",
    trail_url="https://eu-west-1.console.aws.amazon.com/cloudtrailv2/home?region=eu-west-1#/events",
)


_LOGIN = Event(
    id="00000000-0000-4000-8000-000000000000",
    time=FIRED - timedelta(seconds=19),
    name="ConsoleLogin",
    source="signin.amazonaws.com",
    region="eu-west-1",
    account="123456789012",
    actor="root",
    actor_kind="Root",
    via="",
    address="198.51.100.23",
    user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/132.0",
    error_code="",
    error_message="",
    read_only=False,
)


def _earlier(number: int) -> datetime:
    return _LOGIN.time - timedelta(seconds=37 * number)


EVENTS = (
    _LOGIN,
    replace(
        _LOGIN,
        time=_earlier(1),
        actor="jane@example.com",
        actor_kind="AssumedRole",
        via="SSO AdministratorAccess",
        address="203.0.113.9",
    ),
    replace(
        _LOGIN,
        time=_earlier(2),
        actor="deploy",
        actor_kind="IAMUser",
        name="CreateUser",
        source="iam.amazonaws.com",
        error_code="AccessDenied",
        error_message="User: arn:aws:iam::123456789012:user/deploy is not authorized to perform: "
        "iam:CreateUser on resource: arn:aws:iam::123456789012:user/backdoor",
        user_agent="aws-cli/2.31.0 Python/3.13.7 Linux/6.8.0",
        target="backdoor",
    ),
    replace(_LOGIN, time=_earlier(3), error_code="Failure", error_message="Failed authentication"),
    replace(
        _LOGIN,
        time=_earlier(4),
        actor="i-0abc123def4567890",
        actor_kind="AssumedRole",
        via="role web-server",
    ),
)

ALERT = Alert(
    id="a1f0c3d2e4b5968778695a4b3c2d1e0f",
    alias="arn:aws:cloudwatch:eu-west-1:123456789012:alarm:trailwatch-root-login",
    router_id="5f3c",
    tiny_id="1042",
    title="Root console login",
    severity="P1",
    state=AlertState.OPEN,
    fields=AlertFields(
        description="The root user signed in to the AWS console. Nobody should: root cannot be "
        "limited by any policy.",
        account="123456789012",
        account_name="prod",
        region="eu-west-1",
        region_name="Europe (Ireland)",
        alarm_name="trailwatch-root-login",
        alarm_arn="arn:aws:cloudwatch:eu-west-1:123456789012:alarm:trailwatch-root-login",
        reason="Threshold Crossed: 1 datapoint [3.0 (23/11/26 09:59:00)] was greater than or "
        "equal to the threshold (1.0).",
        state_change=FIRED,
        detection_id="root-login",
    ),
    first_seen=FIRED,
    updated_at=FIRED,
    count=3,
    search=Search.FOUND,
    events=EVENTS,
    events_total=12,
)
ACKNOWLEDGED = replace(
    ALERT,
    state=AlertState.ACKNOWLEDGED,
    acknowledged_by="alice@example.com",
    acknowledged_at=FIRED + timedelta(minutes=2),
)
CLOSED = replace(
    ACKNOWLEDGED,
    state=AlertState.CLOSED,
    closed_by="bob@example.com",
    closed_at=FIRED + timedelta(minutes=40),
)
WAITING = replace(ALERT, search=Search.WAITING, events=(), events_total=0, count=1)
OTHER = replace(
    ALERT,
    id="b2",
    alias="arn:aws:cloudwatch:us-east-1:123456789012:alarm:trailwatch-user-created",
    tiny_id="1040",
    title="New IAM user",
    severity="P3",
    fields=replace(ALERT.fields, region="us-east-1", region_name="US East (N. Virginia)"),
    first_seen=FIRED - timedelta(hours=3),
    count=1,
)


def _alerts() -> dict[str, Message]:
    def shown(alert: Alert, now: datetime = NOW) -> Message:
        return alert_message(alert, now, LINKS, OFFICES)

    soon = FIRED + timedelta(seconds=3)
    nothing = replace(
        WAITING,
        search=Search.NOTHING,
        search_note="the log group keeps 1 day and the alarm fired 3 days ago",
    )
    failed = replace(
        WAITING,
        search=Search.FAILED,
        search_note="AWS refused FilterLogEvents: the role lacks logs:FilterLogEvents",
    )
    pending = replace(ALERT, pending=AlertAction.ACKNOWLEDGE.value, pending_by="alice")
    snoozed = replace(
        ACKNOWLEDGED, state=AlertState.SNOOZED, snoozed_until=FIRED + timedelta(hours=4)
    )
    bare = replace(WAITING, fields=AlertFields(), severity="", tiny_id="")
    return {
        "alert-open": shown(ALERT),
        "alert-looking": shown(WAITING, soon),
        "alert-arriving": shown(WAITING),
        "alert-nothing": shown(nothing),
        "alert-failed": shown(failed),
        "alert-pending": shown(pending),
        "alert-acknowledged": shown(ACKNOWLEDGED),
        "alert-snoozed": shown(snoozed),
        "alert-closed": shown(CLOSED),
        "alert-bare": alert_message(bare, NOW),
    }


def _events() -> dict[str, Message]:
    searched = (FIRED - timedelta(minutes=5), FIRED)
    many = [
        replace(EVENTS[n % 5], id=str(n), time=FIRED - timedelta(seconds=9 * n)) for n in range(26)
    ]
    refused = AwsError(
        "The log group could not be searched.",
        "AWS refused FilterLogEvents: access denied.",
        "Give the bot's role logs:FilterLogEvents on the log group.",
        operation="FilterLogEvents",
        code="AccessDeniedException",
        permission="logs:FilterLogEvents",
    )
    note = "The log group keeps records for 365 days."
    return {
        "events-found": events_message(ALERT, EVENTS, 5, searched, offices=OFFICES),
        "events-many": events_message(ALERT, many, 31, searched, note, offices=OFFICES),
        "events-none": events_message(ALERT, [], 0, searched),
        "events-failed": events_message(ALERT, [], 0, searched, error=refused),
    }


STATUSES = (
    *(ResourceStatus(change.kind, change.name, ResourceState.OK) for change in CHANGES[:3]),
    ResourceStatus(
        "trail",
        "trailwatch",
        ResourceState.DIFFERS,
        "logging is no, not yes.",
        {"logging": "no", "last delivery": "2026-11-23T09:58:00.000Z"},
    ),
    *(ResourceStatus(change.kind, change.name, ResourceState.OK) for change in CHANGES[4:12]),
    ResourceStatus(
        "alarm", "trailwatch-console-login", ResourceState.OK, "", {"state": "INSUFFICIENT_DATA"}
    ),
    ResourceStatus("alarm", "trailwatch-root-login", ResourceState.MISSING, "It does not exist."),
)


def _statuses() -> dict[str, Message]:
    return {
        "status-problems": status_message(STATUSES, "prod", NOW),
        "status-ok": status_message(STATUSES[:3], "prod", NOW),
        "status-nothing": status_message((), "prod", NOW),
    }


MESSAGE = "https://example.slack.com/archives/C1/p2"
_AUDIT = (
    AuditRow(NOW, "alice", "acknowledge", "Root console login", "done"),
    AuditRow(
        NOW - timedelta(minutes=9),
        "alice",
        "apply the plan",
        "plan p7c1d9",
        "applied, 22 of 22 changes done",
    ),
    AuditRow(NOW - timedelta(minutes=12), "carol", "apply the plan", "plan p7c1d9", "refused"),
)
_PIPELINE = (
    PipelineRow("Trail", "ok", "logging, last delivery 2 min ago"),
    PipelineRow("Metric filters and alarms", "ok", "7 of 7 as wanted"),
    PipelineRow(
        "Subscription", "bad", "not confirmed", "Send the request again: /trailwatch setup plan"
    ),
    PipelineRow("Opsgenie’s webhook", "warning", "nothing received yet"),
)
_USAGES = (
    Usage("help", "help [TOPIC]", "help setup", "viewer", "Lists the commands, or explains some."),
    Usage(
        "setup plan",
        "setup plan [--pack NAME]",
        "setup plan --pack cis",
        "admin",
        "Shows what would be made, with its cost, and offers to apply it.",
    ),
    Usage("setup status", "setup status", "setup status", "viewer", "Shows what stands."),
    Usage("digest now", "digest now", "digest now", "responder", "Posts the digest so far."),
)


def _others() -> dict[str, Message]:
    since = NOW - timedelta(days=1)
    alerts = [ACKNOWLEDGED, CLOSED, OTHER, replace(WAITING, id="c3", title="Root console login")]
    refused = NotAllowed(
        "You need the role admin to apply a plan; you are viewer.",
        "admin",
        fix="An admin can grant it: /trailwatch access grant @carol admin",
    )
    aws = AwsError(
        "The trail trailwatch could not be created.",
        "AWS refused CreateTrail: the account has 5 trails in this region.",
        "Delete a trail that is no longer needed, then apply again.",
        operation="CreateTrail",
        code="MaximumNumberOfTrailsExceededException",
        request_id="8f1f4c0e-2f5c-4c39-9d3e-000000000000",
    )
    usage = UsageError("There is no command “setpu”.", fix="Did you mean setup plan?")
    return {
        "digest-busy": digest_message(make_digest(alerts, since, NOW, NOW)),
        "digest-quiet": digest_message(make_digest([], since, NOW, NOW)),
        "help-overview": help_overview(_USAGES),
        "help-topic": help_topic("setup", _USAGES[1:3]),
        "error-refused": error_message(refused),
        "error-provider": error_message(aws),
        "error-usage": error_message(usage),
        "error-unexpected": error_message("e7f3a1c2"),
        "audit": audit_message(_AUDIT, 40),
        "audit-empty": audit_message(()),
    }


def messages() -> dict[str, Message]:
    """Every message by a name of its own."""
    return {
        **_alerts(),
        **_events(),
        **samples_plans.messages(),
        **samples_lint.messages(),
        **samples_imports.messages(),
        **samples_coverage.messages(),
        **samples_drift.messages(ALERT),
        **samples_events.messages(ALERT, EVENTS),
        "alert-own": alert_message(samples_drift.own(ALERT), NOW, LINKS, OFFICES),
        "alert-own-strange": alert_message(samples_drift.own(ALERT, 1), NOW, LINKS, OFFICES),
        "alert-same": alert_message(
            replace(ALERT, extra=same_extra(((ACKNOWLEDGED, MESSAGE), (WAITING, "")))), NOW, LINKS
        ),
        "alert-muted": alert_message(samples_drift.muted(ALERT), NOW, LINKS, OFFICES),
        **samples_acting.messages(ALERT),
        **_statuses(),
        **_others(),
    }


def views() -> dict[str, Block]:
    """Every Home view and modal by a name of its own."""
    busy = HomeState(
        user="alice",
        role="admin",
        open_alerts=(WAITING, ACKNOWLEDGED, OTHER),
        pipeline=_PIPELINE,
        audit=_AUDIT,
        sandbox=True,
        services=("Opsgenie",),
        next_digest=NOW + timedelta(hours=23),
    )
    return {
        "home-admin": home_view(busy),
        "home-viewer": home_view(replace(busy, user="carol", role="viewer", sandbox=False)),
        "home-empty": home_view(HomeState(user="bob", role="responder")),
        **samples_acting.views(ALERT),
        **samples_plans.views(),
        **samples_events.views(),
    }
