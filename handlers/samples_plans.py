"""Knows one example of each message about a plan, made of invented facts. See handlers.samples."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from handlers.blocks.applying import plan_progress, plan_result
from handlers.blocks.change_list import all_changes
from handlers.blocks.destroy import destroy_view
from handlers.blocks.history import PlanEntry, history_message, plan_entry
from handlers.blocks.kit import Block, Message
from handlers.blocks.plan import plan_discarded, plan_expired, plan_message, plan_stale
from setup.apply import Progress, ProgressState
from setup.change import Action, Change
from setup.checks import Checks
from setup.cost import Cost, CostLine
from setup.plan import Plan, Purpose
from trailwatch.errors import AwsError, StalePlan

NOW = datetime(2026, 11, 23, 10, 5, tzinfo=UTC)

_FILTERS = (
    "console-login",
    "login-outside-offices",
    "root-login",
    "failed-login",
    "unauthorized",
    "huge-instance",
    "user-created",
)


def _create(kind: str, name: str) -> Change:
    return Change(Action.CREATE, kind, name, None, {"name": name})


CHANGES = (
    _create("bucket", "trailwatch-123456789012-eu-west-1"),
    _create("log_group", "/trailwatch/cloudtrail"),
    _create("role", "trailwatch-cloudtrail-to-logs"),
    _create("trail", "trailwatch"),
    *(_create("metric_filter", f"trailwatch-{name}") for name in _FILTERS),
    _create("topic", "trailwatch-alarms"),
    *(_create("alarm", f"trailwatch-{name}") for name in _FILTERS),
    _create("incoming_integration", "trailwatch"),
    _create("subscription", "https://api.opsgenie.com/v1/json/amazonsns?apiKey=…"),
    _create("webhook_integration", "trailwatch-out"),
)
COST = Cost(
    lines=(
        CostLine("Metric filters", Decimal("2.10"), "7 custom metrics"),
        CostLine("Alarms", Decimal("0.70"), "7 alarms"),
        CostLine("CloudWatch Logs", Decimal("0.50"), "1 GB a month is assumed"),
        CostLine("Insights", Decimal("0.004"), "by the number of events analysed"),
    ),
    before=Decimal("0"),
    after=Decimal("3.304"),
    notes=("Free each month in an account: 10 custom metrics, 10 alarms, 5 GB of logs.",),
)
PLAN = Plan(
    id="p7c1d9",
    site="prod",
    purpose=Purpose.APPLY,
    pack="walkthrough",
    created_at=NOW,
    expires_at=NOW + timedelta(minutes=10),
    changes=CHANGES,
    unchanged=0,
    cost=COST,
    permissions=("cloudtrail:CreateTrail", "logs:PutMetricFilter", "s3:CreateBucket"),
    digest="0" * 64,
)
UPDATE = replace(
    PLAN,
    changes=(
        Change(
            Action.UPDATE,
            "log_group",
            "/trailwatch/cloudtrail",
            {"retention_days": 90, "class": "STANDARD"},
            {"retention_days": 365, "class": "STANDARD"},
        ),
        Change(
            Action.UPDATE,
            "metric_filter",
            "trailwatch-failed-login",
            {"pattern": '{ $.errorMessage = "Failed authentication" }', "metric": "failed-login"},
            {
                "pattern": '{ ($.eventName = ConsoleLogin) && ($.errorMessage = "Failed '
                'authentication") }',
                "metric": "failed-login",
                "dimensions": "none",
            },
        ),
        _create("alarm", "trailwatch-huge-instance"),
        Change(Action.DELETE, "alarm", "trailwatch-old", {"name": "trailwatch-old"}, None),
    ),
    unchanged=18,
    cost=replace(COST, before=Decimal("3.204")),
    notes=("The trail management-events belongs to somebody else and is left alone.",),
)
DESTROY = replace(
    PLAN,
    purpose=Purpose.DESTROY,
    changes=tuple(
        Change(Action.DELETE, change.kind, change.name, change.after, None)
        for change in reversed(CHANGES[1:])
    ),
    cost=Cost(before=Decimal("3.304")),
    notes=("The bucket keeps its records and is retained.",),
)


_REFUSED = AwsError(
    "The metric filter trailwatch-root-login could not be made.",
    "AWS refused PutMetricFilter: the log group has 100 metric filters, and that is the most.",
    "Delete filters that are no longer needed, then apply again.",
    operation="PutMetricFilter",
    code="LimitExceededException",
)
DONE = tuple(Progress(change, ProgressState.DONE) for change in CHANGES)
FAILED = (
    *DONE[:6],
    Progress(CHANGES[6], ProgressState.FAILED, _REFUSED),
    *(Progress(change, ProgressState.NOT_TRIED) for change in CHANGES[7:]),
)
CANCELLED = (
    *DONE[:6],
    *(Progress(change, ProgressState.NOT_TRIED) for change in CHANGES[6:]),
)
WARNED = replace(
    UPDATE,
    checks=Checks(
        missing=("cloudwatch:PutMetricAlarm", "iam:PassRole"),
        grant='{\n "Version": "2012-10-17",\n "Statement": [\n  {"Sid": "PassRole"}\n ]\n}',
        warnings=("The log group will have 98 of 100 metric filters.",),
    ),
)
UNCHECKED = replace(
    PLAN, checks=Checks(unchecked="AWS refused SimulatePrincipalPolicy (AccessDenied)")
)
ENTRY = PlanEntry(
    plan=PLAN,
    ended="applied",
    proposed_by="alice",
    approved_by="bob",
    approved_at=NOW,
    why="the yearly audit",
    outcome={change.key: ("done", "") for change in CHANGES},
)
BROKEN = replace(
    ENTRY,
    plan=UPDATE,
    ended="failed",
    approved_by="alice",
    why="",
    outcome={
        UPDATE.changes[0].key: ("done", ""),
        UPDATE.changes[1].key: ("failed", str(_REFUSED)),
        UPDATE.changes[2].key: ("not tried", ""),
        UPDATE.changes[3].key: ("not tried", ""),
    },
)


def messages() -> dict[str, Message]:
    """Every message about a plan by a name of its own."""
    empty = replace(PLAN, changes=(), unchanged=22)
    doing = Progress(CHANGES[9], ProgressState.DOING)
    stale = StalePlan("The plan no longer fits.", "The alarm trailwatch-root-login was changed.")
    return {
        "plan-create": plan_message(PLAN, "alice"),
        "plan-update": plan_message(UPDATE, "alice"),
        "plan-destroy": plan_message(DESTROY, "alice"),
        "plan-empty": plan_message(empty, "alice"),
        "plan-discarded": plan_discarded(PLAN, "bob", NOW),
        "plan-stale": plan_stale(PLAN, stale),
        "plan-expired": plan_expired(PLAN),
        "plan-applying": plan_progress(PLAN, [*DONE[:9], doing], "alice"),
        "plan-applied": plan_result(PLAN, DONE, "alice"),
        "plan-applied-empty": plan_result(empty, [], "alice"),
        "plan-failed": plan_result(PLAN, FAILED, "alice"),
        "plan-cancelling": plan_progress(PLAN, [*DONE[:9], doing], "alice", cancelled_by="bob"),
        "plan-cancelled": plan_result(PLAN, CANCELLED, "alice", cancelled_by="bob"),
        "plan-warned": plan_message(WARNED, "alice", why="the yearly audit", second_person=True),
        "plan-unchecked": plan_message(UNCHECKED, "alice"),
        "plan-changes": all_changes(UPDATE.changes)[0],
        "plan-changes-done": all_changes(UPDATE.changes, {"alarm:trailwatch-old": "failed"})[0],
        "history": history_message([ENTRY, BROKEN], "prod"),
        "history-empty": history_message([], "prod"),
        "history-plan": plan_entry(ENTRY),
        "history-failed": plan_entry(BROKEN),
    }


def views() -> dict[str, Block]:
    """Every modal about a plan by a name of its own."""
    doomed = replace(
        DESTROY, checks=Checks(warnings=("The log group /trailwatch/cloudtrail is deleted.",))
    )
    return {
        "modal-destroy": destroy_view(doomed, ["bucket"], "https://hooks.example.com/a"),
        "modal-destroy-all": destroy_view(DESTROY, [], ""),
    }
