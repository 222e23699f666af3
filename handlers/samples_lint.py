"""Knows one example of each answer of `setup lint`, all invented. See handlers.samples."""

from __future__ import annotations

from dataclasses import replace

from handlers.blocks.kit import Message
from handlers.blocks.lint import lint_message
from handlers.samples_plans import NOW
from setup.lint.chain import Alarm, Chain, MetricFilter, Trail
from setup.lint.rules import judge

_TOPIC = "arn:aws:sns:eu-west-1:123456789012:security"
_TRAIL = Trail(
    "audit",
    region="eu-west-1",
    multi_region=False,
    validation=False,
    logging=True,
    log_group="/audit/records",
    group_region="eu-west-1",
    management=frozenset({"Read", "Write"}),
)
_FILTER = MetricFilter(
    "root-usage",
    log_group="/audit/records",
    pattern='{ $.userIdentity.type = "Root" && $.errorCode != "AccessDenied" }',
    namespace="Audit",
    metric="RootUsage",
    value="1",
    has_default=False,
    dimensions=frozenset(),
)
_ALARM = Alarm(
    "root-usage",
    namespace="Audit",
    metric="RootUsage",
    dimensions=frozenset(),
    statistic="Average",
    period=300,
    evaluation_periods=1,
    datapoints=1,
    comparison="GreaterThanOrEqualToThreshold",
    threshold=1.0,
    missing="missing",
    actions_enabled=True,
    alarm_actions=(_TOPIC,),
    ok_actions=(),
    description="",
    region="eu-west-1",
)
CHAIN = Chain(
    "main",
    region="eu-west-1",
    account="123456789012",
    now=NOW,
    trails=(_TRAIL,),
    filters=(_FILTER,),
    alarms=(_ALARM,),
)
FINDINGS = judge(CHAIN)
_MANY = replace(
    CHAIN,
    alarms=tuple(
        replace(_ALARM, name=f"{name} of the {ordinal}", metric=metric, actions_enabled=False)
        for name, metric in (("root-usage", "RootUsage"), ("policy changes", "rootUsage"))
        for ordinal in ("first", "second", "third", "fourth")
    ),
    unread=("mute rules (it needs cloudwatch:ListAlarmMuteRules)",),
)


def messages() -> dict[str, Message]:
    """The answers by a name of their own."""
    return {
        "lint-findings": lint_message(CHAIN, FINDINGS, NOW),
        "lint-many": lint_message(_MANY, judge(_MANY), NOW),
        "lint-clean": lint_message(CHAIN, (), NOW),
        "lint-empty": lint_message(Chain("main"), (), NOW),
    }
