"""Each kind of drift: made by somebody else's hands, seen, told by whom, put back by a plan."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.faults import Fault
from setup.causes import caused, causes_of, event_names
from setup.drift import Drifted, Severity, find, wished_since
from setup.restore import restore_plan
from trailwatch.clock import utc_now
from trailwatch.errors import StalePlan
from trailwatch.search.lookup import Attribute, LookupSource

TRAIL = "trailwatch"
GROUP = "/trailwatch/cloudtrail"
TOPIC = "arn:aws:sns:us-east-1:123456789012:trailwatch-alarms"
BUCKET = "trailwatch-123456789012-us-east-1"
ROLE = "trailwatch-cloudtrail-to-logs"


def alarm_of(world: Any) -> str:
    return str(world.config().alarm_name(world.detections()[0].id))


def put_alarm(world: Any, **changes: Any) -> None:
    """Write an alarm as it is, but for some fields."""
    cloudwatch = world.aws.client("cloudwatch")
    found = cloudwatch.describe_alarms(AlarmNames=[alarm_of(world)])["MetricAlarms"][0]
    kept = (
        *("AlarmName", "AlarmDescription", "ActionsEnabled", "OKActions", "AlarmActions"),
        *("MetricName", "Namespace", "Statistic", "Period", "EvaluationPeriods", "Threshold"),
        *("DatapointsToAlarm", "ComparisonOperator", "TreatMissingData"),
    )
    cloudwatch.put_metric_alarm(**{**{name: found[name] for name in kept}, **changes})


def put_filter(world: Any, pattern: str) -> None:
    logs = world.aws.client("logs")
    found = logs.describe_metric_filters(logGroupName=GROUP, filterNamePrefix=alarm_of(world))
    kept = found["metricFilters"][0]["metricTransformations"]
    logs.put_metric_filter(
        logGroupName=GROUP,
        filterName=alarm_of(world),
        filterPattern=pattern,
        metricTransformations=kept,
    )


def mute(world: Any, *others: str) -> None:
    schedule = {"Expression": "at(2026-01-01T00:00)", "Duration": "P3650D"}
    world.aws.client("cloudwatch").put_alarm_mute_rule(
        Name="too-noisy",
        Rule={"Schedule": schedule},
        MuteTargets={"AlarmNames": [alarm_of(world), *others]},
    )


def unsubscribe(world: Any) -> None:
    sns = world.aws.client("sns")
    for one in sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])


def pend(world: Any) -> None:
    """The confirmed subscription is gone, and one to the same address that never answered."""
    sns = world.aws.client("sns")
    found = sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    unsubscribe(world)
    refused = Fault("sns", "", "status", 403, count=1)
    world.faults.add(refused)
    sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=found[0]["Endpoint"])
    # The request for confirmation follows the answer: until it is refused, it may still confirm.
    deadline = time.monotonic() + 60
    while refused.count:
        assert time.monotonic() < deadline, "no confirmation was asked for"
        time.sleep(0.01)


def attribute(world: Any, name: str, value: str) -> None:
    """Set one on every subscription of the topic."""
    sns = world.aws.client("sns")
    for one in sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]:
        sns.set_subscription_attributes(
            SubscriptionArn=one["SubscriptionArn"], AttributeName=name, AttributeValue=value
        )


def filtered_by_body(world: Any) -> None:
    attribute(world, "FilterPolicyScope", "MessageBody")
    attribute(world, "FilterPolicy", '{"NewStateValue": ["OK"]}')


def integration(world: Any, kind: str) -> str:
    return next(str(one["id"]) for one in world.integrations.list() if one["type"] == kind)


def switch_off(world: Any, kind: str) -> None:
    world.integrations._data("POST", f"/{integration(world, kind)}/disable")


def no_actions(world: Any) -> None:
    world.integrations.put_actions(
        integration(world, "AmazonSns"),
        {name: [] for name in ("ignore", "create", "close", "acknowledge", "addNote")},
    )


OPEN = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": TOPIC},
    ],
}

KINDS: dict[str, tuple[Callable[[Any], Any], str, Severity, str, str]] = {
    # what was done: (how, kind, severity, words, event; "" where no trail has it)
    "trail stopped": (
        lambda w: w.aws.client("cloudtrail").stop_logging(Name=TRAIL),
        "trail", Severity.LOUD, "is stopped: nothing is recorded", "StopLogging",
    ),
    "trail narrowed": (
        lambda w: w.aws.client("cloudtrail").update_trail(Name=TRAIL, IsMultiRegionTrail=False),
        "trail", Severity.LOUD, "its own region only", "UpdateTrail",
    ),
    "trail records less": (
        lambda w: w.aws.client("cloudtrail").put_event_selectors(
            TrailName=TRAIL,
            EventSelectors=[{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}],
        ),
        "trail", Severity.LOUD, "other events than were chosen", "PutEventSelectors",
    ),
    "trail gone": (
        lambda w: w.aws.client("cloudtrail").delete_trail(Name=TRAIL),
        "trail", Severity.LOUD, "is gone: nothing is recorded", "DeleteTrail",
    ),
    "filter changed": (
        lambda w: put_filter(w, '{ $.eventName = "Nothing" }'),
        "metric_filter", Severity.LOUD, "matches other events", "PutMetricFilter",
    ),
    "filter gone": (
        lambda w: w.aws.client("logs").delete_metric_filter(
            logGroupName=GROUP, filterName=alarm_of(w)
        ),
        "metric_filter", Severity.LOUD, "its alarm can't go off", "DeleteMetricFilter",
    ),
    "alarm gone": (
        lambda w: w.aws.client("cloudwatch").delete_alarms(AlarmNames=[alarm_of(w)]),
        "alarm", Severity.LOUD, "is gone: nobody is told", "DeleteAlarms",
    ),
    "alarm disabled": (
        lambda w: w.aws.client("cloudwatch").disable_alarm_actions(AlarmNames=[alarm_of(w)]),
        "alarm", Severity.LOUD, "is disabled: it tells nobody", "DisableAlarmActions",
    ),
    "alarm muted": (
        mute, "mute_rule", Severity.LOUD, "silences trailwatch-", "PutAlarmMuteRule",
    ),
    "alarm muted with others": (
        lambda w: mute(w, "somebody-elses"),
        "mute_rule", Severity.LOUD, "silences trailwatch-", "PutAlarmMuteRule",
    ),
    "alarm detached": (
        lambda w: put_alarm(w, AlarmActions=[]),
        "alarm", Severity.LOUD, "is detached", "PutMetricAlarm",
    ),
    "wrong statistic": (
        lambda w: put_alarm(w, Statistic="Average"),
        "alarm", Severity.LOUD, "another statistic", "PutMetricAlarm",
    ),
    "another description": (
        lambda w: put_alarm(w, AlarmDescription="Nothing to see"),
        "alarm", Severity.QUIET, "has other description", "PutMetricAlarm",
    ),
    "subscription gone": (
        unsubscribe, "subscription", Severity.LOUD, "is gone", "Unsubscribe",
    ),
    "subscription pending": (
        pend, "subscription", Severity.LOUD, "is pending", "Subscribe",
    ),
    "filter policy": (
        lambda w: attribute(w, "FilterPolicy", '{"severity": ["none"]}'),
        "subscription", Severity.LOUD, "has a filter policy", "SetSubscriptionAttributes",
    ),
    "filter policy on the message's body": (
        filtered_by_body,
        "subscription", Severity.LOUD, "has a filter policy", "SetSubscriptionAttributes",
    ),
    "raw delivery": (
        lambda w: attribute(w, "RawMessageDelivery", "true"),
        "subscription", Severity.LOUD, "delivers raw", "SetSubscriptionAttributes",
    ),
    "topic policy": (
        lambda w: w.aws.client("sns").set_topic_attributes(
            TopicArn=TOPIC, AttributeName="Policy", AttributeValue=json.dumps(OPEN)
        ),
        "topic", Severity.LOUD, "has another policy", "SetTopicAttributes",
    ),
    "retention": (
        lambda w: w.aws.client("logs").put_retention_policy(logGroupName=GROUP, retentionInDays=1),
        "log_group", Severity.NORMAL, "keeps events for another time", "PutRetentionPolicy",
    ),
    "bucket policy": (
        lambda w: w.aws.client("s3").delete_bucket_policy(Bucket=BUCKET),
        "bucket", Severity.LOUD, "has another policy", "DeleteBucketPolicy",
    ),
    "public access block": (
        lambda w: w.aws.client("s3").delete_public_access_block(Bucket=BUCKET),
        "bucket", Severity.LOUD, "not closed to the public", "DeleteBucketPublicAccessBlock",
    ),
    "versioning": (
        lambda w: w.aws.client("s3").put_bucket_versioning(
            Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"}
        ),
        "bucket", Severity.NORMAL, "keeps no versions", "PutBucketVersioning",
    ),
    "lifecycle": (
        lambda w: w.aws.client("s3").delete_bucket_lifecycle(Bucket=BUCKET),
        "bucket", Severity.NORMAL, "keeps its files for another time", "DeleteBucketLifecycle",
    ),
    "role's policy": (
        lambda w: w.aws.client("iam").delete_role_policy(
            RoleName=ROLE, PolicyName="trailwatch-write-logs"
        ),
        "role", Severity.LOUD, "something else than write", "DeleteRolePolicy",
    ),
    "webhook off": (
        lambda w: switch_off(w, "Webhook"),
        "webhook_integration", Severity.LOUD, "hears of no alert", "",
    ),
    "webhook gone": (
        lambda w: w.integrations.delete(integration(w, "Webhook")),
        "webhook_integration", Severity.LOUD, "is gone", "",
    ),
    "incoming off": (
        lambda w: switch_off(w, "AmazonSns"),
        "incoming_integration", Severity.LOUD, "no alarm becomes an alert", "",
    ),
    "actions gone": (
        no_actions, "incoming_integration", Severity.LOUD, "has other actions", "",
    ),
}  # fmt: skip


def look(world: Any) -> tuple[Drifted, ...]:
    found = find(world.config(), world.detections(), world.clients())
    assert found.notes == ()
    return found.items


@pytest.mark.parametrize("case", KINDS)
def test_drift_is_seen_and_put_back(standing: Any, case: str) -> None:
    how, kind, severity, words, event = KINDS[case]
    config = standing.config()
    began = utc_now()
    how(standing)
    standing.faults.clear()
    items = look(standing)
    one = next(item for item in items if item.change.kind == kind)
    assert [item.change.kind for item in items] == [kind], [item.what for item in items]
    assert one.severity is severity and words in one.what and not one.blocked
    assert event in event_names([one.change]) if event else causes_of(one.change) == ()
    if event:
        lookup = LookupSource(standing.aws, pace=0.0)
        page = lookup.find(Attribute.EVENT_NAME, event, began.replace(microsecond=0), utc_now())
        records = [json.loads(found.raw) for found in page.events]
        assert any(caused(one.change, config, record) for record in records), records
    plan = restore_plan(config.site.name, config.pack, [one.change], standing.clock)
    assert set(standing.ends(standing.apply(config, standing.detections(), plan))) == {"done"}
    assert look(standing) == ()


def test_the_same_drift_has_the_same_fingerprint_until_it_changes(standing: Any) -> None:
    def days(number: int) -> str:
        standing.aws.client("logs").put_retention_policy(logGroupName=GROUP, retentionInDays=number)
        (one,) = look(standing)
        return one.fingerprint

    try:
        assert days(1) == days(1) != days(3)
    finally:
        days_wanted = standing.config().retention_days
        standing.aws.client("logs").put_retention_policy(
            logGroupName=GROUP, retentionInDays=days_wanted
        )
    assert look(standing) == ()


def test_a_restore_touches_nothing_else_and_is_void_once_the_world_moved(standing: Any) -> None:
    config = standing.config()
    logs = standing.aws.client("logs")
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=1)
    standing.aws.client("cloudtrail").stop_logging(Name=TRAIL)
    items = {item.change.kind: item for item in look(standing)}
    assert list(items) == ["trail", "log_group"]
    assert items["log_group"].option == "retention_days=1"
    stale = restore_plan("main", config.pack, [items["log_group"].change], standing.clock)
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=3)
    with pytest.raises(StalePlan):
        standing.apply(config, standing.detections(), stale)
    plan = restore_plan("main", config.pack, [items["trail"].change], standing.clock)
    standing.forget()
    standing.apply(config, standing.detections(), plan)
    assert standing.writes() == ["cloudtrail:StartLogging"]
    left = [item.change for item in look(standing)]
    assert [change.kind for change in left] == ["log_group"]
    whole = restore_plan("main", config.pack, left, standing.clock)
    standing.apply(config, standing.detections(), whole)
    assert look(standing) == ()


def test_a_mark_that_is_gone_blocks_the_restore_and_hides_nothing(standing: Any) -> None:
    config = standing.config()
    logs = standing.aws.client("logs")
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}"
    logs.untag_resource(resourceArn=arn, tagKeys=["trailwatch:site"])
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=1)
    standing.aws.client("cloudtrail").stop_logging(Name=TRAIL)
    items = {item.change.kind: item for item in look(standing)}
    assert set(items) == {"trail", "log_group"}
    assert "trailwatch:site" in items["log_group"].blocked and not items["trail"].blocked
    plan = restore_plan("main", config.pack, [items["trail"].change], standing.clock)
    assert set(standing.ends(standing.apply(config, standing.detections(), plan))) == {"done"}
    logs.tag_resource(resourceArn=arn, tags={"trailwatch:site": "main"})
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=config.retention_days)
    assert look(standing) == ()


def test_a_role_that_may_not_read_attributes_plans_and_looks_at_all_else(standing: Any) -> None:
    config, detections = standing.config(), standing.detections()
    attribute(standing, "FilterPolicy", '{"severity": ["none"]}')
    standing.aws.client("cloudtrail").stop_logging(Name=TRAIL)
    standing.faults.add(Fault("aws", "GetSubscriptionAttributes", "status", 403))
    plan = standing.plan(config, detections)
    assert [change.kind for change in plan.changes] == ["trail"]
    (note,) = [one for one in plan.notes if "GetSubscriptionAttributes" in one]
    assert f"the SNS subscription {config.topic} to Opsgenie is not known" in note
    found = find(config, detections, standing.clients())
    assert [one.change.kind for one in found.items] == ["trail"] and found.notes == (note,)
    assert set(standing.ends(standing.apply(config, detections, plan))) == {"done"}
    standing.faults.clear()
    (one,) = look(standing)
    assert one.change.kind == "subscription"
    assert found.blind_to(one.change), "what is not known is not taken for over"
    back = restore_plan(config.site.name, config.pack, [one.change], standing.clock)
    standing.forget()
    assert set(standing.ends(standing.apply(config, detections, back))) == {"done"}
    assert standing.writes() == ["sns:SetSubscriptionAttributes"]
    assert look(standing) == ()


def test_what_was_applied_before_filter_policies_were_looked_at_had_none(standing: Any) -> None:
    config = standing.config()
    attribute(standing, "FilterPolicy", '{"severity": ["none"]}')
    found = find(config, standing.detections(), standing.clients())
    (one,) = found.items
    elder = {
        name: value
        for name, value in (one.change.after or {}).items()
        if name not in ("filter_policy", "raw_delivery")
    }
    assert wished_since(found, {one.key: elder}, None).items == (one,)
    attribute(standing, "FilterPolicy", "{}")
    assert look(standing) == ()


def test_where_mutes_cannot_be_listed_all_else_is_looked_at(on_moto: Any) -> None:
    config = on_moto.built()
    on_moto.aws.client("cloudtrail").stop_logging(Name=TRAIL)
    found = find(config, on_moto.detections(), on_moto.clients())
    assert [item.change.kind for item in found.items] == ["trail"]
    assert found.unseen == ("mute_rule",)
    assert found.notes[0].startswith("Whether alarms are muted is not known: ")


def test_a_key_is_found_in_events_by_what_its_alias_stands_for(on_stand_in: Any) -> None:
    config = on_stand_in.config(kms="own")
    assert set(on_stand_in.ends(on_stand_in.apply(config, on_stand_in.detections()))) == {"done"}
    arn = on_stand_in.clients().key_arn(config.key)
    on_stand_in.aws.client("kms").disable_key(KeyId=arn.rpartition("/")[2])
    (one,) = find(config, on_stand_in.detections(), on_stand_in.clients()).items
    assert one.change.kind == "kms_key" and one.severity is Severity.LOUD
    assert "is disabled or to be deleted" in one.what
    event = {"eventName": "DisableKey", "eventSource": "kms.amazonaws.com"}
    for name in (arn, arn.rpartition("/")[2]):
        record = {**event, "requestParameters": {"keyId": name}}
        assert caused(one.change, config, record, one.ids)
        assert not caused(one.change, config, record)
    plan = restore_plan("main", config.pack, [one.change], on_stand_in.clock)
    done = on_stand_in.ends(on_stand_in.apply(config, on_stand_in.detections(), plan))
    assert set(done) == {"done"}
