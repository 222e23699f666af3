"""KMS keys, selectors and organizations in the AWS stand-in, through boto3."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"
MEMBER = "111122223333"
GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group"


def refused(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def key(aws: Any, *statements: dict[str, Any]) -> str:
    """The ARN of a key with these statements in its policy."""
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    made = aws.client("kms").create_key(Policy=json.dumps(document))
    return str(made["KeyMetadata"]["Arn"])


def lets(service: str, **condition: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "kms:*",
        "Resource": "*",
        **({"Condition": condition} if condition else {}),
    }


TRAIL = "arn:aws:cloudtrail:us-east-1:123456789012:trail"


def test_a_trail_is_refused_a_key_that_does_not_let_it_in(aws: Any) -> None:
    cloudtrail, bucket = aws.client("cloudtrail"), aws.bucket()

    def create(name: str, arn: str) -> str:
        return refused(cloudtrail.create_trail, Name=name, S3BucketName=bucket, KmsKeyId=arn)

    assert create("one", "alias/none") == "KmsKeyNotFoundException"
    assert create("one", key(aws)) == "InsufficientEncryptionPolicyException"
    other = lets("cloudtrail.amazonaws.com", StringEquals={"aws:SourceArn": f"{TRAIL}/two"})
    arn = key(aws, other)
    assert create("one", arn) == "InsufficientEncryptionPolicyException"
    aws.client("kms").create_alias(AliasName="alias/mine", TargetKeyId=arn.split("/")[1])
    cloudtrail.create_trail(Name="two", S3BucketName=bucket, KmsKeyId="alias/mine")
    assert cloudtrail.describe_trails()["trailList"][0]["KmsKeyId"] == arn
    aws.client("kms").schedule_key_deletion(KeyId=arn.split("/")[1])
    assert create("three", arn) == "KmsException"
    assert refused(aws.client("kms").enable_key, KeyId=arn) == "KMSInvalidStateException"
    cloudtrail.update_trail(Name="two", KmsKeyId="")
    assert "KmsKeyId" not in cloudtrail.describe_trails()["trailList"][0]


def test_a_trail_does_not_deliver_once_its_key_is_gone(
    aws: Any, until_true: Callable[..., Any], make_record: Callable[..., Any]
) -> None:
    arn = key(aws, lets("cloudtrail.amazonaws.com"))
    aws.trail(KmsKeyId=arn)
    aws.client("kms").disable_key(KeyId=arn.split("/")[1])
    aws.stand_in.ingest([make_record("CreateUser")])
    status = until_true(
        lambda: (
            (found := aws.client("cloudtrail").get_trail_status(Name="trailwatch")).get(
                "LatestDeliveryError"
            )
            and found
        )
    )
    assert status["LatestDeliveryError"] == "AccessDenied"


def test_a_log_group_is_refused_a_key_that_does_not_let_it_in(aws: Any) -> None:
    logs = aws.client("logs")
    for_one = {"kms:EncryptionContext:aws:logs:arn": f"{GROUP}:one"}
    arn = key(aws, lets("logs.us-east-1.amazonaws.com", ArnEquals=for_one))
    denied = "AccessDeniedException"
    assert refused(logs.create_log_group, logGroupName="two", kmsKeyId=arn) == denied
    assert refused(logs.create_log_group, logGroupName="one", kmsKeyId="alias/aws/logs") == denied
    logs.create_log_group(logGroupName="one", kmsKeyId=arn)
    assert logs.describe_log_groups()["logGroups"][0]["kmsKeyId"] == arn
    logs.disassociate_kms_key(logGroupName="one")
    assert "kmsKeyId" not in logs.describe_log_groups()["logGroups"][0]
    assert refused(logs.associate_kms_key, logGroupName="one", kmsKeyId=key(aws)) == denied
    logs.associate_kms_key(logGroupName="one", kmsKeyId=arn)
    assert logs.describe_log_groups()["logGroups"][0]["kmsKeyId"] == arn


@pytest.mark.parametrize("service", ["cloudwatch.amazonaws.com", "events.amazonaws.com"])
def test_an_alarm_reaches_an_encrypted_topic_where_the_key_lets_it(
    aws: Any, until_true: Callable[..., Any], service: str
) -> None:
    topic = aws.topic(KmsMasterKeyId=key(aws, lets(service)))
    aws.alarm(AlarmActions=[topic], TreatMissingData="ignore")
    aws.confirmed(topic)
    aws.client("cloudwatch").set_alarm_state(
        AlarmName="user-created", StateValue="ALARM", StateReason="a test"
    )
    actions = until_true(
        lambda: aws.client("cloudwatch").describe_alarm_history(
            AlarmName="user-created", HistoryItemType="Action"
        )["AlarmHistoryItems"]
    )
    said = json.loads(actions[0]["HistoryData"])["actionState"]
    assert said == ("Succeeded" if service.startswith("cloudwatch") else "Failed")


def test_keys_live_on_between_two_runs(start_aws: Callable[..., Any], tmp_path: Any) -> None:
    first = start_aws(state=tmp_path)
    arn = key(first, lets("cloudtrail.amazonaws.com"))
    first.client("kms").create_alias(AliasName="alias/mine", TargetKeyId=arn.split("/")[1])
    first.stop()
    second = start_aws(state=tmp_path)
    assert second.client("kms").describe_key(KeyId="alias/mine")["KeyMetadata"]["Arn"] == arn


DATA = {"eventCategory": "Data", "managementEvent": False, "readOnly": False}


def on(kind: str, arn: str) -> dict[str, Any]:
    return {**DATA, "resources": [{"type": kind, "ARN": arn}]}


def test_what_is_left_out_and_what_is_added_is_not_and_is_delivered(
    aws: Any, until_true: Callable[..., Any], make_record: Callable[..., Any]
) -> None:
    group = aws.trail()
    field = {"Field": "eventCategory", "Equals": ["Data"]}
    aws.client("cloudtrail").put_event_selectors(
        TrailName="trailwatch",
        AdvancedEventSelectors=[
            {
                "FieldSelectors": [
                    {"Field": "eventCategory", "Equals": ["Management"]},
                    {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]},
                ]
            },
            {
                "FieldSelectors": [
                    field,
                    {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
                    {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::payroll/2026/"]},
                ]
            },
        ],
    )
    aws.stand_in.ingest(
        [
            make_record("Decrypt", eventSource="kms.amazonaws.com"),
            make_record("GetObject", **on("AWS::S3::Object", "arn:aws:s3:::payroll/2025/a")),
            make_record("PutObject", **on("AWS::S3::Object", "arn:aws:s3:::payroll/2026/b")),
            make_record("Invoke", **on("AWS::Lambda::Function", "arn:aws:s3:::payroll/2026/c")),
            make_record("CreateUser"),
        ]
    )
    found = until_true(lambda: aws.client("logs").filter_log_events(logGroupName=group)["events"])
    names = {json.loads(event["message"])["eventName"] for event in found}
    assert names == {"PutObject", "CreateUser"}


@pytest.mark.parametrize(
    "fields",
    [
        [{"Field": "eventCategory", "Equals": ["Data"]}],
        [{"Field": "eventName", "Equals": ["CreateUser"]}],
        [
            {"Field": "eventCategory", "Equals": ["Management"]},
            {"Field": "eventSource", "NotEquals": ["iam.amazonaws.com"]},
        ],
        [{"Field": "resources.arn", "Equals": ["a"]}],
    ],
)
def test_selectors_that_aws_does_not_take(aws: Any, fields: list[Any]) -> None:
    aws.trail()
    code = refused(
        aws.client("cloudtrail").put_event_selectors,
        TrailName="trailwatch",
        AdvancedEventSelectors=[{"FieldSelectors": fields}],
    )
    assert code == "InvalidEventSelectorsException"


def test_an_organization_trail_has_its_conditions(
    aws: Any, until_true: Callable[..., Any], make_record: Callable[..., Any]
) -> None:
    group = aws.trail()
    cloudtrail, organizations = aws.client("cloudtrail"), aws.client("organizations")

    def widen(**more: Any) -> Any:
        return cloudtrail.update_trail(Name="trailwatch", IsOrganizationTrail=True, **more)

    assert refused(widen) == "OrganizationsNotInUseException"
    made = organizations.create_organization(FeatureSet="ALL")["Organization"]["Id"]
    assert refused(widen) == "CloudTrailAccessNotEnabledException"
    organizations.enable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
    assert refused(widen) == "InsufficientS3BucketPolicyException"
    s3 = aws.client("s3")
    policy = s3.get_bucket_policy(Bucket="trailwatch-archive")["Policy"]
    wider = policy.replace(f"AWSLogs/{ACCOUNT}/*", "AWSLogs/*")
    s3.put_bucket_policy(Bucket="trailwatch-archive", Policy=wider)
    widen()
    aws.stand_in.ingest([make_record("CreateUser", recipientAccountId=MEMBER)])
    event = until_true(lambda: aws.client("logs").filter_log_events(logGroupName=group)["events"])[
        0
    ]
    assert event["logStreamName"] == f"{made}_{MEMBER}_CloudTrail_us-east-1"
    (found,) = until_true(
        lambda: s3.list_objects_v2(Bucket="trailwatch-archive").get("Contents", [])
    )
    assert found["Key"].startswith(f"AWSLogs/{made}/{MEMBER}/CloudTrail/us-east-1/")
