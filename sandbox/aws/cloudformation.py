"""Knows stacks: makes each resource of a template by the calls that its properties stand for.

moto's own CloudFormation drops what it does not know; here that is refused. Never updates a stack.
Source: AWS resource and property types reference, AWS CloudFormation template reference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from sandbox.aws.backends import Account
from sandbox.aws.operations import Handler, Proceed
from sandbox.aws.protocol import AwsCall, Refusal

LONGEST_BODY = 51_200
"""Bytes of a TemplateBody. Source: AWS CloudFormation quotas."""

Connect = Callable[[str], Any]
Properties = dict[str, Any]
Attributes = dict[str, str]
"""What a made resource answers: under "Ref", and under the names that Fn::GetAtt takes."""


class CloudFormation:
    """The stacks of one account, which are made at once and stay as they are."""

    def __init__(self, account: Account, url: str) -> None:
        self._account = account
        self._url = url
        self._stacks: dict[str, dict[str, Any]] = {}

    def handlers(self) -> dict[str, Handler]:
        return {"CreateStack": self._create, "DescribeStacks": self._describe}

    def _create(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        name, body = str(call.get("StackName", "")), str(call.get("TemplateBody", ""))
        if name in self._stacks:
            raise Refusal("AlreadyExistsException", f"Stack [{name}] already exists")
        if not 1 <= len(body.encode()) <= LONGEST_BODY:
            raise _invalid(f"the templateBody must have 1 to {LONGEST_BODY} bytes")
        resources = _resources(body)
        named = any(one["Type"].startswith("AWS::IAM::") for one in resources.values())
        if named and "CAPABILITY_NAMED_IAM" not in call.get("Capabilities", []):
            text = "Requires capabilities : [CAPABILITY_NAMED_IAM]"
            raise Refusal("InsufficientCapabilitiesException", text)
        with _clients(self._url, call.region) as connect:
            _make_all(resources, connect)
        arn = f"arn:aws:cloudformation:{call.region}:{self._account.id}:stack/{name}/1"
        self._stacks[name] = {
            "StackId": arn,
            "StackName": name,
            "CreationTime": datetime.now(UTC),
            "StackStatus": "CREATE_COMPLETE",
        }
        return {"StackId": arn}

    def _describe(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        name = call.get("StackName")
        if name and name not in self._stacks:
            raise _invalid(f"Stack with id {name} does not exist")
        return {"Stacks": [self._stacks[name]] if name else list(self._stacks.values())}


def _invalid(text: str) -> Refusal:
    return Refusal("ValidationError", text)


def _resources(body: str) -> dict[str, dict[str, Any]]:
    try:
        resources: dict[str, dict[str, Any]] = json.loads(body)["Resources"]
    except (ValueError, KeyError, TypeError) as error:
        raise _invalid(f"Template format error: {error}") from error
    unknown = sorted({one["Type"] for one in resources.values()} - _MAKERS.keys())
    if unknown:
        raise _invalid(f"The sandbox makes no resources of the type {', '.join(unknown)}")
    return resources


def _make_all(resources: Mapping[str, Mapping[str, Any]], connect: Connect) -> None:
    needs = {
        name: {*_needed(one.get("Properties", {})), *_listed(one.get("DependsOn"))}
        for name, one in resources.items()
    }
    made: dict[str, Attributes] = {}
    try:
        for name in TopologicalSorter(needs).static_order():
            if name not in resources:
                raise _invalid(f"Unresolved resource dependencies [{name}]")
            one = resources[name]
            properties = _resolved(one.get("Properties", {}), made)
            made[name] = _MAKERS[one["Type"]](connect, properties)
            if properties:
                text = f"The sandbox knows no {', '.join(properties)} of {one['Type']}"
                raise _invalid(text)
    except CycleError as error:
        raise _invalid(f"Circular dependency between resources: {error.args[1]}") from error
    except (ClientError, BotoCoreError, KeyError) as error:
        # AWS would roll the stack back; its first failure is what a person needs to know.
        raise _invalid(f"CREATE_FAILED {name}: {error}") from error


def _needed(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if "Ref" in value:
            yield str(value["Ref"])
        elif "Fn::GetAtt" in value:
            yield str(value["Fn::GetAtt"][0])
        else:
            for below in value.values():
                yield from _needed(below)
    elif isinstance(value, list):
        for one in value:
            yield from _needed(one)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _resolved(value: Any, made: Mapping[str, Attributes]) -> Any:
    if isinstance(value, Mapping):
        if "Ref" in value:
            return made[value["Ref"]]["Ref"]
        if "Fn::GetAtt" in value:
            name, attribute = value["Fn::GetAtt"]
            return made[name][attribute]
        return {key: _resolved(below, made) for key, below in value.items()}
    return [_resolved(one, made) for one in value] if isinstance(value, list) else value


@contextmanager
def _clients(url: str, region: str) -> Iterator[Connect]:
    session = get_session()
    opened: list[Any] = []

    def connect(service: str) -> Any:
        opened.append(
            session.create_client(
                service,
                region_name=region,
                endpoint_url=url,
                aws_access_key_id="AKIAEXAMPLECLOUDFORM",
                aws_secret_access_key="example",  # noqa: S106  the stand-in asks for none
                config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
            )
        )
        return opened[-1]

    try:
        yield connect
    finally:
        for client in opened:
            client.close()


# Each maker takes what it knows out of the properties; what is left is refused.


def _key(connect: Connect, given: Properties) -> Attributes:
    kms = connect("kms")
    rotates = given.pop("EnableKeyRotation", False)
    made = kms.create_key(
        Description=given.pop("Description", ""),
        Policy=json.dumps(given.pop("KeyPolicy")),
        Tags=[{"TagKey": one["Key"], "TagValue": one["Value"]} for one in given.pop("Tags", [])],
    )["KeyMetadata"]
    if rotates:
        kms.enable_key_rotation(KeyId=made["KeyId"])
    return {"Ref": made["KeyId"], "Arn": made["Arn"]}


def _alias(connect: Connect, given: Properties) -> Attributes:
    name = given.pop("AliasName")
    connect("kms").create_alias(AliasName=name, TargetKeyId=given.pop("TargetKeyId"))
    return {"Ref": name}


def _bucket(connect: Connect, given: Properties) -> Attributes:
    s3, name = connect("s3"), given.pop("BucketName")
    region = s3.meta.region_name
    where = {} if region == "us-east-1" else {"LocationConstraint": region}
    extra: dict[str, Any] = {"CreateBucketConfiguration": where} if where else {}
    if given.pop("ObjectLockEnabled", False):
        extra["ObjectLockEnabledForBucket"] = True
    s3.create_bucket(Bucket=name, **extra)
    for rule in given.pop("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", ()):
        default = {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
        s3.put_bucket_encryption(
            Bucket=name, ServerSideEncryptionConfiguration={"Rules": [default]}
        )
    rules = [_rule(one) for one in given.pop("LifecycleConfiguration", {}).get("Rules", ())]
    if rules:
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    block = given.pop("PublicAccessBlockConfiguration", None)
    if block:
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
    versioning = given.pop("VersioningConfiguration", None)
    if versioning:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
    lock = given.pop("ObjectLockConfiguration", None)
    if lock:
        s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": given.pop("Tags", [])})
    return {"Ref": name, "Arn": f"arn:aws:s3:::{name}"}


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A lifecycle rule, whose days and prefix S3's API names otherwise."""
    moves = [
        {"Days": one["TransitionInDays"], "StorageClass": one["StorageClass"]}
        for one in rule.get("Transitions", ())
    ]
    same = ("Status", "AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration")
    out = {"ID": rule["Id"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    out |= {name: rule[name] for name in same if name in rule}
    if "ExpirationInDays" in rule:
        out["Expiration"] = {"Days": rule["ExpirationInDays"]}
    return {**out, "Transitions": moves} if moves else out


def _bucket_policy(connect: Connect, given: Properties) -> Attributes:
    name = given.pop("Bucket")
    connect("s3").put_bucket_policy(Bucket=name, Policy=json.dumps(given.pop("PolicyDocument")))
    return {"Ref": f"{name}-policy"}


def _log_group(connect: Connect, given: Properties) -> Attributes:
    logs, name = connect("logs"), given.pop("LogGroupName")
    extra = {"kmsKeyId": given.pop("KmsKeyId")} if "KmsKeyId" in given else {}
    tags = {one["Key"]: one["Value"] for one in given.pop("Tags", [])}
    logs.create_log_group(logGroupName=name, tags=tags, **extra)
    days = given.pop("RetentionInDays", None)
    if days:
        logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    (found,) = (
        one
        for one in logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        if one["logGroupName"] == name
    )
    return {"Ref": name, "Arn": found["arn"].removesuffix(":*") + ":*"}


def _metric_filter(connect: Connect, given: Properties) -> Attributes:
    name = given.pop("FilterName")
    connect("logs").put_metric_filter(
        logGroupName=given.pop("LogGroupName"),
        filterName=name,
        filterPattern=given.pop("FilterPattern"),
        metricTransformations=[
            {key[:1].lower() + key[1:]: value for key, value in one.items()}
            for one in given.pop("MetricTransformations")
        ],
    )
    return {"Ref": name}


def _role(connect: Connect, given: Properties) -> Attributes:
    iam, name = connect("iam"), given.pop("RoleName")
    made = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps(given.pop("AssumeRolePolicyDocument")),
        Tags=given.pop("Tags", []),
    )
    for one in given.pop("Policies", ()):
        document = json.dumps(one["PolicyDocument"])
        iam.put_role_policy(RoleName=name, PolicyName=one["PolicyName"], PolicyDocument=document)
    return {"Ref": name, "Arn": made["Role"]["Arn"]}


def _trail(connect: Connect, given: Properties) -> Attributes:
    cloudtrail, name = connect("cloudtrail"), given.pop("TrailName")
    core = {
        "S3BucketName": "S3BucketName",
        "CloudWatchLogsLogGroupArn": "CloudWatchLogsLogGroupArn",
        "CloudWatchLogsRoleArn": "CloudWatchLogsRoleArn",
        "KMSKeyId": "KmsKeyId",
        "IsMultiRegionTrail": "IsMultiRegionTrail",
        "IsOrganizationTrail": "IsOrganizationTrail",
        "IncludeGlobalServiceEvents": "IncludeGlobalServiceEvents",
        "EnableLogFileValidation": "EnableLogFileValidation",
        "Tags": "TagsList",
    }
    taken = {to: given.pop(own) for own, to in core.items() if own in given}
    made = cloudtrail.create_trail(Name=name, **taken)
    for own in ("EventSelectors", "AdvancedEventSelectors"):
        if own in given:
            cloudtrail.put_event_selectors(TrailName=name, **{own: given.pop(own)})
    insights = given.pop("InsightSelectors", None)
    if insights:
        cloudtrail.put_insight_selectors(TrailName=name, InsightSelectors=insights)
    if given.pop("IsLogging"):
        cloudtrail.start_logging(Name=name)
    return {"Ref": name, "Arn": made["TrailARN"]}


def _topic(connect: Connect, given: Properties) -> Attributes:
    name = given.pop("TopicName")
    attributes = {
        key: str(given.pop(key)) for key in ("SignatureVersion", "KmsMasterKeyId") if key in given
    }
    made = connect("sns").create_topic(Name=name, Attributes=attributes, Tags=given.pop("Tags", []))
    return {"Ref": made["TopicArn"], "TopicName": name, "TopicArn": made["TopicArn"]}


def _topic_policy(connect: Connect, given: Properties) -> Attributes:
    policy = json.dumps(given.pop("PolicyDocument"))
    sns = connect("sns")
    for arn in given.pop("Topics"):
        sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    return {"Ref": "policy"}


def _alarm(connect: Connect, given: Properties) -> Attributes:
    name = given["AlarmName"]
    connect("cloudwatch").put_metric_alarm(**given)
    given.clear()
    return {"Ref": name}


_MAKERS: Mapping[str, Callable[[Connect, Properties], Attributes]] = {
    "AWS::CloudTrail::Trail": _trail,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::IAM::Role": _role,
    "AWS::KMS::Alias": _alias,
    "AWS::KMS::Key": _key,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::Logs::MetricFilter": _metric_filter,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::TopicPolicy": _topic_policy,
}
