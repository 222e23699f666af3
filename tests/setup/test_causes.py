"""The table of causes against events that AWS recorded, and against itself."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from setup.causes import CAUSES, GONE, caused, causes_of, names_of, touched
from setup.change import LABELS, Action, Change
from trailwatch.site import Site, SiteConfig

CONFIG = SiteConfig(Site("main", "123456789012", "us-east-1"))

RECORDED = {
    # event: (kind, parameter that names it, a field that it changes or GONE)
    "StopLogging": ("trail", "name", "logging"),
    "DeleteTrail": ("trail", "name", GONE),
    "PutEventSelectors": ("trail", "trailName", "event_selectors"),
    "DeleteLogGroup": ("log_group", "logGroupName", GONE),
    "PutBucketPolicy": ("bucket", "bucketName", "policy"),
    "DeleteBucketPolicy": ("bucket", "bucketName", "policy"),
    "PutBucketPublicAccessBlock": ("bucket", "bucketName", "public_access_block"),
    "PutBucketLifecycle": ("bucket", "bucketName", "lifecycle"),
    "DeleteBucketLifecycle": ("bucket", "bucketName", "lifecycle"),
    "PutBucketTagging": ("bucket", "bucketName", "tags"),
    "DeleteBucket": ("bucket", "bucketName", GONE),
    "PutRolePolicy": ("role", "roleName", "policy"),
    "DeleteRolePolicy": ("role", "roleName", "policy"),
    "UpdateAssumeRolePolicy": ("role", "roleName", "trust"),
    "DeleteRole": ("role", "roleName", GONE),
}


def change(kind: str, name: str, field: str = GONE) -> Change:
    if field == GONE:
        return Change(Action.CREATE, kind, name, None, {"x": 1})
    return Change(Action.UPDATE, kind, name, {field: "now"}, {field: "wanted"})


def records(shared: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for file in sorted((shared / "data").glob("*.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            found += [json.loads(line) for line in lines]
    return found


@pytest.mark.parametrize("event", RECORDED)
def test_a_recorded_event_names_what_it_changed(shared: Path, event: str) -> None:
    kind, parameter, field = RECORDED[event]
    seen = [
        one
        for one in records(shared)
        if one.get("eventName") == event and (one.get("requestParameters") or {}).get(parameter)
    ]
    assert seen
    for record in seen:
        name = record["requestParameters"][parameter]
        ours = change(kind, name, field)
        assert touched(kind, name, CONFIG, record)
        assert caused(ours, CONFIG, {**record, "errorCode": ""})
        assert not caused(ours, CONFIG, {**record, "errorCode": "AccessDenied"})
        assert not caused(change(kind, "another", field), CONFIG, record)
        assert not touched(kind, "another", CONFIG, record)


def test_no_recorded_event_is_taken_for_ours(shared: Path) -> None:
    ours = [
        ("trail", CONFIG.trail), ("bucket", CONFIG.bucket), ("role", CONFIG.role),
        ("log_group", CONFIG.log_group), ("topic", CONFIG.topic), ("subscription", "x"),
        ("metric_filter", "trailwatch-root-usage"), ("alarm", "trailwatch-root-usage"),
    ]  # fmt: skip
    for record in records(shared):
        assert not [one for one in ours if touched(*one, CONFIG, record)], record


def record(event: str, source: str, **parameters: Any) -> dict[str, Any]:
    return {
        "eventName": event,
        "eventSource": f"{source}.amazonaws.com",
        "requestParameters": parameters,
    }


def test_lists_arns_and_what_it_lies_in_name_a_resource() -> None:
    alarm = change("alarm", "trailwatch-a", "actions_enabled")
    off = record("DisableAlarmActions", "monitoring", alarmNames=["other", "trailwatch-a"])
    assert caused(alarm, CONFIG, off)
    assert not caused(change("alarm", "trailwatch-b", "actions_enabled"), CONFIG, off)
    trail = change("trail", "trailwatch", "logging")
    arn = "arn:aws:cloudtrail:us-east-1:123456789012:trail/trailwatch"
    assert caused(trail, CONFIG, record("StopLogging", "cloudtrail", name=arn))
    elsewhere = arn.replace("123456789012", "111122223333")
    assert not caused(trail, CONFIG, record("StopLogging", "cloudtrail", name=elsewhere))
    gone = change("metric_filter", "trailwatch-a")
    assert caused(gone, CONFIG, record("DeleteLogGroup", "logs", logGroupName=CONFIG.log_group))
    other = record("DeleteMetricFilter", "logs", logGroupName="/x", filterName="trailwatch-a")
    assert not caused(gone, CONFIG, other)
    topic = CONFIG.site.topic_arn(CONFIG.topic)
    left = record("Unsubscribe", "sns", subscriptionArn=f"{topic}:0001")
    assert caused(change("subscription", "x"), CONFIG, left)


def test_only_what_changes_the_field_can_have_changed_it() -> None:
    topic = CONFIG.site.topic_arn(CONFIG.topic)
    signature = record(
        "SetTopicAttributes", "sns", topicArn=topic, attributeName="SignatureVersion"
    )
    assert not caused(change("topic", CONFIG.topic, "policy"), CONFIG, signature)
    assert caused(change("topic", CONFIG.topic, "signature_version"), CONFIG, signature)
    stopped = record("StopLogging", "cloudtrail", name="trailwatch")
    assert not caused(change("trail", "trailwatch", "multi_region"), CONFIG, stopped)
    assert touched("trail", "trailwatch", CONFIG, stopped)
    wrong_service = {**stopped, "eventSource": "ec2.amazonaws.com"}
    assert not touched("trail", "trailwatch", CONFIG, wrong_service)


def test_whatever_a_record_holds_is_no_error() -> None:
    for parameters in (None, "x", [], {"name": {"a": 1}}, {"name": 7}, {"alarmNames": [None, {}]}):
        for event, source in (("StopLogging", "cloudtrail"), ("DeleteAlarms", "monitoring")):
            odd = {**record(event, source), "requestParameters": parameters}
            assert not touched("trail", "trailwatch", CONFIG, odd)
            assert not touched("alarm", "trailwatch-a", CONFIG, odd)


def test_every_kind_in_the_trail_has_causes_and_names() -> None:
    in_no_trail = {"incoming_integration", "webhook_integration"}
    for kind in LABELS:
        if kind in in_no_trail:
            assert causes_of(change(kind, "x")) == ()
            continue
        assert causes_of(change(kind, "x")), kind
        names = names_of(kind, "x", CONFIG)
        for cause in CAUSES:
            if cause.kind == kind:
                assert all(which in names for _, which in cause.named)
