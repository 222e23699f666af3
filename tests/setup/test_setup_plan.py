"""What a plan says: its diffs, sentences, cost and text form; and what counts as the same."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from setup.change import Action, Change, FieldDiff
from setup.compare import canonical_policy, differing, same_pattern
from setup.cost import Size, estimate
from setup.pipeline import pipeline
from setup.plan import Plan
from trailwatch.detections import load_catalogue
from trailwatch.errors import ConfigError, LimitExceeded
from trailwatch.site import Site, SiteConfig

SITE = Site("main", "123456789012", "us-east-1")
CONFIG = SiteConfig(
    SITE, router_url="https://api.opsgenie.com", public_url="https://bot.example.com"
)
CATALOGUE = load_catalogue()


def test_a_plan_survives_its_text_form(on_moto: Any) -> None:
    config = on_moto.built()
    on_moto.aws.call("cloudtrail", "StopLogging", Name=config.trail)
    plan = on_moto.plan(replace(config, retention_days=30), on_moto.detections()[:1])
    assert {change.action for change in plan.changes} == {Action.UPDATE, Action.DELETE}
    again = Plan.from_json(plan.to_json())
    assert again == plan
    assert again.to_json() == plan.to_json()


def test_a_plan_says_what_changes_in_plain_words(on_moto: Any) -> None:
    config = on_moto.built()
    on_moto.aws.call("cloudtrail", "StopLogging", Name=config.trail)
    plan = on_moto.plan(replace(config, retention_days=30), on_moto.detections())
    assert [change.summary() for change in plan.changes] == [
        "Change retention_days of the log group /trailwatch/cloudtrail from 365 to 30.",
        "Change logging of the trail trailwatch from no to yes.",
    ]
    assert plan.changes[1].diff() == (FieldDiff("logging", "no", "yes"),)
    assert plan.changes[1].key == "trail:trailwatch"
    assert len(plan.id) == 8
    assert plan.unchanged == 10


def test_items_of_a_list_are_told_apart() -> None:
    def policy(*sids: str) -> dict[str, Any]:
        return {"policy": {"Statement": [{"Sid": sid, "Effect": "Allow"} for sid in sids]}}

    change = Change(Action.UPDATE, "topic", "alarms", policy("A"), policy("A", "B"))
    assert [diff.path for diff in change.diff()] == [
        "policy.Statement[B].Effect",
        "policy.Statement[B].Sid",
    ]
    # A statement without a name leaves the others theirs.
    slipped = {"policy": {"Statement": [*policy("A")["policy"]["Statement"], {"Effect": "Allow"}]}}
    change = Change(Action.UPDATE, "topic", "alarms", slipped, policy("A"))
    assert [diff.path for diff in change.diff()] == ["policy.Statement[1].Effect"]
    same_field = [{"field": "tags", "expectedValue": value} for value in ("one", "two")]
    filters = Change(Action.CREATE, "webhook_integration", "w", None, {"conditions": same_field})
    assert [diff.after for diff in filters.diff()] == ["one", "tags", "two", "tags"]


def test_every_create_shows_all_of_its_fields_and_no_secret(on_moto: Any) -> None:
    plan = on_moto.plan(on_moto.config(), on_moto.detections())
    for change in plan.changes:
        assert change.summary() == f"Create the {change.label} {change.name}."
        assert all(diff.path and diff.before is None for diff in change.diff())
    assert "apiKey=REDACTED" in plan.to_json()


def test_what_aws_ignores_is_no_difference() -> None:
    one = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": ["b", "a"]},
            {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": ["x:A"], "Resource": "c",
             "Condition": {"Bool": {"aws:SecureTransport": False}}},
        ],
    }  # fmt: skip
    other = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "x:A", "Resource": ["c"],
             "Condition": {"Bool": {"aws:SecureTransport": ["false"]}}},
            {"Effect": "Allow", "Principal": "*", "Action": ["s3:*"], "Resource": ["a", "b"]},
        ],
    }  # fmt: skip
    assert canonical_policy(one) == canonical_policy(other)
    assert differing({"policy": one, "list": [1, 2]}, {"policy": other, "list": [2, 1]}) == ()
    other["Statement"][0]["Action"] = "x:B"  # type: ignore[index]
    assert differing({"policy": one}, {"policy": other}) == ("policy",)


def test_patterns_are_compared_by_meaning_where_no_scanner_reads_them() -> None:
    one, other = '{ ($.eventName = "CreateUser") }', "{$.eventName=CreateUser}"
    assert same_pattern(one, other)
    assert not same_pattern(one, "{$.eventName=DeleteUser}")
    assert not same_pattern(one, "{ broken")
    assert differing({"pattern": one}, {"pattern": other}) == ()
    assert differing({"pattern": one}, {"pattern": other}, exact_pattern=True) == ("pattern",)


def test_cost_is_the_sum_of_its_lines() -> None:
    cost = estimate(Size(), Size(metrics=15, alarms=15, trail=True, insights=2), Decimal("12"))
    assert [(line.what, line.monthly) for line in cost.lines] == [
        ("15 custom metrics", Decimal("4.50")),
        ("15 alarms", Decimal("1.50")),
        ("12 GB of logs taken in", Decimal("6.00")),
        ("CloudTrail Insights, 2 of 2 kinds", Decimal("30.80")),
    ]
    assert cost.after == sum(line.monthly for line in cost.lines)
    assert cost.before == 0
    assumed = estimate(Size(), Size(trail=True))
    assert assumed.lines[0].note == "assumed"
    assert any("assumed" in note for note in assumed.notes)


def test_an_alarm_fires_for_a_record_that_comes_ten_minutes_late() -> None:
    for detection in CATALOGUE.pack("walkthrough"):
        alarm = next(one for one in pipeline(CONFIG, (detection,)) if one.kind == "alarm").wanted()
        assert alarm["period"] == detection.period.total_seconds()
        assert alarm["period"] * alarm["evaluation_periods"] >= 600 + alarm["period"]
        assert alarm["datapoints_to_alarm"] == 1
        assert alarm["missing_data"] == "notBreaching"
        assert alarm["statistic"] == "Sum"
        start = f"[{detection.severity}] {detection.title}: "
        assert alarm["description"].startswith(start)
        assert len(alarm["description"]) <= 1024
        assert alarm["ok_actions"] == alarm["alarm_actions"] == [SITE.topic_arn(CONFIG.topic)]


def test_the_pipeline_stands_in_dependency_order() -> None:
    kinds = [one.kind for one in pipeline(CONFIG, CATALOGUE.pack("walkthrough"))]
    assert list(dict.fromkeys(kinds)) == [
        "bucket",
        "log_group",
        "role",
        "trail",
        "metric_filter",
        "topic",
        "alarm",
        "incoming_integration",
        "webhook_integration",
        "subscription",
    ]
    assert len({one.name for one in pipeline(CONFIG, ())}) == 8


def test_the_policies_let_nobody_else_in() -> None:
    wanted = {one.kind: one.wanted() for one in pipeline(CONFIG, ())}
    bucket = json.dumps(wanted["bucket"]["policy"])
    assert bucket.count(SITE.trail_arn(CONFIG.trail)) == 2
    assert '"aws:SecureTransport": "false"' in bucket
    (publish,) = wanted["topic"]["policy"]["Statement"]
    assert publish["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert publish["Condition"]["StringEquals"] == {"aws:SourceAccount": SITE.account}
    (write,) = wanted["role"]["policy"]["Statement"]
    assert write["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert write["Resource"].startswith(
        SITE.arn("logs", f"log-group:{CONFIG.log_group}:log-stream")
    )


def test_what_aws_would_refuse_is_said_before_anything_is_made() -> None:
    with pytest.raises(ConfigError, match="42 days") as caught:
        pipeline(replace(CONFIG, retention_days=42), ())
    assert "30" in caught.value.fix
    detection = CATALOGUE.pack("walkthrough")[0]
    with pytest.raises(LimitExceeded, match="101"):
        pipeline(CONFIG, [replace(detection, id=f"d{i}") for i in range(101)])
    with pytest.raises(LimitExceeded, match="1100"):
        pipeline(CONFIG, [replace(detection, pattern="x" * 1100)])


def test_archive_and_expiry_can_be_switched_off() -> None:
    bucket = pipeline(replace(CONFIG, archive_after_days=0, expire_after_days=400), ())[0]
    (rule,) = bucket.wanted()["lifecycle"]
    assert "Transitions" not in rule
    assert rule["Expiration"] == {"Days": 400}
