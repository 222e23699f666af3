"""What AWS would refuse is refused before anything is made, with a way out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from setup.pipeline import FIRST, description, pipeline
from setup.resources.alarm import MAX_DESCRIPTION
from trailwatch.detections import load_catalogue
from trailwatch.errors import ConfigError, LimitExceeded, TrailwatchError
from trailwatch.site import Site, SiteConfig
from trailwatch.site_options import changed

CONFIG = SiteConfig(Site("main", "123456789012", "eu-west-1"))
CATALOGUE = load_catalogue()
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"prefix": "Trailwatch"}, "bucket"),
        ({"prefix": "trail--watch"}, "trail"),
        ({"prefix": "t"}, "trail"),
        ({"prefix": "trail watch"}, "bucket"),
        ({"prefix": "t" * 60}, "bucket"),
        ({"namespace": "AWS/Trail"}, "namespace"),
        ({"retention_days": 42}, "nearest that it takes is 30"),
        ({"kms": KEY.replace("eu-west-1", "us-east-1")}, "eu-west-1"),
    ],
)
def test_names_and_options_that_aws_refuses(changes: dict[str, Any], part: str) -> None:
    with pytest.raises(ConfigError, match=part) as caught:
        pipeline(replace(CONFIG, **changes), ())
    assert caught.value.fix


def test_an_adopted_name_is_not_judged() -> None:
    names = {"bucket": "Old.Bucket_1", "trail": "Default--trail"}
    assert pipeline(replace(CONFIG, adopted=names), ())


def test_too_many_resources_of_data_events() -> None:
    many = tuple(f"lambda:function-{number}" for number in range(501))
    with pytest.raises(LimitExceeded, match="500"):
        pipeline(replace(CONFIG, data_events=many), ())


def test_each_alarm_says_what_to_do_first_within_what_cloudwatch_takes() -> None:
    for detection in CATALOGUE.detections.values():
        text = description(detection)
        assert len(text) <= MAX_DESCRIPTION
        assert text.startswith(f"[{detection.severity.value}] {detection.title}: ")
        assert FIRST in text
        assert "\n" not in text
    one = next(iter(CATALOGUE.detections.values()))
    long = description(replace(one, runbook="Look. " * 300))
    assert len(long) == MAX_DESCRIPTION
    assert long.endswith("…")
    assert description(replace(one, runbook="")) == long.partition(FIRST)[0]


def policy(*services: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": list(services)},
        "Action": ["kms:GenerateDataKey*", "kms:De*", "kms:Encrypt", "kms:ReEncrypt*"],
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


WHOLE = ("cloudtrail.amazonaws.com", "logs.us-east-1.amazonaws.com", "cloudwatch.amazonaws.com")


def refused(world: Any, config: SiteConfig) -> TrailwatchError:
    with pytest.raises(ConfigError) as caught:
        world.plan(config, world.detections()[:1])
    return caught.value


def test_a_key_of_the_accounts_own_is_looked_at_before_and_then_used(world: Any) -> None:
    made = world.aws.call("kms", "CreateKey", Policy=policy(*WHOLE))["KeyMetadata"]
    config, detections = changed(world.config(), {"kms": made["Arn"]}), world.detections()[:1]
    assert set(world.ends(world.apply(config, detections))) == {"done"}
    assert world.plan(config, detections).empty
    kept = world.aws.call("kms", "GetKeyPolicy", KeyId=made["KeyId"], PolicyName="default")
    assert json.loads(kept["Policy"]) == json.loads(policy(*WHOLE)), "never changed by us"

    world.aws.call("kms", "DisableKey", KeyId=made["KeyId"])
    assert "Disabled" in refused(world, config).why


def test_a_key_that_somebody_may_not_use_is_refused_by_name(on_stand_in: Any) -> None:
    world = on_stand_in
    for lacking in WHOLE:
        others = [service for service in WHOLE if service != lacking]
        made = world.aws.call("kms", "CreateKey", Policy=policy(*others))["KeyMetadata"]
        error = refused(world, changed(world.config(), {"kms": made["Arn"]}))
        assert lacking in error.why
        assert not any(service in error.why for service in others)
    gone = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    assert "does not exist" in refused(world, changed(world.config(), {"kms": gone})).why


def test_an_organization_is_looked_at_before(world: Any) -> None:
    config = changed(world.config(), {"organization": "o-a1b2c3d4e5"})
    assert "in no organization" in refused(world, config).why
    made = world.aws.call("organizations", "CreateOrganization", FeatureSet="ALL")["Organization"]
    assert made["Id"] in refused(world, config).why
    config = replace(config, organization=made["Id"])
    assert "enable-aws-service-access" in refused(world, config).fix
    world.aws.call(
        "organizations", "EnableAWSServiceAccess", ServicePrincipal="cloudtrail.amazonaws.com"
    )
    detections = world.detections()[:1]
    assert set(world.ends(world.apply(config, detections))) == {"done"}
    assert world.plan(config, detections).empty
    trail = world.aws.call("cloudtrail", "DescribeTrails")["trailList"][0]
    assert trail["IsOrganizationTrail"]
    text = json.loads(world.aws.call("s3", "GetBucketPolicy", Bucket=config.bucket)["Policy"])
    write = next(one for one in text["Statement"] if one["Sid"] == "AWSCloudTrailWrite")
    assert [arn.split("/")[2] for arn in write["Resource"]] == ["123456789012", made["Id"]]

    alone = replace(config, organization="")
    plan = world.plan(alone, detections)
    assert {change.kind for change in plan.changes} == {"bucket", "role", "trail"}
    assert set(world.ends(world.apply(alone, detections, plan))) == {"done"}


def test_a_key_in_china_lets_in_the_logs_of_china() -> None:
    site = Site("main", "123456789012", "cn-north-1", "aws-cn")
    key = pipeline(replace(CONFIG, site=site, kms="own"), ())[0]
    by_sid = {one["Sid"]: one for one in key.wanted()["policy"]["Statement"]}
    assert by_sid["OurLogGroup"]["Principal"] == {"Service": "logs.cn-north-1.amazonaws.com.cn"}
    assert by_sid["TheAccountDecides"]["Principal"] == {"AWS": "arn:aws-cn:iam::123456789012:root"}
