"""A pipeline in an account that has a trail already: it is used, widened, never replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sandbox.faults import Fault
from setup.adopt import adopting, asked, find_trails, touched
from setup.adopt_resources import Adopted
from setup.apply import apply
from setup.drift import find
from setup.plan import Plan, make_destroy_plan
from trailwatch.errors import ConfigError, NotFound, UsageError
from trailwatch.site import Site, SiteConfig

SITE = Site("main", "123456789012", "us-east-1")
BUCKET, GROUP, ROLE, TOPIC = "corp-trail-logs", "/corp/trail", "corp-trail-to-logs", "corp-security"
TERRAFORM = [{"Key": "managed-by", "Value": "terraform"}]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def bucket_policy(bucket: str = BUCKET) -> dict[str, Any]:
    service = {"Service": "cloudtrail.amazonaws.com"}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AWSCloudTrailAclCheck",
                "Effect": "Allow",
                "Principal": service,
                "Action": "s3:GetBucketAcl",
                "Resource": f"arn:aws:s3:::{bucket}",
            },
            {
                "Sid": "AWSCloudTrailWrite",
                "Effect": "Allow",
                "Principal": service,
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{bucket}/AWSLogs/*",
                "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
            },
        ],
    }


def make_trail(world: Any, *, logs: bool = True, start: bool = True, **changes: Any) -> None:
    """A trail as a Terraform module would leave it; `logs`: it feeds a log group."""
    call = world.aws.call
    call("s3", "CreateBucket", Bucket=BUCKET)
    call("s3", "PutBucketPolicy", Bucket=BUCKET, Policy=json.dumps(bucket_policy()))
    call("s3", "PutBucketTagging", Bucket=BUCKET, Tagging={"TagSet": TERRAFORM})
    rule = {
        "ID": "theirs",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Expiration": {"Days": 9},
    }
    call(
        "s3",
        "PutBucketLifecycleConfiguration",
        Bucket=BUCKET,
        LifecycleConfiguration={"Rules": [rule]},
    )
    feeds = {}
    if logs:
        call("logs", "CreateLogGroup", logGroupName=GROUP, tags={"managed-by": "terraform"})
        call("logs", "PutRetentionPolicy", logGroupName=GROUP, retentionInDays=731)
        role = call(
            "iam",
            "CreateRole",
            RoleName=ROLE,
            Path="/service-role/",
            AssumeRolePolicyDocument=json.dumps(TRUST),
        )
        feeds = {
            "CloudWatchLogsLogGroupArn": SITE.log_group_arn(GROUP),
            "CloudWatchLogsRoleArn": role["Role"]["Arn"],
        }
    wanted = {
        "IsMultiRegionTrail": True,
        "IncludeGlobalServiceEvents": True,
        "EnableLogFileValidation": True,
        **changes,
    }
    call(
        "cloudtrail",
        "CreateTrail",
        Name="corp-trail",
        S3BucketName=BUCKET,
        TagsList=TERRAFORM,
        **feeds,
        **wanted,
    )
    if start:
        call("cloudtrail", "StartLogging", Name="corp-trail")


def make_topic(world: Any, name: str = TOPIC) -> str:
    arn = str(world.aws.call("sns", "CreateTopic", Name=name, Tags=TERRAFORM)["TopicArn"])
    world.aws.call("sns", "Subscribe", TopicArn=arn, Protocol="email", Endpoint="a@example.com")
    # They may have the same on-call service, under a key of theirs.
    return arn


def snapshot(world: Any) -> dict[str, Any]:
    """All of the account that this product could touch, with its parts in a stable order."""
    call = world.aws.call
    out: dict[str, Any] = {}
    for one in call("cloudtrail", "DescribeTrails")["trailList"]:
        name = one["Name"]
        selectors = call("cloudtrail", "GetEventSelectors", TrailName=name)
        status = call("cloudtrail", "GetTrailStatus", Name=name)
        tags = call("cloudtrail", "ListTags", ResourceIdList=[one["TrailARN"]])
        out[f"trail {name}"] = [
            one,
            selectors.get("EventSelectors"),
            selectors.get("AdvancedEventSelectors"),
            status["IsLogging"],
            tags["ResourceTagList"],
        ]
    for one in call("s3", "ListBuckets")["Buckets"]:
        name = one["Name"]
        reads = {
            "GetBucketPolicy": "Policy",
            "GetBucketTagging": "TagSet",
            "GetBucketVersioning": "Status",
            "GetBucketLifecycleConfiguration": "Rules",
            "GetBucketEncryption": "ServerSideEncryptionConfiguration",
            "GetPublicAccessBlock": "PublicAccessBlockConfiguration",
        }
        out[f"bucket {name}"] = {read: _try(world, read, key, name) for read, key in reads.items()}
    for one in call("logs", "DescribeLogGroups")["logGroups"]:
        name = one["logGroupName"]
        found = call("logs", "DescribeMetricFilters", logGroupName=name)["metricFilters"]
        arn = SITE.log_group_arn(name).removesuffix(":*")
        tags = call("logs", "ListTagsForResource", resourceArn=arn)["tags"]
        out[f"group {name}"] = [one.get("retentionInDays"), tags]
        out |= {f"filter {name} {each['filterName']}": each for each in found}
    for one in call("iam", "ListRoles")["Roles"]:
        name = one["RoleName"]
        role = call("iam", "GetRole", RoleName=name)["Role"]
        role.pop("RoleLastUsed", None)
        policies = call("iam", "ListRolePolicies", RoleName=name)["PolicyNames"]
        out[f"role {name}"] = [role, policies]
    for one in call("sns", "ListTopics").get("Topics", []):
        attributes = call("sns", "GetTopicAttributes", TopicArn=one["TopicArn"])["Attributes"]
        attributes = {k: v for k, v in attributes.items() if not k.startswith("Subscriptions")}
        tags = call("sns", "ListTagsForResource", ResourceArn=one["TopicArn"])["Tags"]
        out[f"topic {one['TopicArn']}"] = [attributes, tags]
    for one in call("sns", "ListSubscriptions").get("Subscriptions", []):
        out[f"subscription {one['SubscriptionArn']} {one['Endpoint']}"] = one["Protocol"]
    for one in call("cloudwatch", "DescribeAlarms")["MetricAlarms"]:
        lean = {k: v for k, v in one.items() if not k.startswith("State")}
        out[f"alarm {one['AlarmName']}"] = lean
    return out


def _try(world: Any, operation: str, key: str, bucket: str) -> Any:
    absent = (
        "NoSuchBucketPolicy",
        "NoSuchTagSet",
        "NoSuchLifecycleConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
        "NoSuchPublicAccessBlockConfiguration",
    )
    found = world.clients().find("s3", operation, absent, Bucket=bucket)
    return (found or {}).get(key)


def changed_by_us(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """What was there before and is not the same any more."""
    return {name for name in before if after.get(name) != before[name]}


def config_of(world: Any, text: str, **changes: Any) -> SiteConfig:
    return adopting(replace(world.config(), **changes), text, world.clients())


def besides_offices(plan: Plan) -> list[str]:
    """A plan's notes but the one that no office is set."""
    return [note for note in plan.notes if not note.startswith("No office is set")]


def destroy(world: Any, config: SiteConfig) -> Plan:
    detections = world.detections()
    plan = make_destroy_plan(config, detections, world.clients(), world.clock)
    ended = world.ends(apply(plan, config, detections, world.clients(), world.clock))
    assert set(ended) <= {"done"}
    return plan


def test_a_fresh_plan_offers_the_trail_that_is_there(on_moto: Any) -> None:
    make_trail(on_moto)
    plan = on_moto.plan(on_moto.config(), on_moto.detections())
    (note,) = besides_offices(plan)
    assert note.startswith("There is a trail already, corp-trail: --adopt yes uses it")
    assert note.endswith("It is: Terraform (tag managed-by=terraform); feeds /corp/trail.")
    assert "$2.00 for each 100,000 management events" in note
    assert any(change.kind == "trail" for change in plan.changes), "nobody decided: our own"
    decided = on_moto.plan(config_of(on_moto, "none"), on_moto.detections())
    assert besides_offices(decided) == []


def test_the_cost_of_a_second_trail_comes_from_the_volume(on_moto: Any) -> None:
    make_trail(on_moto)
    on_moto.aws.call(
        "cloudwatch",
        "PutMetricData",
        Namespace="AWS/Logs",
        MetricData=[
            {
                "MetricName": "IncomingBytes",
                "Dimensions": [{"Name": "LogGroupName", "Value": GROUP}],
                "Timestamp": on_moto.clock() - timedelta(days=1),
                "Value": 100_000_000.0,
            }
        ],
    )
    (note,) = besides_offices(on_moto.plan(on_moto.config(), on_moto.detections()))
    assert "about $40.00 a month here" in note, "3 GB a month are 2 million events"


def test_an_adopted_pipeline_changes_nothing_of_theirs(world: Any) -> None:
    make_trail(world)
    make_topic(world)
    before = snapshot(world)
    config = config_of(world, f"trail=corp-trail,topic={TOPIC}")
    assert config.adopted == {
        "trail": "corp-trail",
        "bucket": BUCKET,
        "log_group": GROUP,
        "role": f"service-role/{ROLE}",
        "topic": TOPIC,
    }
    plan = world.plan(config, world.detections())
    assert {change.kind for change in plan.changes} == {
        *("metric_filter", "alarm", "subscription"),
        *("incoming_integration", "webhook_integration"),
    }
    assert set(world.ends(world.apply(config, world.detections(), plan))) == {"done"}
    assert changed_by_us(before, snapshot(world)) == set()
    assert world.plan(config, world.detections()).empty
    alarm = world.aws.call("cloudwatch", "DescribeAlarms")["MetricAlarms"][0]
    assert alarm["AlarmActions"] == [SITE.topic_arn(TOPIC)]
    gone = destroy(world, config)
    assert {change.kind for change in gone.changes} == {c.kind for c in plan.changes}
    assert any("corp-trail stays: it is not ours (Terraform" in note for note in gone.notes)
    assert snapshot(world) == before


def test_what_a_trail_lacks_is_added_only_when_agreed(world: Any) -> None:
    make_trail(world, logs=False, start=False, IsMultiRegionTrail=False)
    world.aws.call(
        "cloudtrail",
        "PutEventSelectors",
        TrailName="corp-trail",
        EventSelectors=[
            {
                "ReadWriteType": "WriteOnly",
                "IncludeManagementEvents": True,
                "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::x/"]}],
            }
        ],
    )
    before = snapshot(world)
    config = config_of(world, "yes", router_url="")
    assert config.adopted == {"trail": "corp-trail", "bucket": BUCKET}
    (trail,) = find_trails(config, world.clients())
    assert trail.faults == (
        "it is stopped",
        "it records one region only",
        "it leaves out some management events",
    )
    withheld = world.plan(config, world.detections())
    assert "trail" not in {change.kind for change in withheld.changes}
    (note,) = [one for one in withheld.notes if "--touch trail" in one]
    assert "not ours (Terraform (tag managed-by=terraform))" in note
    assert note.endswith("Until that is done alarms may stay silent.")
    agreed = replace(config, touch=("trail",))
    plan = world.plan(agreed, world.detections())
    (change,) = [one for one in plan.changes if one.kind == "trail"]
    assert change.owner == "Terraform (tag managed-by=terraform)"
    assert Plan.from_json(plan.to_json()) == plan
    assert set(world.ends(world.apply(agreed, world.detections(), plan))) == {"done"}
    after = snapshot(world)
    assert changed_by_us(before, after) == {"trail corp-trail"}
    described, selectors, _, logging, tags = after["trail corp-trail"]
    assert described["CloudWatchLogsLogGroupArn"] == SITE.log_group_arn(config.log_group)
    assert described["IsMultiRegionTrail"] and logging
    assert tags[0]["TagsList"] == TERRAFORM
    assert [one["ReadWriteType"] for one in selectors] == ["WriteOnly", "All"]
    assert selectors[0]["DataResources"][0]["Values"] == ["arn:aws:s3:::x/"]
    assert selectors[1]["DataResources"] == []
    assert world.plan(config, world.detections()).empty
    destroy(world, config)
    described = snapshot(world)["trail corp-trail"][0]
    assert not described.get("CloudWatchLogsLogGroupArn"), "our log group and role are not lent on"
    assert described["S3BucketName"] == BUCKET


def test_policies_get_our_statements_and_lose_only_those(world: Any) -> None:
    make_trail(world)
    arn = make_topic(world)
    theirs = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Budgets",
                "Effect": "Allow",
                "Principal": {"Service": "budgets.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": arn,
            }
        ],
    }
    policy = json.dumps(theirs)
    world.aws.call(
        "sns",
        "SetTopicAttributes",
        TopicArn=arn,
        AttributeName="Policy",
        AttributeValue=policy,
    )
    before = snapshot(world)
    config = config_of(
        world, f"bucket={BUCKET},topic={TOPIC}", touch=("bucket", "topic"), router_url=""
    )
    assert set(world.ends(world.apply(config, world.detections()))) == {"done"}
    after = snapshot(world)
    assert changed_by_us(before, after) == {f"topic {arn}"}, "their policy lets our trail write too"
    statements = json.loads(after[f"topic {arn}"][0]["Policy"])["Statement"]
    assert [one["Sid"] for one in statements] == ["Budgets", "TrailwatchMainOnlyOurAlarms"]
    assert statements[0] == theirs["Statement"][0]
    assert world.plan(config, world.detections()).empty
    destroy(world, config)
    left = snapshot(world)
    assert json.loads(left[f"topic {arn}"][0]["Policy"]) == theirs
    assert {name for name in before if name not in left} == set()


def test_a_retention_is_never_shortened(on_moto: Any) -> None:
    make_trail(on_moto)
    agreed = {"touch": ("log_group",), "router_url": ""}
    config = config_of(on_moto, "trail=corp-trail", retention_days=30, **agreed)
    plan = on_moto.plan(config, on_moto.detections())
    assert "log_group" not in {change.kind for change in plan.changes}
    longer = on_moto.plan(replace(config, retention_days=1827), on_moto.detections())
    (change,) = [one for one in longer.changes if one.kind == "log_group"]
    assert change.summary().endswith("from 731 to 1827.")


def test_their_subscription_to_the_same_service_stays(on_stand_in: Any) -> None:
    make_trail(on_stand_in)
    arn = make_topic(on_stand_in)
    url = f"{on_stand_in.opsgenie.url}/v1/json/amazonsns?apiKey=theirs-0000"
    on_stand_in.aws.call("sns", "Subscribe", TopicArn=arn, Protocol="http", Endpoint=url)
    before = snapshot(on_stand_in)
    config = config_of(on_stand_in, f"trail=corp-trail,topic={TOPIC}")
    assert set(on_stand_in.ends(on_stand_in.apply(config, on_stand_in.detections()))) == {"done"}
    assert changed_by_us(before, snapshot(on_stand_in)) == set()
    destroy(on_stand_in, config)
    assert snapshot(on_stand_in) == before


def test_filters_of_theirs_that_look_like_ours_stay(on_moto: Any) -> None:
    make_trail(on_moto)
    on_moto.aws.call(
        "logs",
        "PutMetricFilter",
        logGroupName=GROUP,
        filterName="trailwatch-of-old",
        filterPattern="{ $.a = b }",
        metricTransformations=[
            {"metricName": "old", "metricNamespace": "Theirs", "metricValue": "1"}
        ],
    )
    before = snapshot(on_moto)
    config = config_of(on_moto, "trail=corp-trail", router_url="")
    assert set(on_moto.ends(on_moto.apply(config, on_moto.detections()))) == {"done"}
    destroy(on_moto, config)
    assert changed_by_us(before, snapshot(on_moto)) == set()


def test_two_sites_on_one_log_group_leave_each_other_alone(on_moto: Any) -> None:
    make_trail(on_moto)
    one = config_of(on_moto, "trail=corp-trail", router_url="")
    two = replace(one, site=replace(one.site, name="two"), prefix=f"{one.prefix}-two")
    for config in (one, two):
        assert set(on_moto.ends(on_moto.apply(config, on_moto.detections()))) == {"done"}
    assert on_moto.plan(one, on_moto.detections()).empty
    before = snapshot(on_moto)
    destroy(on_moto, one)
    kept = {name for name in before if f"{two.prefix}-" in name}
    assert len(kept) == 5, "a topic, two filters and two alarms"
    assert {name for name in kept if snapshot(on_moto).get(name) != before[name]} == set()


def test_an_adopted_thing_that_is_gone_is_not_made_anew(on_moto: Any) -> None:
    make_trail(on_moto)
    config = config_of(on_moto, "yes")
    on_moto.aws.call("cloudtrail", "DeleteTrail", Name="corp-trail")
    with pytest.raises(ConfigError, match="trail corp-trail is gone") as caught:
        on_moto.plan(config, on_moto.detections())
    assert "--adopt none" in caught.value.fix


def test_a_pipeline_that_stands_is_taken_down_first(on_moto: Any) -> None:
    config = on_moto.built()
    make_trail(on_moto)
    with pytest.raises(UsageError, match="stands on the log group /trailwatch/cloudtrail"):
        adopting(config, "yes", on_moto.clients())
    make_topic(on_moto)
    moved = adopting(config, f"topic={TOPIC}", on_moto.clients())
    kinds = {change.kind for change in on_moto.plan(moved, on_moto.detections()).changes}
    assert kinds == {"alarm", "subscription"}


def test_drift_of_theirs_is_told_and_never_put_back_unasked(on_moto: Any) -> None:
    make_trail(on_moto)
    make_topic(on_moto)
    config = config_of(on_moto, f"trail=corp-trail,topic={TOPIC}", router_url="")
    assert set(on_moto.ends(on_moto.apply(config, on_moto.detections()))) == {"done"}
    on_moto.aws.call("cloudtrail", "StopLogging", Name="corp-trail")
    (stopped,) = find(config, on_moto.detections(), on_moto.clients()).items
    assert stopped.key == "trail:corp-trail" and stopped.severity == "loud"
    assert "--touch trail" in stopped.blocked
    on_moto.aws.call("sns", "DeleteTopic", TopicArn=SITE.topic_arn(TOPIC))
    both = find(config, on_moto.detections(), on_moto.clients()).items
    assert {one.key for one in both if one.blocked} == {"trail:corp-trail", f"topic:{TOPIC}"}


def test_a_bucket_that_may_not_be_looked_at_is_used_unchecked(on_stand_in: Any) -> None:
    make_trail(on_stand_in)
    config = config_of(on_stand_in, "trail=corp-trail", router_url="")
    for denied in ("GetBucketVersioning", "GetBucketPolicy", "GetPublicAccessBlock"):
        on_stand_in.faults.add(Fault("aws", denied, "status", 403))
    plan = on_stand_in.plan(config, on_stand_in.detections())
    (note,) = besides_offices(plan)
    assert note.startswith(f"The bucket {BUCKET} may not be looked at")
    assert "bucket" not in {change.kind for change in plan.changes}


def test_a_bucket_of_theirs_takes_our_trail_once_agreed(world: Any) -> None:
    """Its policy lets in one trail of theirs alone; their role gets a policy of its own name."""
    make_trail(world)
    only = bucket_policy()
    source = {"aws:SourceArn": SITE.trail_arn("corp-trail")}
    for statement in only["Statement"]:
        statement.setdefault("Condition", {}).setdefault("StringEquals", {}).update(source)
    world.aws.call("s3", "PutBucketPolicy", Bucket=BUCKET, Policy=json.dumps(only))
    before = snapshot(world)
    config = config_of(
        world, f"bucket={BUCKET},role={ROLE}", touch=("bucket", "role"), router_url=""
    )
    assert config.adopted == {"bucket": BUCKET, "role": f"service-role/{ROLE}"}
    assert set(world.ends(world.apply(config, world.detections()))) == {"done"}
    after = snapshot(world)
    assert changed_by_us(before, after) == {f"bucket {BUCKET}", f"role {ROLE}"}
    statements = json.loads(after[f"bucket {BUCKET}"]["GetBucketPolicy"])["Statement"]
    assert [one["Sid"] for one in statements] == [
        "AWSCloudTrailAclCheck",
        "AWSCloudTrailWrite",
        "TrailwatchMainAWSCloudTrailAclCheck",
        "TrailwatchMainAWSCloudTrailWrite",
    ]
    assert after[f"role {ROLE}"][1] == ["trailwatch-write-logs"]
    assert world.plan(config, world.detections()).empty
    destroy(world, config)
    left = snapshot(world)
    assert json.loads(left[f"bucket {BUCKET}"]["GetBucketPolicy"]) == only
    assert left[f"role {ROLE}"] == before[f"role {ROLE}"]
    assert {key for key in before if key.startswith(("trail", "group", "topic", "filter"))} == {
        key for key in before if left.get(key) == before[key] and not key.startswith(("bu", "ro"))
    }


def test_ours_is_not_offered(on_moto: Any) -> None:
    config = on_moto.built()
    assert find_trails(config, on_moto.clients()) == ()
    other = replace(config, site=replace(config.site, name="other"), prefix="other")
    (trail,) = find_trails(other, on_moto.clients())
    assert trail.owner == "the site main of trailwatch"


def test_trails_that_are_no_use_say_why(on_stand_in: Any) -> None:
    make_trail(on_stand_in)
    elsewhere = replace(on_stand_in.config(), site=Site("eu", "123456789012", "eu-west-1"))
    (trail,) = find_trails(elsewhere, on_stand_in.clients())
    assert trail.hindrance == "its home is us-east-1: make that the site's region to use it"
    with pytest.raises(UsageError, match="cannot be adopted: its home is us-east-1"):
        adopting(elsewhere, "trail=corp-trail", on_stand_in.clients())
    member = replace(on_stand_in.config(), site=Site("m", "111122223333", "us-east-1"))
    (trail,) = find_trails(member, on_stand_in.clients())
    assert "belongs to the account 123456789012" in trail.hindrance


def test_a_log_group_of_another_account_is_no_use(on_moto: Any) -> None:
    make_trail(on_moto)
    on_moto.aws.call(
        "cloudtrail",
        "UpdateTrail",
        Name="corp-trail",
        CloudWatchLogsLogGroupArn="arn:aws:logs:us-east-1:111122223333:log-group:/org/trail:*",
    )
    (trail,) = find_trails(on_moto.config(), on_moto.clients())
    assert trail.hindrance == "its log group is in 111122223333, us-east-1: make that a site"
    (note,) = besides_offices(on_moto.plan(on_moto.config(), on_moto.detections()))
    assert note.startswith("The trail corp-trail is no use here")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("yes", None),
        ("None", {}),
        ("trail=a, topic=b", {"trail": "a", "topic": "b"}),
        ("log-group=/x/y,LogGroup=/z", {"log_group": "/z"}),
    ],
)
def test_what_is_asked_is_read(text: str, meant: dict[str, str] | None) -> None:
    assert asked(text) == meant


def test_arns_are_as_good_as_names(on_moto: Any) -> None:
    make_trail(on_moto)
    make_topic(on_moto)
    names = {
        "bucket": f"arn:aws:s3:::{BUCKET}",
        "log_group": SITE.log_group_arn(GROUP),
        "role": SITE.role_arn(f"service-role/{ROLE}"),
        "topic": SITE.topic_arn(TOPIC),
    }
    config = config_of(on_moto, ",".join(f"{kind}={arn}" for kind, arn in names.items()))
    assert config.adopted == {
        "bucket": BUCKET,
        "log_group": GROUP,
        "role": f"service-role/{ROLE}",
        "topic": TOPIC,
    }
    trail = config_of(on_moto, f"trail={SITE.trail_arn('corp-trail')}")
    assert trail.adopted["trail"] == "corp-trail"


def test_what_may_not_be_looked_at_is_taken_at_a_persons_word(on_stand_in: Any) -> None:
    for denied in ("HeadBucket", "GetTopicAttributes"):
        on_stand_in.faults.add(Fault("aws", denied, "status", 403))
    theirs = "arn:aws:sns:us-east-1:111122223333:central"
    config = config_of(on_stand_in, f"bucket=central-logs,topic={theirs}", router_url="")
    assert config.adopted == {"bucket": "central-logs", "topic": theirs}
    assert config.site.topic_arn(config.topic) == theirs


def test_what_cannot_be_adopted_is_said(on_moto: Any) -> None:
    make_trail(on_moto)
    with pytest.raises(UsageError, match="nothing to adopt") as caught:
        asked("alarm=x")
    assert "trail, bucket, log_group, role, topic" in caught.value.fix
    with pytest.raises(UsageError, match="no kind"):
        touched("trail,alarm")
    assert touched("trail,log-group,trail") == ("trail", "log_group")
    with pytest.raises(NotFound, match="corp-trial") as missing:
        config_of(on_moto, "trail=corp-trial")
    assert "corp-trail" in missing.value.fix
    for text in ("topic=nothing", "bucket=nothing-here", "log_group=/no", "role=nobody"):
        with pytest.raises(NotFound):
            config_of(on_moto, text)
    with pytest.raises(UsageError, match=f"uses the bucket {BUCKET}"):
        config_of(on_moto, "trail=corp-trail,bucket=another")


def test_nothing_adopted_is_ever_deleted(on_moto: Any) -> None:
    with pytest.raises(AssertionError):
        Adopted().delete(on_moto.clients())
