"""Today's state as settings: what stands is recognised, what is sound is not doubled."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from setup.drift import find
from setup.imports import Found, look_around
from setup.watched import watched_faults
from trailwatch.detections import load_catalogue

ALL = load_catalogue().pack("cis")
ROLE = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@pytest.fixture
def corp(on_moto: Any) -> Any:
    """An account with a trail of others that feeds the log group /corp."""
    call = on_moto.aws.call
    call("s3", "CreateBucket", Bucket="corp-logs")
    call("logs", "CreateLogGroup", logGroupName="/corp")
    role = call("iam", "CreateRole", RoleName="corp", AssumeRolePolicyDocument=json.dumps(ROLE))
    call(
        "cloudtrail",
        "CreateTrail",
        Name="corp",
        S3BucketName="corp-logs",
        IsMultiRegionTrail=True,
        EnableLogFileValidation=True,
        KmsKeyId=call("kms", "CreateKey")["KeyMetadata"]["Arn"],
        CloudWatchLogsLogGroupArn="arn:aws:logs:us-east-1:123456789012:log-group:/corp:*",
        CloudWatchLogsRoleArn=role["Role"]["Arn"],
    )
    call("cloudtrail", "StartLogging", Name="corp")
    return on_moto


def watch(world: Any, name: str, pattern: str, **alarm: Any) -> None:
    """A filter with its alarm, as a module makes them; `alarm` overrides, None leaves it out."""
    world.aws.call(
        "logs",
        "PutMetricFilter",
        logGroupName="/corp",
        filterName=name,
        filterPattern=pattern,
        metricTransformations=[{"metricName": name, "metricNamespace": "Corp", "metricValue": "1"}],
    )
    if alarm.pop("absent", False):
        return
    arguments = {
        "AlarmName": f"corp-{name}",
        "Namespace": "Corp",
        "MetricName": name,
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "AlarmActions": ["arn:aws:sns:us-east-1:123456789012:corp-alarms"],
        **alarm,
    }
    world.aws.call("cloudwatch", "PutMetricAlarm", **arguments)


def look(world: Any, **changes: Any) -> Found:
    config = world.config(pack="cis", **changes)
    return look_around(config, ALL, ALL, world.clients())


def test_the_same_filter_is_not_doubled(corp: Any) -> None:
    corp.aws.call("sns", "CreateTopic", Name="corp-alarms")
    by_id = {one.id: one for one in ALL}
    first, second, *_ = by_id
    spaced = by_id[first].pattern.replace("||", "  ||  ").replace("&&", "  &&  ")
    watch(corp, "one", spaced)
    watch(corp, "two", by_id[second].pattern, ActionsEnabled=False)
    watch(corp, "own", "{ $.eventName = OurOwnThing }")
    found = look(corp)
    assert found.config.watched == {first: "corp-one"}
    assert [(one.detection, one.lack) for one in found.watched] == [
        (first, ""),
        (second, "its actions are off"),
    ]
    assert [one.name for one in found.unknown] == ["own"]
    plan = corp.plan(found.config, ALL)
    made = {change.name for change in plan.changes if change.kind in ("metric_filter", "alarm")}
    assert f"trailwatch-{first}" not in made
    assert f"trailwatch-{second}" in made
    assert found.config.detection_id("corp-one") == first
    assert (
        "Watched by alarms that are not ours, and not doubled: 1 of the detections." in plan.notes
    )
    assert found.watched[0].late, "one period of 60 s looks at no late record"
    corp.aws.call("cloudwatch", "DeleteAlarms", AlarmNames=["corp-one"])
    notes = corp.plan(found.config, ALL).notes
    assert f"Nothing watches {first} any more: the alarm corp-one is gone." in notes
    drifted = find(found.config, ALL, corp.clients())
    assert f"Nothing watches {first} any more: the alarm corp-one is gone." in drifted.notes


@pytest.mark.parametrize(
    ("alarm", "lack"),
    [
        ({"absent": True}, "it has no alarm"),
        ({"Statistic": "Average"}, "it looks at Average, not at the Sum"),
        ({"Threshold": 1000}, "it waits for 1000 matches, not for 1"),
        ({"Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}, "it waits for 2 matches"),
        ({"Threshold": 1, "ComparisonOperator": "LessThanThreshold"}, "it goes off when there"),
        ({"EvaluationPeriods": 3}, "it waits for 3 periods with matches"),
        ({"AlarmActions": []}, "it does not tell arn:aws:sns:us-east-1:123456789012:"),
    ],
)
def test_an_alarm_that_may_stay_silent_does_not_count(
    corp: Any, alarm: dict[str, Any], lack: str
) -> None:
    watch(corp, "one", ALL[0].pattern, **alarm)
    (one,) = look(corp).watched
    assert one.lack.startswith(lack)
    assert look(corp).config.watched == {}


@pytest.mark.parametrize(
    ("pattern", "alarm", "words"),
    [
        ("", {"Statistic": "Average"}, "looks at Average"),
        ("", {"Threshold": 50}, "waits for 50 matches"),
        ("", {"AlarmActions": []}, "does not tell"),
        ("{ $.eventName = Nothing }", {}, "matches something else"),
    ],
)
def test_what_others_change_of_their_alarm_is_told(
    corp: Any, pattern: str, alarm: dict[str, Any], words: str
) -> None:
    corp.aws.call("sns", "CreateTopic", Name="corp-alarms")
    watch(corp, "one", ALL[0].pattern)
    config = look(corp).config
    assert config.watched == {ALL[0].id: "corp-one"}
    assert watched_faults(config, ALL, corp.clients()) == ()
    watch(corp, "one", pattern or ALL[0].pattern, **alarm)
    (note,) = watched_faults(config, ALL, corp.clients())
    assert ALL[0].id in note and words in note
    assert note in corp.plan(config, ALL).notes


def test_options_are_read_from_what_stands(corp: Any) -> None:
    call = corp.aws.call
    call("logs", "PutRetentionPolicy", logGroupName="/corp", retentionInDays=90)
    selectors = [
        {
            "ReadWriteType": "All",
            "IncludeManagementEvents": True,
            "ExcludeManagementEventSources": ["kms.amazonaws.com"],
        }
    ]
    call("cloudtrail", "PutEventSelectors", TrailName="corp", EventSelectors=selectors)
    found = look(corp)
    assert found.config.adopted == {
        "trail": "corp",
        "bucket": "corp-logs",
        "log_group": "/corp",
        "role": "corp",
    }
    assert found.config.retention_days == 90
    assert found.config.exclude_kms and not found.config.insights
    assert found.config.kms == "", "our topic would be encrypted with a key that may not let it"
    assert any("It is not taken for what trailwatch makes" in note for note in found.notes)
    rows = {name: (before, after) for name, before, after in found.settings}
    assert rows["adopted trail"] == ("", "corp")
    assert rows["retention_days"] == ("365", "90")
    again = look_around(found.config, ALL, ALL, corp.clients())
    assert again.settings == ()
    # The trail leaves out KMS's events, which one detection looks for: nothing else is told.
    notes = corp.plan(found.config, ALL).notes
    assert [note for note in notes if "These see nothing" not in note] == []


def test_our_own_pipeline_is_read_as_it_is(on_stand_in: Any) -> None:
    config = on_stand_in.config(kms="own")
    assert set(on_stand_in.ends(on_stand_in.apply(config, on_stand_in.detections()))) == {"done"}
    config = replace(config, kms="")
    on_stand_in.aws.call(
        "logs", "PutRetentionPolicy", logGroupName=config.log_group, retentionInDays=400
    )
    detections = on_stand_in.detections()
    found = look_around(config, detections, ALL, on_stand_in.clients())
    assert found.trail is None and found.watched == () and found.unknown == ()
    assert found.settings == (("retention_days", "365", "400"), ("kms", "", "own"))
    assert on_stand_in.plan(found.config, detections).empty


def test_a_detection_that_was_dropped_and_is_watched_counts(corp: Any) -> None:
    corp.aws.call("sns", "CreateTopic", Name="corp-alarms")
    dropped, other = ALL[0], ALL[1]
    watch(corp, "one", dropped.pattern)
    config = replace(corp.config(pack="cis"), drop=(dropped.id,))
    found = look_around(config, [other], ALL, corp.clients())
    assert found.config.watched == {dropped.id: "corp-one"}
    assert found.config.drop == ()
