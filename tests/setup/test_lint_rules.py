"""Each rule of the lint: a chain that breaks it, beside one that breaks none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setup.lint.chain import (
    Alarm,
    Bucket,
    Chain,
    Composite,
    LogGroup,
    MetricFilter,
    Subscription,
    Topic,
    Trail,
)
from setup.lint.items import management_of
from setup.lint.rule import Finding, Severity
from setup.lint.rules import RULES, judge, rules_table

ACCOUNT, REGION = "123456789012", "eu-west-1"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:security"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/trail-to-logs"
BOTH = frozenset({"Read", "Write"})
PUBLISH = {
    "Effect": "Allow",
    "Principal": {"Service": "cloudwatch.amazonaws.com"},
    "Action": "sns:Publish",
    "Resource": TOPIC,
    "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
}
WRITE = {
    "Effect": "Allow",
    "Principal": {"Service": "cloudtrail.amazonaws.com"},
    "Action": "s3:PutObject",
    "Resource": "arn:aws:s3:::archive/AWSLogs/*",
    "Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:cloudtrail:::trail/audit"}},
}
TLS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
TRAIL = Trail(
    "audit",
    region=REGION,
    multi_region=True,
    global_events=True,
    validation=True,
    logging=True,
    log_group="records",
    group_region=REGION,
    role=ROLE,
    bucket="archive",
    management=BOTH,
    excluded=(),
)
FILTER = MetricFilter(
    "root-usage",
    log_group="records",
    pattern='{ $.userIdentity.type = "Root" && $.eventType != "AwsServiceEvent" }',
    namespace="Audit",
    metric="RootUsage",
    value="1",
    has_default=True,
    default=0.0,
    dimensions=frozenset(),
    unit="None",
)
ALARM = Alarm(
    "root-usage",
    namespace="Audit",
    metric="RootUsage",
    dimensions=frozenset(),
    unit="",
    statistic="Sum",
    period=60,
    evaluation_periods=15,
    datapoints=1,
    comparison="GreaterThanOrEqualToThreshold",
    threshold=1.0,
    missing="notBreaching",
    actions_enabled=True,
    alarm_actions=(TOPIC,),
    ok_actions=(TOPIC,),
    description="The root user did something.",
    region=REGION,
    state="OK",
    since=NOW,
)
CHAIN = Chain(
    "main",
    complete=True,
    region=REGION,
    account=ACCOUNT,
    now=NOW,
    trails=(TRAIL,),
    groups=(LogGroup("records", retention=365, group_class="STANDARD"),),
    filters=(FILTER,),
    alarms=(ALARM,),
    topics=(
        Topic(
            "security",
            arn=TOPIC,
            policy={"Statement": [PUBLISH]},
            key="",
            signature_version="2",
            subscriptions_known=True,
        ),
    ),
    subscriptions=(
        Subscription(
            "https example.com",
            topic=TOPIC,
            protocol="https",
            endpoint="example.com",
            confirmed=True,
            filtered=False,
        ),
    ),
    buckets=(Bucket("archive", policy={"Statement": [WRITE, TLS]}, blocked=True),),
)

Breaking = Callable[[Chain], Chain]


def trail(**fields: Any) -> Breaking:
    return lambda chain: replace(chain, trails=(replace(TRAIL, **fields),))


def group(**fields: Any) -> Breaking:
    return lambda chain: replace(chain, groups=(replace(chain.groups[0], **fields),))


def metric_filter(**fields: Any) -> Breaking:
    return lambda chain: replace(chain, filters=(replace(FILTER, **fields),))


def alarm(**fields: Any) -> Breaking:
    return lambda chain: replace(chain, alarms=(replace(ALARM, **fields),))


def topic(**fields: Any) -> Breaking:
    return lambda chain: replace(chain, topics=(replace(chain.topics[0], **fields),))


def subscription(**fields: Any) -> Breaking:
    return lambda chain: replace(chain, subscriptions=(replace(chain.subscriptions[0], **fields),))


def bucket(**fields: Any) -> Breaking:
    return lambda chain: replace(chain, buckets=(replace(chain.buckets[0], **fields),))


def whole(**fields: Any) -> Breaking:
    return lambda chain: replace(chain, **fields)


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Statement": list(statements)}


def filters(count: int, pattern: str = FILTER.pattern or "") -> Breaking:
    """So many filters in one group, each with its alarm."""
    names = [f"RootUsage{number}" for number in range(count)]
    return whole(
        filters=tuple(replace(FILTER, name=name, metric=name, pattern=pattern) for name in names),
        alarms=tuple(replace(ALARM, name=name, metric=name) for name in names),
    )


MAYBE = '{ $.eventName = "CreateUser" && $.errorCode != "x" }'
OTHER_ACCOUNT = {"StringEquals": {"aws:SourceAccount": "111122223333"}}
OTHER_ALARMS = {"ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:*:*:alarm:x-*"}}
OTHER_TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:security"
COMPOSITE = Composite("all-of-it", rule='ALARM("root-usage")', alarm_actions=(TOPIC,))
HELD = replace(COMPOSITE, suppressor="s")
SECOND = replace(TRAIL, name="second", log_group="other")

BROKEN: tuple[tuple[str, str, Breaking, str], ...] = (
    ("TW101", "error", whole(trails=()), "No trail delivers to the log group records"),
    ("TW101", "error", trail(log_group="other"), "its metric filter counts nothing"),
    ("TW101", "error", trail(group_region="us-east-1"), "feeds one of that name in us-east-1"),
    ("TW102", "error", trail(logging=False), "audit is stopped"),
    ("TW103", "error", trail(multi_region=False), "one region only (eu-west-1)"),
    ("TW104", "error", trail(global_events=False), "IAM, STS and sign-ins"),
    ("TW105", "error", trail(management=frozenset()), "no management events"),
    ("TW106", "error", trail(management=frozenset({"Read"})), "reads only"),
    ("TW106", "warning", trail(management=frozenset({"Write"})), "writes only"),
    ("TW107", "warning", trail(validation=False), "no digests"),
    ("TW108", "note", trail(excluded=("kms.amazonaws.com",)), "leaves out kms.amazonaws.com"),
    ("TW108", "warning",
     lambda chain: metric_filter(pattern='{ $.eventSource = "kms.amazonaws.com" }')(
         trail(excluded=("kms.amazonaws.com",))(chain)
     ), "for which root-usage looks"),
    ("TW109", "warning", trail(log_group=""), "delivers to no log group"),
    ("TW110", "error", trail(role=""), "names no role"),
    ("TW110", "error", whole(missing_roles=frozenset({ROLE})), "does not exist"),
    ("TW111", "error", trail(delivery_errors=("S3 says AccessDenied",)), "S3 says AccessDenied."),
    ("TW112", "error", whole(groups=()), "records, which is gone"),
    ("TW113", "note", whole(trails=(TRAIL, SECOND)), "second records the management events"),
    ("TW201", "warning", group(retention=7), "for 7 days"),
    ("TW202", "error", group(group_class="INFREQUENT_ACCESS"), "INFREQUENT_ACCESS"),
    ("TW301", "error", metric_filter(pattern="{ $.eventName = }"), "column"),
    ("TW302", "error",
     metric_filter(pattern='{ $.eventName = "A" && $.eventName = "B" }'), "no event matches"),
    ("TW303", "error", metric_filter(pattern=" "), "every record counts"),
    ("TW303", "error",
     metric_filter(pattern='{ $.eventName != "A" || $.eventName != "B" }'), "column 40"),
    ("TW304", "warning",
     metric_filter(pattern=MAYBE), "may be missing"),
    ("TW305", "warning",
     whole(filters=(FILTER, replace(FILTER, name="two", metric="Two"))), "no alarm looks"),
    ("TW306", "warning",
     lambda chain: alarm(missing="ignore")(metric_filter(has_default=False, default=None)(chain)),
     "never returns to OK"),
    ("TW306", "warning",
     lambda chain: alarm(missing="missing")(metric_filter(has_default=False, default=None)(chain)),
     "INSUFFICIENT_DATA"),
    ("TW307", "error", metric_filter(default=1.0), "reports 1 for every minute"),
    ("TW308", "error", metric_filter(dimensions=frozenset({"user"})), "dimensions and a default"),
    ("TW309", "error", metric_filter(value="0"), "counts 0"),
    ("TW309", "warning", metric_filter(value="$.size"), "a field, or no number"),
    ("TW309", "note", metric_filter(value="5"), "so a sum is no count"),
    ("TW310", "note",
     whole(filters=(FILTER, replace(FILTER, name="two", pattern="{ $.eventName = X }"))),
     "root-usage and two both make"),
    ("TW311", "error", alarm(unit="Count"), "looks at values in Count"),
    ("TW312", "error", whole(groups=()), "of root-usage does not exist"),
    ("TW313", "error", filters(101), "has 101 metric filters"),
    ("TW313", "note", filters(97), "97 of 100"),
    ("TW314", "error", filters(6, "{ $.eventName = %^Delete% }"), "6 filters with a regular"),
    ("TW401", "error", alarm(metric="rootUsage"), "A filter makes RootUsage in Audit."),
    ("TW401", "error", alarm(namespace="CloudTrailMetrics"), "A filter makes RootUsage in Audit."),
    ("TW401", "error", alarm(metric="RotUsage"), "A filter makes RootUsage in Audit."),
    ("TW401", "error", alarm(metric="Something"), "no filter makes it."),
    ("TW402", "error", alarm(dimensions=frozenset({"Account"})), "the dimensions Account"),
    ("TW403", "error", alarm(actions_enabled=False), "are disabled"),
    ("TW404", "error", alarm(alarm_actions=()), "tells nobody"),
    ("TW405", "note", whole(composites=(COMPOSITE,)), "part of the composite alarm all-of-it"),
    ("TW405", "note",
     lambda chain: alarm(alarm_actions=())(whole(composites=(HELD,))(chain)),
     "which s holds back and has no action of its own"),
    ("TW406", "note", alarm(ok_actions=()), "does not tell when it is over"),
    ("TW407", "error", alarm(alarm_actions=(OTHER_TOPIC,)), "its topic in us-east-1"),
    ("TW408", "error", whole(missing_topics=frozenset({TOPIC})), "which does not exist"),
    ("TW409", "warning", alarm(muted_by="maintenance"), "muted by the rule maintenance"),
    ("TW410", "error", alarm(description="x" * 1025), "1,025 characters"),
    ("TW411", "note", alarm(description=""), "no description"),
    ("TW412", "warning", alarm(state="ALARM", since=NOW - timedelta(days=3)), "for 3 days"),
    ("TW413", "error", whole(alarms=()), "No alarm looks at what root-usage counts"),
    ("TW414", "note", alarm(alarm_actions=(TOPIC, TOPIC)), "twice"),
    ("TW421", "error", alarm(statistic="Average"), "pull one event below the threshold"),
    ("TW421", "error", alarm(statistic="SampleCount"), "counts the zeros"),
    ("TW421", "error", alarm(statistic="p99"), "a share of the values"),
    ("TW422", "warning", alarm(statistic="Maximum"), "takes the Maximum."),
    ("TW422", "error", alarm(statistic="Maximum", threshold=3.0), "waits for 3"),
    ("TW423", "error", alarm(threshold=0.0), "goes off at >= 0"),
    ("TW423", "error", alarm(threshold=-1.0, comparison="GreaterThanThreshold"), "> -1"),
    ("TW424", "error", alarm(comparison="LessThanThreshold"), "when all is calm"),
    ("TW425", "note", alarm(comparison="GreaterThanThreshold"), "two events"),
    ("TW426", "warning", alarm(period=300, evaluation_periods=1), "newest period of 300 s only"),
    ("TW426", "warning", alarm(evaluation_periods=5), "more than 240 s late"),
    ("TW427", "note", alarm(period=86400, evaluation_periods=1), "stays on for 24 hours"),
    ("TW428", "warning", alarm(datapoints=2), "in 2 separate periods"),
    ("TW428", "error", alarm(period=300, evaluation_periods=240, datapoints=None),
     "in 240 periods of 300 s, 20 hours of them: it hardly ever goes off"),
    ("TW429", "error", alarm(datapoints=16), "16 out of 15"),
    ("TW429", "error", alarm(period=45), "a period of 45 s"),
    ("TW429", "error", alarm(period=300, evaluation_periods=289), "more than a day"),
    ("TW430", "warning", alarm(period=10, evaluation_periods=61), "period of 10 s"),
    ("TW431", "warning", alarm(missing="breaching"), "where there are no data"),
    ("TW432", "warning", alarm(missing="ignore"), "keeps its state"),
    ("TW433", "note", alarm(missing="missing"), "INSUFFICIENT_DATA"),
    ("TW501", "error",
     topic(policy=policy({**PUBLISH, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}})),
     "does not let root-usage publish"),
    ("TW501", "error",
     topic(policy=policy({**PUBLISH, "Condition": OTHER_ACCOUNT})),
     "does not let root-usage publish"),
    ("TW501", "error",
     topic(policy=policy({**PUBLISH, "Condition": OTHER_ALARMS})),
     "does not let root-usage publish"),
    ("TW502", "warning",
     topic(policy=policy({**PUBLISH, "Principal": "*", "Condition": {}})), "Anybody may publish"),
    ("TW502", "note", topic(policy=policy({**PUBLISH, "Condition": {}})), "for any account"),
    ("TW503", "error", topic(key="alias/aws/sns"), "encrypted with aws/sns"),
    ("TW503", "error",
     topic(key="k-1", key_policy=policy({**PUBLISH, "Action": "kms:Decrypt"})),
     "kms:GenerateDataKey"),
    ("TW504", "note", topic(signature_version="1"), "SHA-1"),
    ("TW505", "error", whole(subscriptions=()), "Nobody is subscribed"),
    ("TW505", "error", subscription(confirmed=False), "1 not confirmed"),
    ("TW506", "warning", subscription(confirmed=False), "https to example.com"),
    ("TW507", "warning", subscription(protocol="http"), "over http"),
    ("TW508", "warning", subscription(filtered=True), "has a filter policy"),
    ("TW601", "warning", bucket(policy=policy({**WRITE, "Condition": {}}, TLS)), "any account"),
    ("TW602", "warning", bucket(policy=policy(WRITE)), "without TLS"),
    ("TW603", "error",
     bucket(policy=policy({**WRITE, "Principal": "*", "Condition": {}}, TLS)), "lets anybody in"),
    ("TW603", "warning", bucket(blocked=False), "not blocked in full"),
)  # fmt: skip


def ids(findings: tuple[Finding, ...]) -> set[str]:
    return {one.rule.id for one in findings}


def test_a_healthy_chain_has_nothing_to_mend() -> None:
    assert judge(CHAIN) == ()


@pytest.mark.parametrize(
    ("rule", "severity", "breaking", "said"),
    BROKEN,
    ids=[f"{one[0]}-{one[3][:30]}" for one in BROKEN],
)
def test_a_broken_chain_is_told(rule: str, severity: str, breaking: Breaking, said: str) -> None:
    found = [one for one in judge(breaking(CHAIN)) if one.rule.id == rule]
    assert len(found) == 1
    assert found[0].severity == severity
    assert said in found[0].message
    assert found[0].mend.endswith((".", "}"))


@pytest.mark.parametrize(("metric", "start"), [("Something", "Make the"), ("RotUsage", "Give the")])
def test_an_alarm_is_not_sent_to_a_filter_of_something_else(metric: str, start: str) -> None:
    found = {one.rule.id: one for one in judge(alarm(metric=metric)(CHAIN))}
    assert found["TW401"].mend.startswith(start)


def test_every_rule_is_broken_somewhere() -> None:
    assert {one[0] for one in BROKEN} == {rule.id for rule in RULES}
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_explains_itself(rule: Any) -> None:
    assert not rule.title.endswith(".")
    assert rule.why.endswith(".")
    assert rule.mend.endswith(".")
    assert rule.source
    assert f"| `{rule.id}` | {rule.severity} |" in rules_table()


def test_worst_comes_first() -> None:
    found = judge(alarm(ok_actions=(), statistic="Average", missing="breaching")(CHAIN))
    assert [one.severity for one in found] == [Severity.ERROR, Severity.WARNING, Severity.NOTE]


UNKNOWN: tuple[Breaking, ...] = (
    trail(**dict.fromkeys(
        ("multi_region", "global_events", "validation", "logging", "log_group", "role",
         "management", "excluded")
    )),
    group(retention=None, group_class=None),
    metric_filter(**dict.fromkeys(
        ("pattern", "namespace", "metric", "value", "has_default", "default", "dimensions", "unit")
    )),
    metric_filter(pattern="${Pattern}", namespace="${Namespace}", metric="${Name}"),
    alarm(**dict.fromkeys(
        ("dimensions", "unit", "statistic", "period", "evaluation_periods", "datapoints",
         "comparison", "threshold", "missing", "actions_enabled", "alarm_actions", "ok_actions",
         "description", "region")
    )),
    alarm(namespace="${Namespace}", metric="${Prefix}Usage"),
    topic(policy=None, key=None, signature_version=None, subscriptions_known=False),
    subscription(topic=None, protocol=None, endpoint=None, confirmed=None, filtered=None),
    bucket(policy=None, blocked=None),
)  # fmt: skip


@pytest.mark.parametrize("change", UNKNOWN)
def test_what_is_not_known_is_not_judged(change: Breaking) -> None:
    assert judge(change(replace(CHAIN, complete=False))) == ()


def test_other_applications_are_left_alone() -> None:
    """A metric filter on a web server's log, with every fault: none of ours."""
    foreign = replace(
        FILTER,
        name="errors",
        log_group="/app/web",
        pattern="ERROR",
        namespace="Web",
        metric="Errors",
    )
    watching = replace(
        ALARM,
        name="errors",
        namespace="Web",
        metric="Errors",
        statistic="Average",
        alarm_actions=(),
    )
    load = replace(ALARM, name="load", namespace="AWS/EC2", metric="CPUUtilization", period=300)
    own = replace(ALARM, name="queue", namespace="Shop", metric="Waiting", missing="breaching")
    chain = replace(CHAIN, filters=(FILTER, foreign), alarms=(ALARM, watching, load, own))
    assert judge(chain) == ()


def test_an_alarm_on_an_expression_watches_too() -> None:
    """Such as FILL(m1, 0): it isn't judged, but its metric is looked at."""
    second = replace(FILTER, name="two", metric="Two")
    chain = replace(CHAIN, filters=(FILTER, second), in_expressions=frozenset({("Audit", "Two")}))
    assert judge(chain) == ()
    assert judge(replace(chain, filters=(second,), alarms=())) == ()


def test_a_prescribed_pattern_is_not_quibbled_with() -> None:
    """Scanners want this text as it is, with its comparison of a field that may be missing."""
    pattern = (
        '{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") && '
        '($.userIdentity.type = "IAMUser") && ($.responseElements.ConsoleLogin = "Success") }'
    )
    assert judge(metric_filter(pattern=pattern)(CHAIN)) == ()


def test_a_default_policy_lets_the_accounts_own_alarms_publish() -> None:
    given = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["SNS:GetTopicAttributes", "SNS:Publish"],
        "Resource": TOPIC,
        "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT}},
    }
    assert judge(topic(policy=policy(given))(CHAIN)) == ()


@pytest.mark.parametrize(
    ("classic", "advanced", "kinds", "excluded"),
    [
        ((), (), {"Read", "Write"}, ()),
        ([{"ReadWriteType": "WriteOnly"}], (), {"Write"}, ()),
        ([{"ReadWriteType": f"{half}Only"} for half in BOTH], (), {"Read", "Write"}, ()),
        ([{"IncludeManagementEvents": False}], (), set(), ()),
        ([{"ExcludeManagementEventSources": ["kms.amazonaws.com"]}], (), {"Read", "Write"},
         ("kms.amazonaws.com",)),
        ((), [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}], set(), ()),
        ((), [{"FieldSelectors": [
            {"Field": "eventCategory", "Equals": ["Management"]},
            {"Field": "readOnly", "Equals": ["false"]},
            {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]},
        ]}], {"Write"}, ("kms.amazonaws.com",)),
    ],
)  # fmt: skip
def test_selectors_are_understood(
    classic: Any, advanced: Any, kinds: set[str], excluded: tuple[str, ...]
) -> None:
    assert management_of(classic, advanced) == (frozenset(kinds), excluded)


def test_unknown_selectors_stay_unknown() -> None:
    assert management_of(None, ()) == (None, None)
    assert management_of([{"IncludeManagementEvents": None}], ()) == (None, None)
